//! [`Rotation`]: how a secret replaces another one without a renewal.
//!
//! A response carries the new secret, and the browser may never receive it. So both secrets open the session until
//! a request presents the new one. The epoch stays, so requests with either secret read and merge as before.
//!
//! - **The former secret has no timeout.** A response that was overtaken can put it back into the browser. It is dead when a
//!   request that came after the grace period presents the current one. The time at which a request came counts, not that
//!   of its commit: a request that takes longer than the interval shows nothing about the browser.
//! - **A pending secret is carried for the interval less the grace period**, and replaced after the interval. No response with
//!   it is in flight then, so a server whose keys do not derive it can replace it.
//! - **A cookie that is sent has the newest secret.** A server that does not know that secret sends no cookie.
//!
//! This module decides what a request does. `engine/rotate.rs` does it.

use std::time::Duration;

use super::{Record, Secrets};
use crate::{
    clock::Timestamp,
    record::{Secret, SecretDigest},
};

/// What a secret is derived from, together with the session's id and the application's key.
pub(crate) type Nonce = [u8; 16];

/// The last step of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rotation {
    /// When it was taken.
    pub(crate) since: Timestamp,
    pub(crate) step: RotationStep,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RotationStep {
    /// Only the current secret opens the session.
    Done,
    /// The pending secret, which is derived from `nonce`, is to replace the current one.
    Pending { digest: SecretDigest, nonce: Nonce },
    /// A request presented the pending secret, which has replaced the `former` one. The current secret is derived from
    /// `nonce`.
    Promoted { former: SecretDigest, nonce: Nonce },
    /// A renewal interrupted the rotation: this secret opened the session before, beside the one that was current.
    Renewed { stale: SecretDigest },
}

/// What the settings say about secrets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SecretPolicy {
    /// How long a secret is the current one before it is replaced; `None` if secrets are not rotated.
    pub(crate) rotation_interval: Option<Duration>,
    /// How long a replaced secret is remembered, with the allowance for clocks that differ.
    pub(crate) grace: Duration,
}

/// What a request that presented a secret does to the rotation of its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RotationDue {
    Nothing,
    /// The response carries the newer secret, if it can be derived.
    Resend,
    /// The next write stores a new pending secret.
    Begin,
    /// The next write makes the pending secret the current one.
    Promote,
    /// The next write removes the former secret.
    Finish,
}

impl RotationStep {
    /// The digest beside the current one.
    pub(super) const fn digest(&self) -> Option<&SecretDigest> {
        match self {
            Self::Done => None,
            Self::Pending { digest, .. }
            | Self::Promoted { former: digest, .. }
            | Self::Renewed { stale: digest } => Some(digest),
        }
    }
}

impl SecretPolicy {
    /// What is due to a session whose record is `record`, if a request presented `secret` at the time `at`.
    pub(crate) fn due(&self, record: &Record, secret: &Secret, at: Timestamp) -> RotationDue {
        let Some(secrets) = &record.secrets else {
            return RotationDue::Nothing;
        };
        let rotation = secrets.rotation.as_deref();
        let since = rotation.map_or(record.created_at, |it| it.since);
        let elapsed = at.saturating_duration_since(since);
        let is_over = self
            .rotation_interval
            .is_some_and(|interval| elapsed >= interval);
        let step = rotation.map_or(RotationStep::Done, |it| it.step);
        let (opens, newer) = match step {
            // The digest is computed only if it is needed.
            RotationStep::Done | RotationStep::Renewed { .. } if !is_over => {
                return RotationDue::Nothing;
            }
            RotationStep::Done | RotationStep::Renewed { .. } => (secrets.current, None),
            RotationStep::Pending { digest, .. } => (secrets.current, Some(digest)),
            RotationStep::Promoted { former, .. } => (former, Some(secrets.current)),
        };
        let presented = secret.digest();
        let is_newer = newer == Some(presented);
        match step {
            // The secret was replaced after the request presented it.
            _ if presented != opens && !is_newer => RotationDue::Nothing,
            RotationStep::Pending { .. } if is_newer => RotationDue::Promote,
            _ if is_over => RotationDue::Begin,
            _ if is_newer && elapsed >= self.grace => RotationDue::Finish,
            _ if !is_newer && self.is_resent(elapsed) => RotationDue::Resend,
            _ => RotationDue::Nothing,
        }
    }

    /// Whether a response carries a secret that was issued so long ago. It is no longer sent in the last part of the
    /// interval, so that no response is on its way when another secret takes its place.
    pub(crate) fn is_resent(&self, elapsed: Duration) -> bool {
        (self.rotation_interval)
            .is_some_and(|interval| elapsed.saturating_add(self.grace) < interval)
    }
}

impl Secrets {
    /// Begins a rotation at `now`, on behalf of a request that presented `presented`: the pending secret with this
    /// digest is derived from `nonce`. Every other secret is forgotten.
    pub(crate) fn begin_rotation(
        &mut self,
        presented: SecretDigest,
        digest: SecretDigest,
        nonce: Nonce,
        now: Timestamp,
    ) {
        self.current = presented;
        self.rotate(RotationStep::Pending { digest, nonce }, now);
    }

    /// Makes the pending secret the current one.
    pub(crate) fn promote_pending(&mut self, now: Timestamp) {
        let rotation = self.rotation.as_deref();
        if let Some(RotationStep::Pending { digest, nonce }) = rotation.map(|it| it.step) {
            let former = std::mem::replace(&mut self.current, digest);
            self.rotate(RotationStep::Promoted { former, nonce }, now);
        }
    }

    /// Has the rotation interval begin at `now`, and not with the session. After a renewal that interrupted a rotation, it
    /// does so already.
    pub(crate) fn count_from(&mut self, now: Timestamp) {
        if self.rotation.is_none() {
            self.rotate(RotationStep::Done, now);
        }
    }

    /// Removes the former secret. The interval still counts from when it was replaced.
    pub(crate) fn finish_rotation(&mut self) {
        let since = self.rotation.as_deref().map(|it| it.since);
        if let Some(since) = since {
            self.rotate(RotationStep::Done, since);
        }
    }

    fn rotate(&mut self, step: RotationStep, since: Timestamp) {
        self.rotation = Some(Rotation { since, step }.into());
    }
}

#[cfg(test)]
mod tests;
