//! [`Secret`], which opens a session, and [`Secrets`]: the digests that a record keeps, and what each secret allows.

use std::{mem, sync::Arc, time::Duration};

use subtle::ConstantTimeEq as _;

use super::{
    DecodeError, Record, SHARED,
    id::{decode_16, encode_16, truncated_digest},
    rotation::{Rotation, RotationStep},
};
use crate::{clock::Timestamp, random};

/// The digests of the secrets of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Secrets {
    /// Of the secret that the newest cookie carries, or of the one that a pending secret is to replace.
    pub(crate) current: SecretDigest,
    /// The secret that a renewal replaced, for requests that were in flight. It is allocated separately, since only records
    /// that were renewed a moment ago have one.
    pub(crate) previous: Option<Arc<Previous>>,
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

/// What a presented secret allows. The best comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Presented {
    /// It opens the session, and the next write makes it the current one.
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

impl Presented {
    pub(crate) const fn opens(self) -> bool {
        matches!(self, Self::Pending | Self::Current | Self::Former)
    }
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
        let previous = self.previous.as_deref();
        let rotation = self.rotation.as_deref();
        previous.map_or(0, |it| SHARED + size_of_val(it))
            + rotation.map_or(0, |it| SHARED + size_of_val(it))
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
            previous: replaced.map(|secrets| {
                Arc::new(Previous {
                    digest: secrets.current,
                    epoch: ended,
                    replaced_at: now,
                })
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

/// Identifies the time between two renewals of a session: each renewal draws another number. A request from
/// before a renewal neither reads nor writes the session after it. Compared for equality only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Epoch(pub(super) u64);

impl Epoch {
    /// An epoch that no other renewal has.
    pub(crate) fn generate() -> Self {
        Self(rand::random())
    }

    /// Whether this is the epoch of a session that actix-session made and no renewal has reached.
    pub(crate) const fn is_initial(self) -> bool {
        self.0 == 0
    }

    pub(crate) const fn to_be_bytes(self) -> [u8; 8] {
        self.0.to_be_bytes()
    }
}

/// The part of a session key that opens the session. Compared in constant time, and never shown.
#[derive(Clone, Copy)]
pub(crate) struct Secret([u8; Self::LEN]);

impl Secret {
    pub(crate) const LEN: usize = 16;

    pub(crate) fn generate() -> Self {
        Self(random::bytes())
    }

    pub(crate) const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }

    /// The digest that a record keeps. It recognizes the secret, and does not open the session.
    pub(crate) fn digest(&self) -> SecretDigest {
        SecretDigest(truncated_digest(&self.0))
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        equal_in_constant_time(self.0, other.0)
    }
}

impl Eq for Secret {}

/// The first 16 bytes of the SHA-256 of a secret. Guessing a secret of 128 bits is no harder than
/// finding one for a digest of 128 bits. Compared in constant time.
#[derive(Clone, Copy)]
pub(crate) struct SecretDigest([u8; 16]);

impl SecretDigest {
    pub(crate) fn encode<'a>(&self, buffer: &'a mut [u8; 22]) -> &'a str {
        encode_16(&self.0, buffer)
    }

    pub(crate) fn decode(text: &str) -> Option<Self> {
        decode_16(text).map(Self)
    }
}

impl PartialEq for SecretDigest {
    fn eq(&self, other: &Self) -> bool {
        equal_in_constant_time(self.0, other.0)
    }
}

impl Eq for SecretDigest {}

crate::debug::opaque!(SecretDigest);

/// Compares the bytes as one number, which is faster than byte by byte.
fn equal_in_constant_time(one: [u8; 16], other: [u8; 16]) -> bool {
    u128::from_ne_bytes(one)
        .ct_eq(&u128::from_ne_bytes(other))
        .into()
}

#[cfg(test)]
mod tests;
