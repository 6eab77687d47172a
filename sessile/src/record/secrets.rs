//! [`Secrets`]: the digests of the secrets of a session, and what each secret allows.

use std::{mem, sync::Arc, time::Duration};

use super::{
    DecodeError, Epoch, Record, SHARED,
    rotation::{Rotation, RotationStep},
};
use crate::{
    clock::Timestamp,
    record::id::{Secret, SecretDigest},
};

/// The digests of the secrets of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secrets {
    /// Of the secret that the newest cookie carries, or of the one that a pending secret is to replace.
    pub(crate) current: SecretDigest,
    /// Of the secret that a renewal replaced, for requests that were in flight.
    pub(crate) previous: Option<Previous>,
    /// `None` if secrets are not rotated, and before the first rotation: the current secret counts from the creation of
    /// the session. It is allocated separately, since few records have one.
    pub(crate) rotation: Option<Arc<Rotation>>,
}

/// A secret that a renewal replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Previous {
    pub(crate) digest: SecretDigest,
    /// The epoch that the renewal ended, for forms that were open.
    pub(crate) epoch: Epoch,
    pub(crate) replaced_at: Timestamp,
}

/// What a presented secret allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presented {
    /// It opens the session, and is to become the current one.
    Pending,
    /// It opens the session.
    Current,
    /// It opens the session until the current one, which replaced it, is presented after the grace period.
    Former,
    /// A renewal replaced it within the grace period: it can only end the session.
    Stale,
    /// It opens nothing.
    Unknown,
}

impl Secrets {
    pub(crate) fn new(current: SecretDigest) -> Self {
        Self {
            current,
            previous: None,
            rotation: None,
        }
    }

    /// Whether there is only a current secret.
    pub(super) const fn is_plain(&self) -> bool {
        self.previous.is_none() && self.rotation.is_none()
    }

    /// Refuses secrets of which two are equal.
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        let current = Some(&self.current);
        let previous = self.previous.as_ref().map(|it| &it.digest);
        let other = self.rotation.as_deref().and_then(|it| it.step.digest());
        let repeats = previous == current || other == current;
        if repeats || (previous.is_some() && previous == other) {
            return Err(DecodeError::Secrets);
        }
        Ok(())
    }

    /// About how many bytes of memory they take beside themselves.
    pub(super) fn footprint(&self) -> usize {
        let rotation = self.rotation.as_deref();
        rotation.map_or(0, |rotation| SHARED + size_of_val(rotation))
    }

    /// What `presented` allows at `now`. A secret that a renewal replaced is remembered for `grace`.
    ///
    /// All digests are compared, so that the time does not reveal which of them matched.
    pub(crate) fn judge(
        &self,
        presented: &SecretDigest,
        now: Timestamp,
        grace: Duration,
    ) -> Presented {
        let is_current = self.current == *presented;
        let is_remembered = |since| now.saturating_duration_since(since) < grace;
        let previous = self.previous.as_ref().filter(|it| it.digest == *presented);
        let rotation = self.rotation.as_deref();
        let rotation = rotation.filter(|it| it.step.digest() == Some(presented));
        if is_current {
            return Presented::Current;
        }
        match (rotation.map(|it| (it.step, it.since)), previous) {
            (Some((RotationStep::Pending { .. }, _)), _) => Presented::Pending,
            (Some((RotationStep::Promoted { .. }, _)), _) => Presented::Former,
            (Some((RotationStep::Renewed { .. }, since)), _) if is_remembered(since) => {
                Presented::Stale
            }
            (_, Some(previous)) if is_remembered(previous.replaced_at) => Presented::Stale,
            _ => Presented::Unknown,
        }
    }
}

impl Record {
    /// The epoch before the latest renewal, for the grace period.
    pub(crate) fn previous_epoch(&self, now: Timestamp, grace: Duration) -> Option<Epoch> {
        let previous = self.secrets.as_ref()?.previous.as_ref()?;
        let is_remembered = now.saturating_duration_since(previous.replaced_at) < grace;
        is_remembered.then_some(previous.epoch)
    }

    /// Whether the secrets of this session have been rotated, or a rotation has begun.
    pub(crate) fn is_rotated(&self) -> bool {
        (self.secrets.as_ref()).is_some_and(|it| it.rotation.is_some())
    }

    /// Renews the session: `secret` opens it from now on, and requests of another epoch are superseded.
    /// The secrets that opened it before are remembered as stale; every other one is forgotten.
    pub(crate) fn renew(&mut self, secret: &Secret, epoch: Epoch, now: Timestamp) {
        let replaced = self.secrets.take();
        let rotation = replaced.as_ref().and_then(|it| it.rotation.as_deref());
        let rotation = rotation.map(|it| Rotation {
            since: now,
            step: match it.step {
                RotationStep::Pending { digest: stale, .. }
                | RotationStep::Promoted { former: stale, .. } => RotationStep::Renewed { stale },
                RotationStep::Done | RotationStep::Renewed { .. } => RotationStep::Done,
            },
        });
        let ended = mem::replace(&mut self.epoch, epoch);
        self.secrets = Some(Secrets {
            rotation: rotation.map(Arc::new),
            previous: replaced.map(|secrets| Previous {
                digest: secrets.current,
                epoch: ended,
                replaced_at: now,
            }),
            ..Secrets::new(secret.digest())
        });
    }

