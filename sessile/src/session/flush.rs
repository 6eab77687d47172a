//! [`Flush`]: the session passes its changes to the engine, which stores them, and applies the outcome.

use std::{mem, pin::Pin, sync::Arc};

use tokio::sync::MutexGuard;

use super::{
    Session, SessionStatus,
    journal::{DetailChanges, Discarded, Journal, SignIn},
    machine::{Binding, Flushing, InFlight, Machine, Stored, Target, Unsettled},
};
use crate::{
    error::SessionClosedError,
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
    purpose: FlushFor,
    /// The write that the store has not answered.
    pub(crate) in_flight: InFlight,
    _guard: MutexGuard<'a, ()>,
}

/// What a flush is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum FlushFor {
    /// A save or a sign-in during the request.
    Save,
    /// The commit, which closes the session.
    Commit,
}

impl Session {
    /// Waits for other flushes of this session, and begins one.
    pub(crate) async fn flush(&self, purpose: FlushFor) -> Flush<'_> {
        let guard = self.lock_flush().await;
        let work = self.machine().begin_flush(purpose);
        Flush {
            session: self,
            work,
            is_finished: false,
            purpose,
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

    /// Ends the flush: the session applies the outcome.
    pub(crate) fn finish(&mut self, outcome: FlushOutcome) {
        self.is_finished = true;
        let mut machine = self.session.machine();
        let to_rebase = machine.finish(&mut self.work, outcome, self.purpose);
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
            let in_flight = mem::take(&mut self.in_flight);
            let mut machine = self.session.machine();
            let to_rebase = machine.put_back(&mut self.work, in_flight);
            drop(machine);
            self.rebase(to_rebase);
        }
    }
}

impl Machine {
    /// Takes the changes since the session was last stored. The flush of the commit closes the session.
    pub(crate) fn begin_flush(&mut self, purpose: FlushFor) -> Work {
        self.flushing = Flushing::Yes;
        let endings = self.endings.as_mut().map(|it| it.take_due());
        let (ending, abandoned) = endings.unwrap_or_default();
        let work = Work {
            status: self.status,
            payload: self.payload.clone(),
            journal: mem::take(&mut self.journal),
            unsettled: self.unsettled.take(),
            binding_kind: match &self.binding {
                Binding::New | Binding::Unopened(_) => BindingKind::New,
                Binding::Stored(_) => BindingKind::Stored,
                Binding::Superseded(_) => BindingKind::Superseded,
                Binding::Stale { .. } => BindingKind::Stale,
                Binding::Ended => BindingKind::Ended,
                Binding::Detached(_) => BindingKind::Detached,
            },
            stored: self.stored().cloned(),
            ending,
            abandoned,
            cookie_came: self.cookie_came,
            cookie_due: self.cookie_due,
            extends_life: self.extends_life,
            generation: self.generation,
            has_csrf_token: self.has_csrf_token,
            sign_in: FlushSignIn::Nothing,
            is_rebased: false,
            discarded: Discarded::default(),
        };
        if purpose == FlushFor::Commit {
            self.close_committed();
        } else if self.status != SessionStatus::Purged {
            self.status = SessionStatus::Unchanged;
        }
        work
    }

