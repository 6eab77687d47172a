//! [`Endings`]: the sessions that a request ends, by a purge, a restart, or a sign-in as another user.

use std::{mem, sync::Arc};

use super::{Binding, Cookies, Machine};
use crate::{
    clock::Timestamp,
    cookie::Unsealed,
    error::SessionClosedError,
    record::{Payload, id::SessionId},
    session::{SessionStatus, Work, journal::Discarded},
};

/// The sessions that a request ends.
#[derive(Default)]
pub(in crate::session) struct Endings {
    /// Those that the next flush ends, after a purge or a restart.
    pub(in crate::session) due: Vec<Target>,
    /// Other sessions that the request's cookies name. A purge ends them as well.
    pub(super) others: Vec<Target>,
    /// Sessions that may have been created, and that no cookie names.
    pub(super) abandoned: Vec<SessionId>,
}

/// A session that the next flush ends.
#[derive(Clone)]
pub(crate) enum Target {
    Session(SessionId),
    /// The sessions that these cookies named when the request came.
    Cookies(Cookies, Timestamp),
    /// The session that these verified cookies named when the request came, if they opened it then, or if a renewal had
    /// replaced their secret within the grace period.
    Unjudged(Arc<[Unsealed]>, Timestamp),
}

impl Endings {
    /// Whether the next flush ends or deletes a session.
    pub(super) fn are_due(&self) -> bool {
        !self.due.is_empty() || !self.abandoned.is_empty()
    }

    /// The sessions that the next flush ends, and those that it deletes.
    pub(in crate::session) fn take_due(&mut self) -> (Vec<Target>, Vec<SessionId>) {
        (mem::take(&mut self.due), mem::take(&mut self.abandoned))
    }
}

impl Machine {
    /// Marks the session to be ended. It may be unopened: the commit opens it.
    pub(crate) fn purge(&mut self) -> Result<Discarded, SessionClosedError> {
        self.end_and_empty(SessionStatus::Purged)
    }

    /// Marks the session to be ended, and starts an empty one.
    pub(crate) fn restart(&mut self) -> Result<Discarded, SessionClosedError> {
        self.end_and_empty(SessionStatus::Renewed)
    }

    fn end_and_empty(&mut self, status: SessionStatus) -> Result<Discarded, SessionClosedError> {
        self.check_phase()?;
        self.changes += 1;
        self.generation += 1;
        self.status = status;
        self.payload = Payload::default();
        self.next_epoch = None;
        self.has_csrf_token = false;
        let target = match mem::replace(&mut self.binding, Binding::New) {
            Binding::New | Binding::Ended => None,
            Binding::Unopened(cookies) => Some(Target::Cookies(cookies, self.began_at)),
            Binding::Detached(cookies) => {
                self.binding = Binding::Detached(Cookies::new());
                Some(Target::Cookies(cookies, self.began_at))
            }
            Binding::Stale { id, .. } => Some(Target::Session(id)),
            Binding::Stored(stored) | Binding::Superseded(stored) => {
                Some(Target::Session(stored.id.clone()))
            }
        };
        // They end in the reverse order: the request's own session first.
        self.end_others();
        if let Some(target) = target {
            self.endings().due.push(target);
        }
        self.has_ended_any |= self.endings.as_ref().is_some_and(|it| !it.due.is_empty());
        Ok(self.take_unstored())
    }

    pub(in crate::session) fn endings(&mut self) -> &mut Endings {
        self.endings.get_or_insert_default()
    }

    /// Lets the next flush end the other sessions that the request's cookies name.
    pub(super) fn end_others(&mut self) {
        if let Some(endings) = &mut self.endings {
            endings.due.append(&mut endings.others);
        }
    }

    /// Takes back the sessions that a flush has not ended.
    pub(in crate::session) fn put_back_endings(&mut self, work: &mut Work) {
        if work.ends_sessions() {
            let endings = self.endings();
            endings.due.append(&mut work.ending);
            endings.abandoned.append(&mut work.abandoned);
        }
    }
}
