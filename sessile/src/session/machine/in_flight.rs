//! [`InFlight`]: a write whose outcome is not known yet, and how the session takes its changes back.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Binding, Machine, Renewal, Stored};
use crate::{
    record::id::SessionId,
    session::{SessionStatus, Work},
    storage::Version,
};

/// A write that the store has not answered.
#[derive(Clone)]
pub(crate) enum InFlight {
    Nothing,
    Create(SessionId),
    Update {
        version: Version,
        /// The new secret and epoch, if the write renews the session.
        renewal: Option<Renewal>,
    },
    /// An update that also stores the changes of other requests. It may not have been sent yet.
    Shared {
        attempt: Arc<SharedAttempt>,
        renewal: Option<Renewal>,
    },
}

/// The update that contains the changes of a request together with those of others, while its outcome is not known.
/// Another request may have sent it.
#[derive(Default)]
pub(crate) struct SharedAttempt(Mutex<Option<(Version, Arc<Stored>)>>);

impl SharedAttempt {
    /// The changes are in the update of `onto` to `version`.
    pub(crate) fn set(&self, version: Version, onto: &Arc<Stored>) {
        *self.lock() = Some((version, Arc::clone(onto)));
    }

    /// The changes are in no update, or its outcome is known.
    pub(crate) fn clear(&self) {
        *self.lock() = None;
    }

    /// The update with the changes, if there is one whose outcome is not known.
    fn take(&self) -> Option<(Version, Arc<Stored>)> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Version, Arc<Stored>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Machine {
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
        if work.is_sign_in_forgotten {
            self.changes += 1;
            let stored = self.stored().cloned();
            let stored = stored.as_deref().and_then(|it| it.record.details());
            let later = self.journal.authenticated_at();
            self.payload.restore_sign_in(stored, later);
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
