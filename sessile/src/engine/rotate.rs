//! Rotating the secrets of sessions.
//!
//! [`record/rotation.rs`](crate::record::Rotation) decides what a request does. A rotation is in the same update as the
//! changes of the request, or in a touch. The pending secret is derived from the session's id and a nonce that is stored in
//! the record, so that any response can carry it once the record is known to be stored.

use super::{Engine, lifetime::OnRead};
use crate::{
    clock::Timestamp,
    random,
    record::{Nonce, Record, RotationDue, RotationStep, Secret, id::SessionKey},
    session::machine::Stored,
    storage::SessionStore,
};

impl<S: SessionStore> Engine<S> {
    /// What a request that only reads does for the rotation of its session.
    pub(super) fn rotation_on_read(&self, stored: &Stored) -> OnRead {
        match self.due_to(&stored.record, stored) {
            RotationDue::Begin | RotationDue::Promote | RotationDue::Finish => OnRead::Touch,
            RotationDue::Resend if self.newer_secret(stored, stored.presented_at).is_some() => {
                OnRead::Reissue
            }
            RotationDue::Resend | RotationDue::Nothing => OnRead::Nothing,
        }
    }

    /// Whether `own`, as a request knows the session, has the secret that is pending in `newest`.
    pub(super) fn promotes(&self, own: &Stored, newest: &Stored) -> bool {
        newest.record.is_rotated() && self.due_to(&newest.record, own) == RotationDue::Promote
    }

    fn due_to(&self, record: &Record, own: &Stored) -> RotationDue {
        match &own.secret {
            Some(secret) => self.secrets.due(record, secret, own.presented_at),
            None => RotationDue::Nothing,
        }
    }

    /// Rotates the secrets in `record`, which replaces that of `stored`.
    pub(super) fn rotate(&self, stored: &Stored, record: &mut Record, now: Timestamp) {
        let due = self.due_to(&stored.record, stored);
        let (Some(secrets), Some(presented)) = (&mut record.secrets, &stored.secret) else {
            return;
        };
        match due {
            RotationDue::Nothing | RotationDue::Resend => {}
            RotationDue::Promote => secrets.promote_pending(now),
            RotationDue::Finish => secrets.finish_rotation(),
            RotationDue::Begin => {
                let nonce: Nonce = random::bytes();
                let pending = self.cookie.keys().new_secret(&stored.id, &nonce).digest();
                secrets.begin_rotation(presented.digest(), pending, nonce, now);
            }
        }
    }

    /// The key for a cookie of this session, with its newest secret; `None` if that is not known: another request has
    /// presented it, so the browser has it.
    pub(super) fn newest_key(&self, stored: &Stored, now: Timestamp) -> Option<SessionKey> {
        let secret = match stored.secret {
            Some(own) if stored.record.is_rotated() => Some(self.newest_secret(stored, own, now)?),
            secret => secret,
        };
        Some(SessionKey {
            id: stored.id.clone(),
            secret,
            hint: stored.record.subject(),
        })
    }

    fn newest_secret(&self, stored: &Stored, own: Secret, now: Timestamp) -> Option<Secret> {
        self.newer_secret(stored, now).or_else(|| {
            let current = stored.record.secrets.as_ref()?.current;
            (own.digest() == current).then_some(own)
        })
    }

    /// The secret that is newer than that of the request, if responses carry it at `now` and one of our keys derives
    /// it.
    fn newer_secret(&self, stored: &Stored, now: Timestamp) -> Option<Secret> {
        let secrets = stored.record.secrets.as_ref()?;
        let rotation = secrets.rotation.as_deref()?;
        let elapsed = now.saturating_duration_since(rotation.since);
        let (digest, nonce) = match rotation.step {
            _ if !self.secrets.is_resent(elapsed) => return None,
            RotationStep::Pending { digest, nonce } => (digest, nonce),
            RotationStep::Promoted { former, nonce } if stored.secret?.digest() == former => {
                (secrets.current, nonce)
            }
            _ => return None,
        };
        self.cookie
            .keys()
            .derived_secret(&stored.id, &nonce, &digest)
    }
}
