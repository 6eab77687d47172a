//! Renewals and sign-ins of the session.

use std::time::Duration;

use super::{Binding, Machine};
use crate::{
    clock::Timestamp,
    error::{SessionClosedError, WriteError},
    record::Epoch,
    session::{
        SessionStatus,
        journal::{DetailChanges, Discarded},
    },
};

impl Machine {
    /// Marks the session for renewal. It may be unopened: the commit opens it.
    pub(crate) fn renew(&mut self) -> Result<(), SessionClosedError> {
        self.check_phase()?;
        match self.binding {
            _ if self.status == SessionStatus::Purged => Err(SessionClosedError::Purged),
            Binding::Ended => Err(SessionClosedError::Ended),
            _ => {
                self.status = SessionStatus::Renewed;
                Ok(())
            }
        }
    }

    /// Prepares a sign-in: a session of another user ends, and so do the other sessions that the request's cookies name.
    ///
    /// Returns when the request began.
    pub(crate) fn begin_sign_in(
        &mut self,
        subject: &str,
    ) -> Result<(Timestamp, Discarded), SessionClosedError> {
        self.check_phase()?;
        if self.status == SessionStatus::Purged {
            return Err(SessionClosedError::Purged);
        }
        let is_of_another = self.payload.subject().is_some_and(|it| it != subject);
        let discarded = match is_of_another {
            true => self.restart()?,
            false => Discarded::default(),
        };
        self.end_others();
        Ok((self.began_at, discarded))
    }

    /// Lets a later sign-in of this request count from after `mark`, with which the request itself has ended sessions.
    pub(crate) fn sign_in_after(&mut self, mark: Timestamp) {
        let next = mark.saturating_add(Duration::from_millis(1));
        self.began_at = self.began_at.max(next);
    }

    /// Notes that the user has authenticated again, which renews the session.
    pub(crate) fn reauthenticate(&mut self, now: Timestamp) -> Result<(), WriteError> {
        self.check_writable()?;
        self.status = SessionStatus::Renewed;
        self.change_details(DetailChanges {
            authenticated_at: Some(now),
            ..DetailChanges::default()
        })
    }

    /// The epoch that the session gets when it is created or renewed.
    pub(super) fn next_epoch(&mut self) -> Epoch {
        *self.next_epoch.get_or_insert_with(Epoch::generate)
    }

    /// The epoch of the session that a flush of this generation creates or renews.
    pub(crate) fn next_epoch_of(&mut self, generation: u32) -> Epoch {
        match generation == self.generation {
            true => self.next_epoch(),
            // The session was purged or restarted in the meantime, and the next one has another epoch.
            false => Epoch::generate(),
        }
    }
}
