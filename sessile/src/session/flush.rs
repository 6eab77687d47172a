//! [`Flush`]: storing the changes of a session.

use std::{pin::Pin, sync::Arc};

use tokio::sync::MutexGuard;

use super::{
    Session,
    journal::MergeError,
    machine::{FlushOutcome, InFlight, Renewal, SharedAttempt, Stored, Work},
};
use crate::{record::Epoch, storage::StoreError};

/// Stores the changes of a session since it was last stored.
///
/// Each session has at most one flush at a time. If the store fails, or the request is dropped, the flush is
/// dropped before it is finished, and the session takes the changes back.
pub(crate) struct Flush<'a> {
    session: &'a Session,
    work: Work,
    is_finished: bool,
    /// Whether it is the flush of the commit.
    last: bool,
    in_flight: InFlight,
    _guard: MutexGuard<'a, ()>,
}

impl Session {
    /// Waits for other flushes of this session, and begins one. The `last` flush closes the session.
    pub(crate) async fn flush(&self, last: bool) -> Flush<'_> {
        let guard = self.lock_flush().await;
        let work = self.machine().begin_flush(last);
        Flush {
            session: self,
            work,
            is_finished: false,
            last,
            in_flight: InFlight::Nothing,
            _guard: guard,
        }
    }

    /// Waits for other flushes of this session.
    pub(crate) async fn lock_flush(&self) -> MutexGuard<'_, ()> {
        match self.0.flush_lock.try_lock() {
            Ok(guard) => guard,
            Err(_) => self.0.flush_lock.lock().await,
        }
    }

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

impl Flush<'_> {
    pub(crate) fn work(&self) -> &Work {
        &self.work
    }

    pub(crate) fn work_mut(&mut self) -> &mut Work {
        &mut self.work
    }

    /// The epoch of the session that this flush creates or renews.
    pub(crate) fn next_epoch(&self) -> Epoch {
        let generation = self.work.generation;
        self.session.machine().next_epoch_of(generation)
    }

    /// Runs `operation`, which does this write. Remembers the write while it runs, and after an error that
    /// leaves open whether it happened.
    pub(crate) async fn write<T>(
        &mut self,
        write: InFlight,
        operation: Pin<&mut impl Future<Output = Result<T, StoreError>>>,
    ) -> Result<T, StoreError> {
        self.in_flight = write;
        let answer = operation.await;
        match &answer {
            Err(error) if error.may_have_happened() => {}
            _ => self.in_flight = InFlight::Nothing,
        }
        answer
    }

    /// Runs `operation`, which stores the changes together with those of other requests. `attempt` says which update
    /// contains them.
    pub(crate) async fn write_shared<T>(
        &mut self,
        attempt: Arc<SharedAttempt>,
        renewal: Option<Renewal>,
        operation: Pin<&mut impl Future<Output = T>>,
    ) -> T {
        self.in_flight = InFlight::Shared { attempt, renewal };
        operation.await
    }

    /// Ends the flush: the session applies the outcome.
    pub(crate) fn finish(&mut self, outcome: FlushOutcome) {
        self.is_finished = true;
        let mut machine = self.session.machine();
        let to_rebase = machine.finish(&mut self.work, outcome, self.last);
        drop(machine);
        self.rebase(to_rebase);
    }

    fn rebase(&self, onto: Option<Arc<Stored>>) {
        let generation = self.work.generation;
        if let Some(stored) = onto
            && self.session.rebase(&stored, generation).is_err()
        {
            // A handle changed the session during the flush, and the change does not fit. The next flush
            // reports that.
            self.session.machine().rebase_unmerged(&stored, generation);
        }
    }
}

impl Drop for Flush<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            let in_flight = std::mem::replace(&mut self.in_flight, InFlight::Nothing);
            let mut machine = self.session.machine();
            let to_rebase = machine.put_back(&mut self.work, in_flight);
            drop(machine);
            self.rebase(to_rebase);
        }
    }
}
