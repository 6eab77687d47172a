//! Merging: the changes of a session are replayed on a newer state.
//!
//! Changes of different names are independent. Under one name, a value that was put or removed replaces the stored one, and
//! a closure of `update` runs again on it.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use super::{Base, Journal, Update};
use crate::{
    error::{MergeCause, MergeError},
    record::{Payload, json::JsonText},
    session::{Session, Work, machine::Stored},
};

impl Journal {
    /// Applies the changes to `payload`. That runs closures, so it must not be called under a lock.
    ///
    /// After an error, `payload` has some of the changes.
    pub(crate) fn replay(&self, payload: &mut Payload) -> Result<(), MergeError> {
        if let Some(changes) = &self.details {
            changes.apply(payload);
        }
        let state = &mut payload.state;
        if self.cleared {
            state.clear();
        }
        for (name, entry) in self.entries.iter() {
            match &entry.base {
                Base::Stored => {}
                Base::Set(text) => state.set(name, text.clone()),
                Base::Removed => drop(state.remove(name)),
            }
            for update in &entry.updates {
                let text = match (state.text(name), &update.default) {
                    (Some(text), _) => update.run(text).map_err(|cause| MergeError {
                        name: Arc::clone(name),
                        source: cause,
                    })?,
                    (None, Some(default)) => default.clone(),
                    (None, None) => continue,
                };
                state.set(name, text);
            }
        }
        Ok(())
    }
}

impl Update {
    fn run(&self, text: &str) -> Result<JsonText, MergeCause> {
        // A panic leaves no state inconsistent here: the closure only turns one text into another.
        match catch_unwind(AssertUnwindSafe(|| (self.updater)(text))) {
            Ok(updated) => Ok(updated?),
            Err(_panic) => Err(MergeCause::Panicked),
        }
    }
}

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
