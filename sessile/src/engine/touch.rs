//! Storing that a session was read, and sending its cookie again. `Engine::on_read` in [`action`](super::action) decides when
//! this is due, by [`lifetime`](super::lifetime) and by rotation.

use std::sync::Arc;

use super::{Engine, action::Performed, reload::newer};
use crate::{
    error::{CommitError, SessionClosedError},
    session::{CookieDue, Flush, machine::Stored},
    storage::{SessionStore, StoreErrorKind, UpdateOutcome, Version},
    telemetry,
};

impl<S: SessionStore> Engine<S> {
    /// Stores that a session was read, which extends its lifetime if the policy says so.
    pub(super) async fn touch(
        &self,
        flush: &mut Flush<'_>,
        stored: Arc<Stored>,
    ) -> Result<Performed, CommitError> {
        // Otherwise, the touch is for a rotation, or for the list of the user's sessions.
        let extends_life = flush.work().extends_life;
        let extends = extends_life
            && (self.lifetime.reading_extends(&stored.record) || stored.record.undated);
        let mut record = self.next_record(&stored, stored.record.payload(), None, extends);
        if extends_life && record.has_subject() {
            record.used_at = record.used_at.max(self.clock.now());
        }
        let version = Version::generate();
        let touched = Arc::new(stored.updated(version, record));
        let cookie = self.cookie_of_change(&stored.record, &touched, None, extends);
        let due = flush.work().cookie_due;
        let sends = matches!(due.then(cookie), CookieDue::Refresh | CookieDue::Issue);
        // If this fails, its outcome does not matter: it changes no values.
        match self
            .update_stored(&stored, &touched.record, version)
            .await?
        {
            UpdateOutcome::Updated => Ok(Performed::Stored(touched, cookie)),
            // Another request changed the session, which extended its lifetime.
            UpdateOutcome::Conflict if sends => self.reissue(stored, due).await,
            UpdateOutcome::Conflict => Ok(Performed::Nothing),
            UpdateOutcome::Missing | UpdateOutcome::Refused(_) => Ok(ended(due)),
        }
    }

    /// Sends the cookie of an unchanged session again, unless another request renewed the session: the browser
    /// has the new cookie then, and this one would replace it.
    pub(super) async fn reissue(
        &self,
        stored: Arc<Stored>,
        due: CookieDue,
    ) -> Result<Performed, CommitError> {
        if self.is_stateless {
            return Ok(match self.is_missing(&stored).await? {
                true => ended(due),
                false => Performed::Reissue(stored),
            });
        }
        match self.load_current(&stored).await {
            Ok(Some(current)) if current.record.epoch == stored.record.epoch => {
                let differs = current.record.is_rotated()
                    || (self.lifetime).cookies_differ(&stored.record, &current.record);
                Ok(Performed::Reissue(match differs {
                    true => Arc::new(newer(&stored, current)),
                    false => stored,
                }))
            }
            Ok(Some(_)) => Ok(Performed::Nothing),
            Ok(None) => Ok(ended(due)),
            Err(error) if error.kind() == StoreErrorKind::Corrupt => {
                telemetry::record_corrupt(&error);
                Ok(ended(due))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// The outcome if another request has ended the unchanged session, and this cookie is due.
const fn ended(due: CookieDue) -> Performed {
    match due {
        // A save of this request stored the session. The response would say that it exists.
        CookieDue::Issue => Performed::Refused(SessionClosedError::Ended),
        CookieDue::Nothing | CookieDue::Refresh | CookieDue::Remove => Performed::Ended,
    }
}