    /// Takes in the outcome of a flush. The caller drops the rest of `work` without the lock.
    ///
    /// Returns the stored session if newer changes have to be replayed on it. The caller does that without
    /// the lock, because it runs closures.
    pub(crate) fn finish(
        &mut self,
        work: &mut Work,
        outcome: FlushOutcome,
        purpose: FlushFor,
    ) -> Option<Arc<Stored>> {
        let is_commit = purpose == FlushFor::Commit;
        let flushing = mem::take(&mut self.flushing);
        self.is_status_of_commit = is_commit;
        if work.ends_sessions() {
            self.put_back_endings(work);
        }
        self.cookie_due = work.cookie_due;
        let is_same = work.generation == self.generation;
        match outcome {
            Ok(Some(stored)) => {
                self.was_signed_in |= stored.record.has_subject();
                self.next_epoch.take_if(|it| *it == stored.record.epoch);
                if !is_same {
                    // The session was purged or restarted during the flush.
                    self.endings().due.push(Target::Session(stored.id.clone()));
                    return None;
                }
                if !self.journal.is_empty() {
                    return Some(stored);
                }
                self.payload = stored.record.payload();
                self.binding = Binding::Stored(stored);
                None
            }
            Ok(None) => {
                // There was nothing yet to begin another session with.
                let is_replaced = matches!(
                    work.binding_kind,
                    BindingKind::Stale | BindingKind::Superseded
                );
                if is_same && is_replaced && !is_commit {
                    self.status = self.status.stronger(work.status);
                }
                None
            }
            Err(reason) => {
                match reason {
                    _ if !is_same => {}
                    SessionClosedError::Superseded => self.supersede(),
                    _ => self.binding = Binding::Ended,
                }
                if is_commit {
                    return None;
                }
                // The changes were not stored: the commit has to refuse them as well.
                work.is_rebased = false;
                self.put_back_changes(work, InFlight::Nothing, flushing)
            }
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
    pub(crate) binding_kind: BindingKind,
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
    pub(super) sign_in: FlushSignIn,
    /// Whether a merge set `stored`, so that the session has to take it over.
    pub(super) is_rebased: bool,
    /// What is only left to be dropped.
    pub(super) discarded: Discarded,
}

impl Work {
    /// The stored session that the changes replace, unless another request renewed it.
    pub(crate) fn base(&self) -> Option<&Stored> {
        match self.binding_kind {
            BindingKind::Stored => self.stored.as_deref(),
            _ => None,
        }
    }

    /// Whether sessions have to be ended or deleted.
    pub(crate) fn ends_sessions(&self) -> bool {
        !self.ending.is_empty() || !self.abandoned.is_empty()
    }

    /// Whether nothing needs to be stored for a new session.
    pub(crate) fn is_empty(&self) -> bool {
        self.payload.is_empty() && !self.has_csrf_token
    }

    /// The sign-in that the changes contain.
    pub(crate) fn signed_in(&self) -> Option<&SignIn> {
        let unsettled = self.unsettled.iter().flat_map(|it| &it.attempts);
        let mut earlier = unsettled.rev().filter_map(|(_, journal)| journal.sign_in());
        self.journal.sign_in().or_else(|| earlier.next())
    }
}

/// What a flush does to the sign-in of its session.
#[derive(Default)]
pub(super) enum FlushSignIn {
    #[default]
    Nothing,
    /// Adds one. Boxed, because it is rare and the work is moved.
    Added(Box<AddedSignIn>),
    /// The store refused one, of this flush or of an earlier one that failed.
    Refused,
}

/// The sign-in that a flush adds.
pub(super) struct AddedSignIn {
    pub(super) changes: DetailChanges,
    /// The status of the work without it.
    pub(super) status: SessionStatus,
}

/// What a flush did: the session is stored as this, there was nothing to store, or the changes were refused because another
/// request ended or renewed the session.
pub(crate) type FlushOutcome = Result<Option<Arc<Stored>>, SessionClosedError>;

/// The kind of a [`Binding`]. An unopened session counts as new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BindingKind {
    New,
    Stored,
    Stale,
    Superseded,
    Ended,
    Detached,
}

/// The cookie that the next response has to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CookieDue {
    Nothing,
    /// The cookie that the browser has, with its full `Max-Age`.
    Refresh,
    /// A cookie that the browser does not have yet.
    Issue,
    /// A removal cookie.
    Remove,
}

impl CookieDue {
    /// What is due after a write that makes `later` due.
    pub(crate) const fn then(self, later: Self) -> Self {
        match (self, later) {
            (due, Self::Nothing) | (due @ Self::Issue, Self::Refresh) => due,
            (_, later) => later,
        }
    }
}
