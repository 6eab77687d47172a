//! Early sessions: a request used its session before the middleware opened it.

use super::{Backend, Session, SessionStatus, journal::Discarded, machine::Replaced};
use crate::failure::{CommitError, OpenError, StateTooLargeError};

impl Session {
    /// Whether no middleware opened the session.
    pub(crate) fn is_early(&self) -> bool {
        self.0.backend.is_none()
    }

    /// The HTTP status of the answer if the store fails.
    pub(crate) fn failure_status(&self) -> u16 {
        let backend = self.0.backend.as_deref();
        backend.map_or(503, Backend::failure_status)
    }

    /// Replaces `early`, a session without a store, and applies its changes to this one.
    pub(crate) async fn adopt(&self, early: &Self) -> Result<(), AdoptError> {
        let Replaced {
            status,
            is_restarted,
            journal,
        } = early.machine().replace();
        if status == SessionStatus::Unchanged {
            return Ok(());
        }
        if is_restarted {
            // It runs, so it can be restarted.
            let restarted = self.machine().restart();
            drop(restarted);
        }
        self.load().await?;
        let mut state = self.machine().state.clone();
        let before = state.byte_len();
        journal.replay(&mut state).map_err(CommitError::from)?;
        StateTooLargeError::check(before, state.byte_len(), self.0.max_state_bytes)
            .map_err(CommitError::from)?;
        let discarded: Discarded = self.machine().adopt(status, state, journal);
        drop(discarded);
        Ok(())
    }
}

/// The changes of an early session could not be applied to the opened one.
pub(crate) enum AdoptError {
    /// The session could not be loaded.
    Open(OpenError),
    /// The changes could not be merged.
    Merge(CommitError),
}

impl From<OpenError> for AdoptError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<CommitError> for AdoptError {
    fn from(error: CommitError) -> Self {
        Self::Merge(error)
    }
}
