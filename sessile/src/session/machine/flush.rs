//! How the session passes its changes to a flush, and applies the outcome.

use std::{mem, sync::Arc};

use super::{Binding, InFlight, Machine, Stored, Target};
use crate::{
    record::Epoch,
    session::{FlushOutcome, SessionStatus, Work, decide::Bound, journal::Discarded},
};

impl Machine {
    /// Takes the changes since the session was last stored. The `last` flush is that of the commit, and
    /// closes the session.
    pub(crate) fn begin_flush(&mut self, last: bool) -> Work {
        self.is_flushing = true;
        self.is_flush_discarded = false;
        let (ending, abandoned) = self.take_endings();
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
            ending,
            abandoned,
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
        self.put_back_endings(work);
        self.cookie_due = work.cookie_due;
        if let InFlight::Create(id) = &in_flight {
            self.endings().abandoned.push(id.clone());
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
            if work.status == SessionStatus::Changed && !self.is_stored_for_token() {
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
        self.put_back_endings(work);
        self.cookie_due = work.cookie_due;
        if let FlushOutcome::Stored(stored) = &outcome {
            self.was_signed_in |= stored.record.has_subject();
            self.next_epoch.take_if(|it| *it == stored.record.epoch);
        }
        let is_same = work.generation == self.generation;
        let is_refused = matches!(outcome, FlushOutcome::Ended | FlushOutcome::Superseded);
        match outcome {
            FlushOutcome::Stored(stored) if !is_same => {
                let ended = Target::Session(stored.id.clone());
                self.endings().due.push(ended);
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
    pub(in crate::session) fn stronger(self, other: Self) -> Self {
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