    /// Removes the secret that a renewal replaced once its grace period has passed.
    pub(crate) fn forget_previous(&mut self, now: Timestamp, grace: Duration) {
        if let Some(secrets) = &mut self.secrets {
            secrets
                .previous
                .take_if(|it| now.saturating_duration_since(it.replaced_at) >= grace);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(30);

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_millis(seconds * 1000)
    }

    fn digest(byte: u8) -> SecretDigest {
        Secret::from_bytes([byte; 16]).digest()
    }

    fn with(step: RotationStep) -> Secrets {
        Secrets {
            current: digest(1),
            previous: Some(Previous {
                digest: digest(2),
                epoch: Epoch::generate(),
                replaced_at: at(100),
            }),
            rotation: Some(Arc::new(Rotation {
                since: at(100),
                step,
            })),
        }
    }

    fn pending() -> RotationStep {
        RotationStep::Pending {
            digest: digest(3),
            nonce: [0; 16],
        }
    }

    fn promoted() -> RotationStep {
        RotationStep::Promoted {
            former: digest(3),
            nonce: [0; 16],
        }
    }

    fn renewed() -> RotationStep {
        RotationStep::Renewed { stale: digest(3) }
    }

    #[test]
    fn each_secret_allows_what_it_should() {
        use Presented::{Current, Former, Pending, Stale, Unknown};
        for (step, presented, now, worth) in [
            (RotationStep::Done, 1, 100, Current),
            (RotationStep::Done, 1, 9999, Current),
            (RotationStep::Done, 2, 100, Stale),
            (RotationStep::Done, 2, 129, Stale),
            (RotationStep::Done, 2, 130, Unknown),
            // A clock that runs behind the one that renewed.
            (RotationStep::Done, 2, 10, Stale),
            (RotationStep::Done, 3, 100, Unknown),
            (pending(), 1, 9999, Current),
            (pending(), 3, 9999, Pending),
            (pending(), 4, 100, Unknown),
            (promoted(), 1, 9999, Current),
            (promoted(), 3, 9999, Former),
            (promoted(), 4, 100, Unknown),
            (renewed(), 1, 9999, Current),
            (renewed(), 2, 129, Stale),
            (renewed(), 3, 129, Stale),
            (renewed(), 3, 130, Unknown),
        ] {
            let judged = with(step).judge(&digest(presented), at(now), GRACE);
            assert_eq!(judged, worth, "{step:?} {presented} at {now}");
        }
    }

    #[test]
    fn after_a_renewal_one_secret_opens_the_session() {
        use Presented::{Current, Stale, Unknown};
        for (step, third) in [
            (RotationStep::Done, Unknown),
            (pending(), Stale),
            (promoted(), Stale),
            (renewed(), Unknown),
        ] {
            let mut record = Record::new(at(0));
            record.secrets = Some(with(step));
            let epoch = Epoch::generate();
            record.renew(&Secret::from_bytes([9; 16]), epoch, at(200));
            let secrets = record.secrets.unwrap();
            assert_eq!(record.epoch, epoch);
            for (presented, worth) in [(9, Current), (1, Stale), (2, Unknown), (3, third)] {
                let judged = secrets.judge(&digest(presented), at(200), GRACE);
                assert_eq!(judged, worth, "{step:?} {presented}");
            }
        }
    }

    #[test]
    fn the_epoch_before_a_renewal_is_remembered_for_the_grace_period() {
        let mut record = Record::new(at(0));
        record.secrets = Some(with(RotationStep::Done));
        let (first, second) = (Epoch::generate(), Epoch::generate());
        record.epoch = first;
        record.renew(&Secret::from_bytes([8; 16]), second, at(200));
        assert_eq!(record.previous_epoch(at(229), GRACE), Some(first));
        assert_eq!(record.previous_epoch(at(230), GRACE), None);
        record.renew(&Secret::from_bytes([9; 16]), Epoch::generate(), at(210));
        assert_eq!(record.previous_epoch(at(229), GRACE), Some(second));
    }

    #[test]
    fn secrets_that_repeat_contradict_each_other() {
        let changed = |change: fn(&mut Secrets)| {
            let mut secrets = with(pending());
            change(&mut secrets);
            secrets.check().err()
        };
        let contradiction = Some(DecodeError::Secrets);
        assert_eq!(changed(|_| {}), None);
        assert_eq!(changed(|it| it.current = digest(2)), contradiction);
        assert_eq!(changed(|it| it.current = digest(3)), contradiction);
        let previous = |it: &mut Secrets| {
            if let Some(previous) = &mut it.previous {
                previous.digest = digest(3);
            }
        };
        assert_eq!(changed(previous), contradiction);
    }
}
