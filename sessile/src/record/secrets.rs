//! [`Secrets`]: the digests of the secrets of a session, and what each secret allows.

use std::{sync::Arc, time::Duration};

use super::{DecodeError, Epoch, Record, SHARED};
use crate::{
    clock::Timestamp,
    record::id::{Secret, SecretDigest},
};

/// The digests of the secrets of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secrets {
    /// Of the secret that the newest cookie carries.
    pub(crate) current: SecretDigest,
    /// Of the secret before that, for requests that were in flight when it was replaced.
    pub(crate) previous: Option<Previous>,
    /// Of the secret that a rotation issued, until a request presents it. Few records have one, so it is
    /// allocated separately.
    pub(crate) pending: Option<Arc<Pending>>,
}

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Previous {
    pub(crate) digest: SecretDigest,
    pub(crate) replaced_at: Timestamp,
    pub(crate) by: PreviousKind,
}

/// What replaced a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PreviousKind {
    /// A renewal: the secret no longer opens the session.
    Renewal,
    /// A rotation: the secret opens the session until the grace period has passed.
    Rotation,
}

/// A secret that a rotation has issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pending {
    pub(crate) digest: SecretDigest,
    /// What the secret is derived from, together with the session's id and the application's key.
    pub(crate) nonce: [u8; 16],
}

/// What a presented secret allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Presented {
    /// It opens the session.
    Current,
    /// It opens the session, and is to become the current one.
    Pending,
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
            pending: None,
        }
    }

    /// Refuses secrets of which two are equal.
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        let previous = self.previous.as_ref().map(|it| it.digest);
        let pending = self.pending.as_ref().map(|it| it.digest);
        let current = Some(self.current);
        let repeats = previous == current || pending == current;
        if repeats || (previous.is_some() && previous == pending) {
            return Err(DecodeError::Secrets);
        }
        Ok(())
    }

    /// About how many bytes of memory they take beside themselves.
    pub(super) fn footprint(&self) -> usize {
        let pending = self.pending.as_deref();
        pending.map_or(0, |pending| SHARED + size_of_val(pending))
    }

    /// What `presented` allows at `now`. A replaced secret is remembered for `grace`.
    ///
    /// All digests are compared, so that the time does not reveal which of them matched.
    pub(crate) fn judge(
        &self,
        presented: &SecretDigest,
        now: Timestamp,
        grace: Duration,
    ) -> Presented {
        let is_current = self.current == *presented;
        let is_pending = (self.pending.as_ref()).is_some_and(|it| it.digest == *presented);
        let previous = self.previous.as_ref().filter(|it| it.digest == *presented);
        if is_current {
            return Presented::Current;
        }
        if is_pending {
            return Presented::Pending;
        }
        match previous {
            Some(it) if now.saturating_duration_since(it.replaced_at) >= grace => {
                Presented::Unknown
            }
            Some(it) => match it.by {
                PreviousKind::Renewal => Presented::Stale,
                PreviousKind::Rotation => Presented::Current,
            },
            None => Presented::Unknown,
        }
    }
}

impl Record {
    /// Renews the session: `secret` opens it from now on, and requests of another epoch are superseded.
    /// The secret before it is remembered as stale; every other one is forgotten.
    pub(crate) fn renew(&mut self, secret: &Secret, epoch: Epoch, now: Timestamp) {
        let replaced = self.secrets.take().map(|secrets| Previous {
            digest: secrets.current,
            replaced_at: now,
            by: PreviousKind::Renewal,
        });
        self.epoch = epoch;
        self.secrets = Some(Secrets {
            previous: replaced,
            ..Secrets::new(secret.digest())
        });
    }

    /// Removes the previous secret once its grace period has passed.
    pub(crate) fn forget_previous(&mut self, now: Timestamp, grace: Duration) {
        if let Some(secrets) = &mut self.secrets {
            secrets
                .previous
                .take_if(|it| now.saturating_duration_since(it.replaced_at) >= grace);
        }
    }

    /// Makes the pending secret the current one, if it is the one that was `presented`.
    pub(crate) fn promote(&mut self, presented: &SecretDigest, now: Timestamp) {
        let Some(secrets) = &mut self.secrets else {
            return;
        };
        if let Some(pending) = secrets.pending.take_if(|it| it.digest == *presented) {
            secrets.previous = Some(Previous {
                digest: secrets.current,
                replaced_at: now,
                by: PreviousKind::Rotation,
            });
            secrets.current = pending.digest;
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

    fn all(by: PreviousKind) -> Secrets {
        Secrets {
            current: digest(1),
            previous: Some(Previous {
                digest: digest(2),
                replaced_at: at(100),
                by,
            }),
            pending: Some(Arc::new(Pending {
                digest: digest(3),
                nonce: [0; 16],
            })),
        }
    }

    #[test]
    fn each_secret_allows_what_it_should() {
        use Presented::{Current, Pending, Stale, Unknown};
        use PreviousKind::{Renewal, Rotation};
        for (by, presented, now, worth) in [
            (Renewal, 1, 100, Current),
            (Renewal, 1, 9999, Current),
            (Renewal, 2, 100, Stale),
            (Renewal, 2, 129, Stale),
            (Renewal, 2, 130, Unknown),
            // A clock that runs behind the one that renewed.
            (Renewal, 2, 10, Stale),
            (Renewal, 3, 9999, Pending),
            (Renewal, 4, 100, Unknown),
            (Rotation, 1, 9999, Current),
            (Rotation, 2, 129, Current),
            (Rotation, 2, 130, Unknown),
            (Rotation, 3, 100, Pending),
            (Rotation, 4, 100, Unknown),
        ] {
            let judged = all(by).judge(&digest(presented), at(now), GRACE);
            assert_eq!(judged, worth, "{by:?} {presented} at {now}");
        }
    }

    #[test]
    fn a_renewal_leaves_one_stale_secret() {
        let mut record = Record::new(at(0));
        record.secrets = Some(all(PreviousKind::Rotation));
        let epoch = Epoch::generate();
        record.renew(&Secret::from_bytes([9; 16]), epoch, at(200));
        let secrets = record.secrets.unwrap();
        assert_eq!(record.epoch, epoch);
        for (presented, worth) in [
            (9, Presented::Current),
            (1, Presented::Stale),
            (2, Presented::Unknown),
            (3, Presented::Unknown),
        ] {
            assert_eq!(secrets.judge(&digest(presented), at(200), GRACE), worth);
        }
    }

    #[test]
    fn only_the_pending_secret_is_promoted() {
        let mut record = Record::new(at(0));
        record.secrets = Some(all(PreviousKind::Rotation));
        for other in [1, 2, 4] {
            record.promote(&digest(other), at(200));
            assert_eq!(record.secrets, Some(all(PreviousKind::Rotation)));
        }
        record.promote(&digest(3), at(200));
        let secrets = record.secrets.unwrap();
        assert_eq!(
            (secrets.current, secrets.pending.is_none()),
            (digest(3), true)
        );
        assert_eq!(
            secrets.judge(&digest(1), at(229), GRACE),
            Presented::Current
        );
        assert_eq!(
            secrets.judge(&digest(1), at(230), GRACE),
            Presented::Unknown
        );
        assert_eq!(
            secrets.judge(&digest(2), at(200), GRACE),
            Presented::Unknown
        );
    }

    #[test]
    fn secrets_that_repeat_contradict_each_other() {
        let changed = |change: fn(&mut Secrets)| {
            let mut secrets = all(PreviousKind::Renewal);
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
