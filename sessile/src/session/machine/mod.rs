//! [`Machine`]: the state of a session while a request runs, and every transition of it.
//!
//! A session is opened, changed, saved, reloaded, committed and closed. Each of these transitions is a method of
//! `Machine`. None of them waits, so each is atomic under the session's lock. The engine does everything that takes
//! time between two transitions: [`begin_flush`](Machine::begin_flush) takes the changes as [`Work`](super::Work), the
//! engine stores them, and [`finish`](Machine::finish) or [`put_back`](Machine::put_back) applies the outcome.
//! This file has the transitions of most requests. [`flush`](super::flush) has those that store the changes, and the
//! submodules have the rare ones. Sessions of outer code are attached in `session/early.rs`.
//!
//! Nothing here calls the application's code. Closures of the application are returned as
//! [`Discarded`] or stay in the `Work`, so that the caller drops them without the lock.

mod csrf;
mod endings;
mod in_flight;
mod renewal;
mod stored;
mod unsettled;

use std::sync::Arc;

use self::endings::Endings;
use super::{
    CookieDue, SessionStatus,
    journal::{DetailChanges, Discarded, Journal, Update},
};
use crate::{
    clock::Timestamp,
    engine::Opened,
    error::{SessionClosedError, StateTooLargeError, WriteError},
    record::{
        Epoch, Payload, check_growth,
        json::{JsonText, Text},
    },
};

pub(crate) use self::{
    endings::Target,
    in_flight::{InFlight, SharedAttempt},
    stored::{Binding, Cookies, Stored},
    unsettled::{Renewal, Settled, Unsettled},
};

/// Whether a session can still be changed with its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The request runs.
    Running,
    /// The response was sent, or the client disconnected.
    Closed,
    /// A reload opened the session again after the response.
    Reopened,
}

/// Whether a flush of the session runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Flushing {
    #[default]
    No,
    Yes,
    /// The changes that the flush is storing were discarded: the session does not take them back.
    Discarded,
}

pub(crate) struct Machine {
    pub(crate) binding: Binding,
    /// What is stored, with the changes of this request.
    pub(crate) payload: Payload,
    /// The strongest change since the session was last stored; after the commit, the one that it stored.
    pub(crate) status: SessionStatus,
    /// The changes that no flush has taken.
    pub(crate) journal: Journal,
    /// Counts the changes, so that code that released the lock detects a change in the meantime.
    pub(crate) changes: u64,
    /// Few requests have any.
    pub(super) endings: Option<Box<Endings>>,
    /// The writes whose outcome is unknown.
    pub(super) unsettled: Option<Box<Unsettled>>,
    /// Whether a purge or a restart of this request ends a session.
    pub(crate) has_ended_any: bool,
    /// Counts purges and restarts. A flush of an earlier generation stores a session that has to end.
    pub(crate) generation: u32,
    /// The epoch that the session gets when it is created or renewed, if that has been decided.
    pub(super) next_epoch: Option<Epoch>,
    /// Whether a token was made for the session before it was stored, so that it has to be stored even if it is empty.
    pub(super) has_csrf_token: bool,
    phase: Phase,
    pub(crate) is_committed: bool,
    /// Whether `status` describes what the commit stored, and no unstored change.
    pub(super) is_status_of_commit: bool,
    /// Whether the request has a cookie of our name, valid or not.
    pub(crate) cookie_came: bool,
    pub(crate) cookie_due: CookieDue,
    /// Whether the application read or changed the session, so that the response depends on the cookie.
    pub(crate) is_used: bool,
    /// Whether the request extends the life of the session.
    pub(crate) extends_life: bool,
    /// When the request began. A sign-in counts from then.
    pub(crate) began_at: Timestamp,
    /// Whether a user was signed in to the session at any time of the request.
    pub(crate) was_signed_in: bool,
    pub(crate) max_state_bytes: usize,
    pub(super) flushing: Flushing,
}

impl Machine {
    #[inline]
    pub(crate) fn new(
        binding: Binding,
        cookie_came: bool,
        began_at: Timestamp,
        max_state_bytes: usize,
    ) -> Self {
        Self {
            binding,
            payload: Payload::default(),
            status: SessionStatus::Unchanged,
            journal: Journal::default(),
            changes: 0,
            endings: None,
            unsettled: None,
            has_ended_any: false,
            generation: 0,
            next_epoch: None,
            has_csrf_token: false,
            phase: Phase::Running,
            is_committed: false,
            is_status_of_commit: false,
            cookie_came,
            cookie_due: CookieDue::Nothing,
            is_used: false,
            extends_life: true,
            began_at,
            was_signed_in: false,
            max_state_bytes,
            flushing: Flushing::No,
        }
    }

    /// Whether the values can be read.
    pub(crate) fn is_loaded(&self) -> bool {
        !matches!(self.binding, Binding::Unopened(_))
    }

    /// Takes in the session that the request's cookies name.
    ///
    /// Returns the stored session if changes have to be replayed on it. The caller replays them without the lock,
    /// because they may be closures.
    pub(crate) fn open(&mut self, opened: Opened) -> Option<Arc<Stored>> {
        if !opened.others.is_empty() {
            self.endings().others = opened.others;
        }
        if opened.is_outdated {
            self.cookie_due = CookieDue::Refresh;
        }
        if let Binding::Stored(stored) = &opened.binding {
            self.was_signed_in = stored.record.has_subject();
        }
        match opened.binding {
            Binding::Stored(stored) if !self.journal.is_empty() => return Some(stored),
            Binding::Stored(stored) => {
                self.payload = stored.record.payload();
                self.binding = Binding::Stored(stored);
            }
            binding => self.binding = binding,
        }
        None
    }

