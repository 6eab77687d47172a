//! What a token against cross-site request forgery is bound to.

use std::time::Duration;

use smallvec::SmallVec;

use super::{Binding, Machine};
use crate::{
    clock::Timestamp,
    cookie::TokenContext,
    error::{SessionClosedError, WriteError},
    session::SessionStatus,
};

impl Machine {
    /// The context of a new token. A session that is not stored yet has to be stored for it.
    pub(crate) fn csrf_context(&mut self) -> Result<TokenContext, WriteError> {
        let is_renewed = self.status == SessionStatus::Renewed;
        match &self.binding {
            Binding::Stored(stored) if !is_renewed => {
                return Ok(TokenContext::of(&stored.id, &stored.record));
            }
            // The next request of the browser has another session.
            Binding::Stale { .. } if !is_renewed => {
                return Err(SessionClosedError::Superseded.into());
            }
            _ => self.check_writable()?,
        }
        self.has_csrf_token = true;
        self.note_change();
        Ok(TokenContext::Epoch(self.next_epoch()))
    }

    /// Whether the session has to be stored for a token, even without changes.
    pub(super) fn is_stored_for_token(&self) -> bool {
        self.has_csrf_token && self.stored().is_none()
    }

    /// The contexts of the tokens that the session accepts. Those from before a renewal are accepted for `grace`.
    pub(crate) fn accepted_csrf_contexts(
        &self,
        now: Timestamp,
        grace: Duration,
    ) -> SmallVec<[TokenContext; 2]> {
        let mut accepted = SmallVec::new();
        let previous = match &self.binding {
            Binding::Stored(stored) | Binding::Superseded(stored) => {
                accepted.push(TokenContext::of(&stored.id, &stored.record));
                stored.record.previous_epoch(now, grace)
            }
            Binding::Stale { epoch, .. } => *epoch,
            _ => None,
        };
        let next = self.next_epoch.filter(|_| self.has_csrf_token);
        accepted.extend(previous.into_iter().chain(next).map(TokenContext::Epoch));
        accepted
    }
}
