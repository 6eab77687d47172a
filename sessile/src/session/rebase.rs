//! Rebasing: the changes of a session are replayed on a newer state.

use std::sync::Arc;

use super::{Session, Work, machine::Stored};
use crate::{error::MergeError, record::Payload};

impl Session {
    /// Replays the unstored changes on `stored`, and bases the session on the result. If the session was
    /// purged or restarted since `generation`, it ends `stored` instead.
    ///
    /// An error leaves the session unchanged.
    pub(crate) fn rebase(&self, stored: &Arc<Stored>, generation: u32) -> Result<(), RebaseError> {
        /// The number of attempts. A closure that changes its own session makes an attempt fail.
        const MAX_ROUNDS: u32 = 16;
        for _ in 0..MAX_ROUNDS {
            let (journal, changes) = self.machine().changes_to_replay();
            let mut payload = stored.record.payload();
            // Replaying runs closures, so it happens without the lock, and the result may be outdated.
            journal.replay(&mut payload)?;
            let stored = Arc::clone(stored);
            if self.machine().rebase(stored, generation, payload, changes) {
                return Ok(());
            }
        }
        Err(RebaseError::KeepsChanging)
    }
}

/// The changes of a session could not be replayed on a newer state.
pub(crate) enum RebaseError {
    Merge(MergeError),
    /// The session was changed during each attempt: a closure changes its own session.
    KeepsChanging,
}

impl From<MergeError> for RebaseError {
    fn from(error: MergeError) -> Self {
        Self::Merge(error)
    }
}

impl Work {
    /// Applies the changes to `payload`: first those of unsettled attempts, then those that no attempt had.
    pub(crate) fn replay(&self, payload: &mut Payload) -> Result<(), MergeError> {
        if let Some(unsettled) = self.unsettled.clone() {
            let (journal, _discarded) = unsettled.into_journal();
            journal.replay(payload)?;
        }
        self.journal.replay(payload)
    }

    /// Bases the next attempt on `newest`. `payload` is that of `newest` with the changes.
    pub(crate) fn rebase(&mut self, newest: Arc<Stored>, payload: Payload) {
        self.stored = Some(newest);
        self.payload = payload;
        self.is_rebased = true;
    }

    /// Bases the next attempt on `newest`, on which the changes could not be replayed.
    pub(crate) fn rebase_unmerged(&mut self, newest: &Stored) {
        self.stored = Some(Arc::new(newest.unmerged()));
        self.is_rebased = true;
    }
}