    /// Refuses changes of values, with the reason, if the session takes none.
    pub(crate) fn check_writable(&self) -> Result<(), WriteError> {
        self.check_phase()?;
        match self.binding {
            _ if self.status == SessionStatus::Purged => Err(SessionClosedError::Purged.into()),
            Binding::Unopened(_) => Err(WriteError::NotLoaded),
            Binding::Superseded(_) => Err(SessionClosedError::Superseded.into()),
            Binding::Ended => Err(SessionClosedError::Ended.into()),
            _ => Ok(()),
        }
    }

    /// Refuses any change, with the reason, if the session is closed.
    pub(crate) fn check_phase(&self) -> Result<(), SessionClosedError> {
        match self.phase {
            Phase::Running | Phase::Reopened => Ok(()),
            Phase::Closed => Err(SessionClosedError::Committed),
        }
    }

    pub(crate) fn set(&mut self, name: &Arc<str>, text: JsonText) -> Result<Discarded, WriteError> {
        self.check_writable()?;
        let place = self.payload.state.find(name);
        self.check_size(self.payload.state.text_at(place), name, &text)?;
        self.payload.state.set_at(place, name, text.clone());
        self.note_change();
        Ok(self.journal.set(name, text))
    }

    /// Stores `text`, which a closure computed from `seen`. Returns `false`, and does nothing, if the value has changed
    /// since.
    pub(crate) fn update(
        &mut self,
        seen: Option<&Text>,
        name: &Arc<str>,
        text: JsonText,
        update: &Update,
    ) -> Result<bool, WriteError> {
        self.check_writable()?;
        let place = self.payload.state.find(name);
        let now = self.payload.state.text_at(place);
        let is_unchanged = match (now, seen) {
            (Some(now), Some(seen)) => seen.is(now),
            (None, None) => true,
            _ => false,
        };
        if !is_unchanged {
            return Ok(false);
        }
        self.check_size(now, name, &text)?;
        self.payload.state.set_at(place, name, text.clone());
        self.note_change();
        self.journal.update(name, update.clone(), text);
        Ok(true)
    }

    pub(crate) fn remove(&mut self, name: &str) -> Result<(Option<Text>, Discarded), WriteError> {
        self.check_writable()?;
        let removed = self.payload.state.remove(name);
        let discarded = match removed {
            Some(_) => {
                self.note_change();
                self.journal.remove(&name.into())
            }
            None => Discarded::default(),
        };
        Ok((removed, discarded))
    }

    pub(crate) fn clear(&mut self) -> Result<Discarded, WriteError> {
        self.check_writable()?;
        self.payload.state.clear();
        self.note_change();
        Ok(self.journal.clear())
    }

    /// Changes what only some records have.
    pub(crate) fn change_details(&mut self, changes: DetailChanges) -> Result<(), WriteError> {
        self.check_writable()?;
        changes.apply(&mut self.payload);
        self.note_change();
        self.journal.change_details(changes);
        Ok(())
    }

    pub(super) fn note_change(&mut self) {
        self.changes += 1;
        if self.status == SessionStatus::Unchanged {
            self.status = SessionStatus::Changed;
        }
    }

    /// Checks that the state may hold `text` under `name`, in place of `now`.
    fn check_size(
        &self,
        now: Option<&str>,
        name: &str,
        text: &str,
    ) -> Result<(), StateTooLargeError> {
        let before = self.payload.state.byte_len();
        let bytes = match now {
            Some(replaced) => before - replaced.len() + text.len(),
            None => before + name.len() + text.len(),
        };
        check_growth(before, bytes, self.max_state_bytes)
    }

    /// Continues without the store, with an empty session.
    pub(crate) fn detach(&mut self, cookies: Cookies) {
        self.binding = Binding::Detached(cookies);
    }

    pub(crate) fn is_detached(&self) -> bool {
        matches!(self.binding, Binding::Detached(_))
    }

    pub(crate) fn stored(&self) -> Option<&Arc<Stored>> {
        match &self.binding {
            Binding::Stored(stored) | Binding::Superseded(stored) => Some(stored),
            _ => None,
        }
    }

    /// Closes the session: the response was sent, or the client disconnected, so no cookie can be sent.
    pub(crate) fn close(&mut self) {
        self.phase = Phase::Closed;
    }

    pub(crate) fn can_send_cookie(&self) -> bool {
        self.phase == Phase::Running
    }

    /// Whether no change is to be stored, no session to be ended and no cookie to be sent.
    pub(crate) fn is_untouched(&self) -> bool {
        self.status == SessionStatus::Unchanged
            && self.flushing == Flushing::No
            && self.cookie_due == CookieDue::Nothing
            && !self.endings.as_ref().is_some_and(|it| it.are_due())
    }

    /// Marks the session as committed, and closes it.
    pub(crate) fn close_committed(&mut self) {
        self.is_committed = true;
        self.close();
    }
}
