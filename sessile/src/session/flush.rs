//! [`Flush`]: storing the changes of a session.

use std::{pin::Pin, sync::Arc};

use tokio::sync::MutexGuard;

use super::{
    Session, SessionStatus,
    decide::{Bound, CookieDue},
    journal::{DetailChanges, Discarded, Journal, SignIn},
    machine::{Binding, InFlight, Renewal, SharedAttempt, Stored, Target, Unsettled},
};
use crate::{
    clock::Timestamp,
    error::{MergeError, SessionClosedError},
    record::{Epoch, Payload, id::SessionId},
    storage::StoreError,
};

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

    /// The session that another request renewed, if the request presented the secret from before that.
    pub(crate) fn renewed_id(&self) -> Option<SessionId> {
        match &self.session.machine().binding {
            Binding::Stale { id, .. } => Some(id.clone()),
            _ => None,
        }
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

/// The changes of a session since it was last stored, which a flush is storing.
pub(crate) struct Work {
    pub(crate) status: SessionStatus,
    /// What is stored, with all changes.
    pub(crate) payload: Payload,
    pub(crate) journal: Journal,
    pub(crate) unsettled: Option<Box<Unsettled>>,
    pub(crate) bound: Bound,
    /// The stored session that the changes replace. A merge sets it to the newest one.
    pub(crate) stored: Option<Arc<Stored>>,
    pub(crate) ending: Vec<Target>,
    pub(crate) abandoned: Vec<SessionId>,
    pub(crate) cookie_came: bool,
    pub(crate) cookie_due: CookieDue,
    /// Whether the request extends the life of the session.
    pub(crate) extends_life: bool,
    pub(crate) generation: u32,
    pub(super) has_csrf_token: bool,
    /// The sign-in of this flush, and the status without it.
    /// Boxed, because it is rare and the work is moved.
    pub(super) own_sign_in: Option<Box<(DetailChanges, SessionStatus)>>,
    /// Whether a merge set `stored`, so that the session has to take it over.
    pub(super) is_rebased: bool,
    /// What is only left to be dropped.
    pub(super) discarded: Discarded,
}

impl Work {
    /// The stored session that the changes replace, unless another request renewed it.
    pub(crate) fn base(&self) -> Option<&Stored> {
        match self.bound {
            Bound::Stored => self.stored.as_deref(),
            _ => None,
        }
    }

    /// Whether nothing needs to be stored for a new session.
    pub(crate) fn is_empty(&self) -> bool {
        self.payload.is_empty() && !self.has_csrf_token
    }

    /// Signs a user in, and renews the session.
    pub(crate) fn sign_in(&mut self, sign_in: SignIn, now: Timestamp) {
        let changes = DetailChanges {
            sign_in: Some(sign_in),
            authenticated_at: Some(now),
            ..DetailChanges::default()
        };
        changes.apply(&mut self.payload);
        self.journal.change_details(changes.clone());
        self.own_sign_in = Some(Box::new((changes, self.status)));
        self.status = self.status.stronger(SessionStatus::Renewed);
    }

    /// The sign-in that the changes contain.
    pub(crate) fn signed_in(&self) -> Option<&SignIn> {
        let unsettled = self.unsettled.iter().flat_map(|it| &it.attempts);
        let mut earlier = unsettled.rev().filter_map(|(_, journal)| journal.sign_in());
        self.journal.sign_in().or_else(|| earlier.next())
    }

    /// Takes the sign-in back, which the store refused. The other changes stay.
    pub(crate) fn forget_sign_in(&mut self) {
        self.journal.forget_sign_in();
        for (_, journal) in self.unsettled.iter_mut().flat_map(|it| &mut it.attempts) {
            journal.forget_sign_in();
        }
        self.is_rebased = false;
        if let Some(own) = self.own_sign_in.take() {
            (_, self.status) = *own;
        }
    }

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

/// What a flush did to the stored session.
pub(crate) enum FlushOutcome {
    /// Nothing: there were no changes to store.
    Untouched,
    /// The session is stored as this.
    Stored(Arc<Stored>),
    /// Nothing: another request ended the session.
    Ended,
    /// Nothing: another request renewed the session.
    Superseded,
}

impl From<SessionClosedError> for FlushOutcome {
    /// The outcome of a flush whose changes were refused for this reason.
    fn from(reason: SessionClosedError) -> Self {
        match reason {
            SessionClosedError::Superseded => Self::Superseded,
            _ => Self::Ended,
        }
    }
}
