//! [`Work`]: the changes that a flush stores, and how the session applies the outcome.

use std::{mem, sync::Arc};

use super::{Binding, CookieDue, InFlight, Machine, Stored, Target, Unsettled};
use crate::{
    clock::Timestamp,
    error::SessionClosedError,
    record::{Epoch, Payload, id::SessionId},
    session::{
        MergeError, SessionStatus,
        decide::Bound,
        journal::{DetailChanges, Discarded, Journal, SignIn},
    },
};

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
    has_csrf_token: bool,
    /// The sign-in of this flush, and the status without it.
    /// Boxed, because it is rare and the work is moved.
    own_sign_in: Option<Box<(DetailChanges, SessionStatus)>>,
    /// Whether a merge set `stored`, so that the session has to take it over.
    is_rebased: bool,
    /// What is only left to be dropped.
    discarded: Discarded,
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

impl Machine {
    /// Takes the changes since the session was last stored. The `last` flush is that of the commit, and
    /// closes the session.
    pub(crate) fn begin_flush(&mut self, last: bool) -> Work {
        self.is_flushing = true;
        self.is_flush_discarded = false;
        let work = Work {
            status: self.status,
            payload: self.payload.clone(),
            journal: mem::take(&mut self.journal),
            unsettled: self.unsettled.take(),
            bound: match &self.binding {
                Binding::New | Binding::Unopened(_) => Bound::New,
                Binding::Stored(_) => Bound::Stored,
                Binding::Superseded(_) => Bound::Superseded,
                Binding::Stale { .. } => Bound::Stale,
                Binding::Ended => Bound::Ended,
                Binding::Detached(_) => Bound::Detached,
            },
            stored: self.stored().cloned(),
            ending: mem::take(&mut self.ending),
            abandoned: mem::take(&mut self.abandoned),
            cookie_came: self.cookie_came,
            cookie_due: self.cookie_due,
            extends_life: self.extends_life,
            generation: self.generation,
            has_csrf_token: self.has_csrf_token,
            own_sign_in: None,
            is_rebased: false,
            discarded: Discarded::default(),
        };
        if last {
            self.is_committed = true;
            self.close();
        } else if self.status != SessionStatus::Purged {
            self.status = SessionStatus::Unchanged;
        }
        work
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

    /// Takes back the changes of a flush that failed. `in_flight` is the write that the store has not
    /// answered. The caller drops the rest of `work` without the lock.
    ///
    /// Returns the stored session if newer changes have to be replayed on it. The caller does that without
    /// the lock, because it runs closures.
    pub(crate) fn put_back(&mut self, work: &mut Work, in_flight: InFlight) -> Option<Arc<Stored>> {
        self.is_flushing = false;
        self.ending.append(&mut work.ending);
        self.abandoned.append(&mut work.abandoned);
        self.cookie_due = work.cookie_due;
        if let InFlight::Create(id) = &in_flight {
            self.abandoned.push(id.clone());
        }
        if work.generation != self.generation {
            // The session was purged or restarted during the flush.
            return None;
        }
        let mut to_rebase = None;
        if let (true, Some(stored)) = (work.is_rebased, work.stored.take()) {
            if self.journal.is_empty() {
                self.changes += 1;
                self.payload = match self.is_flush_discarded {
                    true => stored.record.payload(),
                    false => mem::take(&mut work.payload),
                };
            } else {
                to_rebase = Some(Arc::clone(&stored));
            }
            self.binding = Binding::Stored(stored);
        }
        let mut journal = mem::take(&mut work.journal);
        self.unsettled = work.unsettled.take();
        let update = match in_flight {
            InFlight::Update { version, renewal } => Some((version, renewal)),
            InFlight::Shared { attempt, renewal } => {
                attempt.take().map(|(version, onto)| {
                    // A retry is an update of the same session.
                    let own = self.stored().map(|own| onto.presented_as(own));
                    let onto = own.map_or(onto, Arc::new);
                    self.binding = Binding::Stored(Arc::clone(&onto));
                    to_rebase = Some(onto);
                    (version, renewal)
                })
            }
            InFlight::Nothing | InFlight::Create(_) => None,
        };
        if let Some((version, renewal)) = update {
            let unsettled = self.unsettled.get_or_insert_default();
            unsettled.attempts.push((version, mem::take(&mut journal)));
            unsettled.renewal = renewal.or(unsettled.renewal);
        }
        let is_discarded = mem::take(&mut self.is_flush_discarded);
        if let (Some(own), false) = (work.own_sign_in.take(), is_discarded) {
            // The session does not have it yet, and the next flush stores it.
            self.changes += 1;
            own.0.apply(&mut self.payload);
        }
        if is_discarded {
            work.discarded.add(mem::take(&mut journal).into());
            let unsettled = self.unsettled.take();
            self.unsettled = (unsettled.as_ref()).and_then(|it| it.renewing().map(Box::new));
            work.unsettled = unsettled;
            if work.status == SessionStatus::Changed {
                work.status = SessionStatus::Unchanged;
            }
        }
        let later = mem::take(&mut self.journal);
        work.discarded.add(journal.append(later));
        self.journal = journal;
        self.status = self.status.stronger(work.status);
        to_rebase
    }

    /// Takes in the outcome of a flush. The caller drops the rest of `work` without the lock.
    ///
    /// Returns the stored session if newer changes have to be replayed on it. The caller does that without
    /// the lock, because it runs closures.
    pub(crate) fn finish(
        &mut self,
        work: &mut Work,
        outcome: FlushOutcome,
        last: bool,
    ) -> Option<Arc<Stored>> {
        self.is_flushing = false;
        self.is_status_past = last;
        self.abandoned.append(&mut work.abandoned);
        self.cookie_due = work.cookie_due;
        if let FlushOutcome::Stored(stored) = &outcome {
            self.was_signed_in |= stored.record.has_subject();
            self.next_epoch.take_if(|it| *it == stored.record.epoch);
        }
        let is_same = work.generation == self.generation;
        let is_refused = matches!(outcome, FlushOutcome::Ended | FlushOutcome::Superseded);
        match outcome {
            FlushOutcome::Stored(stored) if !is_same => {
                self.ending.push(Target::Session(stored.id.clone()));
            }
            FlushOutcome::Stored(stored) if self.journal.is_empty() => {
                self.payload = stored.record.payload();
                self.binding = Binding::Stored(stored);
            }
            FlushOutcome::Stored(stored) => return Some(stored),
            FlushOutcome::Ended | FlushOutcome::Superseded if !is_same => {}
            FlushOutcome::Ended => self.binding = Binding::Ended,
            FlushOutcome::Superseded => self.supersede(),
            FlushOutcome::Untouched => {
                // There was nothing yet to begin another session with.
                let is_replaced = matches!(work.bound, Bound::Stale | Bound::Superseded);
                if is_same && is_replaced && !last {
                    self.status = self.status.stronger(work.status);
                }
                return None;
            }
        }
        if is_refused && !last {
            // The changes were not stored: the commit has to refuse them as well.
            work.is_rebased = false;
            return self.put_back(work, InFlight::Nothing);
        }
        None
    }

    pub(crate) fn supersede(&mut self) {
        self.binding = match mem::replace(&mut self.binding, Binding::New) {
            Binding::Stored(stored) => Binding::Superseded(stored),
            other => other,
        };
    }
}

impl SessionStatus {
    fn stronger(self, other: Self) -> Self {
        let strength = |status| match status {
            Self::Unchanged => 0,
            Self::Changed => 1,
            Self::Renewed => 2,
            Self::Purged => 3,
        };
        if strength(other) > strength(self) {
            other
        } else {
            self
        }
    }
}
