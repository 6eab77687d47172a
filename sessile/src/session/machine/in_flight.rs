//! [`InFlight`]: a write whose outcome is not known yet, and how the session takes its changes back.

use std::{
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::{Binding, Flushing, Machine, Renewal, Stored};
use crate::{
    record::id::SessionId,
    session::{SessionStatus, Work, flush::FlushSignIn, journal::Journal},
    storage::Version,
};

/// A write that the store has not answered.
#[derive(Clone, Default)]
pub(crate) enum InFlight {
    #[default]
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
        let flushing = mem::take(&mut self.flushing);
        self.put_back_endings(work);
        self.cookie_due = work.cookie_due;
        if let InFlight::Create(id) = &in_flight {
            self.endings().abandoned.push(id.clone());
        }
        self.put_back_changes(work, in_flight, flushing)
    }

    /// Takes back the changes, unless the session was purged or restarted during the flush.
    pub(in crate::session) fn put_back_changes(
        &mut self,
        work: &mut Work,
        in_flight: InFlight,
        flushing: Flushing,
    ) -> Option<Arc<Stored>> {
        if work.generation != self.generation {
            return None;
        }
        let is_discarded = flushing == Flushing::Discarded;
        let rebased = self.put_back_base(work, is_discarded);
        self.unsettled = work.unsettled.take();
        let mut journal = mem::take(&mut work.journal);
        let retried = self.keep_unsettled(in_flight, &mut journal);
        self.put_back_sign_in(work, is_discarded);
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
        retried.or(rebased)
    }

    /// Bases the session on what a merge of the flush loaded. Returns it if newer changes have to be replayed on it.
    fn put_back_base(&mut self, work: &mut Work, is_discarded: bool) -> Option<Arc<Stored>> {
        let stored = work.stored.take().filter(|_| work.is_rebased)?;
        self.binding = Binding::Stored(Arc::clone(&stored));
        if !self.journal.is_empty() {
            return Some(stored);
        }
        self.changes += 1;
        self.payload = match is_discarded {
            true => stored.record.payload(),
            false => mem::take(&mut work.payload),
        };
        None
    }

    /// Keeps the update `in_flight` with its `changes` until its outcome is known. If it also stores the changes of other
    /// requests, returns the session that it replaces.
    fn keep_unsettled(
        &mut self,
        in_flight: InFlight,
        changes: &mut Journal,
    ) -> Option<Arc<Stored>> {
        let (version, renewal, onto) = match in_flight {
            InFlight::Nothing | InFlight::Create(_) => return None,
            InFlight::Update { version, renewal } => (version, renewal, None),
            InFlight::Shared { attempt, renewal } => {
                let (version, onto) = attempt.take()?;
                // A retry is an update of the same session.
                let own = self.stored().map(|own| onto.presented_as(own));
                let onto = own.map_or(onto, Arc::new);
                self.binding = Binding::Stored(Arc::clone(&onto));
                (version, renewal, Some(onto))
            }
        };
        let unsettled = self.unsettled.get_or_insert_default();
        unsettled.attempts.push((version, mem::take(changes)));
        unsettled.renewal = renewal.or(unsettled.renewal);
        onto
    }

    /// Keeps the sign-in of the flush for the next one, or takes one back that the store refused.
    fn put_back_sign_in(&mut self, work: &mut Work, is_discarded: bool) {
        match mem::take(&mut work.sign_in) {
            // The session does not have it yet, and the next flush stores it.
            FlushSignIn::Added(own) if !is_discarded => {
                self.changes += 1;
                own.changes.apply(&mut self.payload);
            }
            FlushSignIn::Added(_) | FlushSignIn::Nothing => {}
            FlushSignIn::Refused => {
                self.changes += 1;
                let stored = self.stored().cloned();
                let stored = stored.as_deref().and_then(|it| it.record.details());
                let later = self.journal.authenticated_at();
                self.payload.restore_sign_in(stored, later);
            }
        }
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
