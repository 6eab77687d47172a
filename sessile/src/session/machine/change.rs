//! The changes that a handler makes to its session.

use std::{mem, sync::Arc, time::Duration};

use super::{Binding, Cookies, Machine, Phase, Stored, Target, Unsettled};
use crate::{
    clock::Timestamp,
    error::{SessionClosedError, StateTooLargeError, WriteError},
    record::{Payload, json::JsonText, state::Text},
    session::{
        SessionStatus,
        journal::{DetailChanges, Discarded, Update},
    },
};

impl Machine {
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

    /// Stores `text`, which a closure computed from `seen`; `None` if the value has changed since.
    pub(crate) fn update(
        &mut self,
        seen: Option<&Text>,
        name: &Arc<str>,
        text: JsonText,
        update: &Update,
    ) -> Result<Option<()>, WriteError> {
        self.check_writable()?;
        let place = self.payload.state.find(name);
        let now = self.payload.state.text_at(place);
        let is_unchanged = match (now, seen) {
            (Some(now), Some(seen)) => seen.is(now),
            (None, None) => true,
            _ => false,
        };
        if !is_unchanged {
            return Ok(None);
        }
        self.check_size(now, name, &text)?;
        self.payload.state.set_at(place, name, text.clone());
        self.note_change();
        self.journal.update(name, update.clone(), text);
        Ok(Some(()))
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

    /// Marks the session for renewal. It may be unopened: the commit opens it.
    pub(crate) fn renew(&mut self) -> Result<(), SessionClosedError> {
        self.check_phase()?;
        match self.binding {
            _ if self.status == SessionStatus::Purged => Err(SessionClosedError::Purged),
            Binding::Ended => Err(SessionClosedError::Ended),
            _ => {
                self.status = SessionStatus::Renewed;
                Ok(())
            }
        }
    }

    /// Prepares a sign-in: a session of another user ends, and so do the other sessions that the request's cookies name.
    ///
    /// Returns when the request began.
    pub(crate) fn begin_sign_in(
        &mut self,
        subject: &str,
    ) -> Result<(Timestamp, Discarded), SessionClosedError> {
        self.check_phase()?;
        if self.status == SessionStatus::Purged {
            return Err(SessionClosedError::Purged);
        }
        let is_of_another = self.payload.subject().is_some_and(|it| it != subject);
        let discarded = match is_of_another {
            true => self.restart()?,
            false => Discarded::default(),
        };
        self.end_others();
        Ok((self.began_at, discarded))
    }

    /// Lets a later sign-in of this request count from after `mark`, with which the request itself has ended sessions.
    pub(crate) fn sign_in_after(&mut self, mark: Timestamp) {
        let next = mark.saturating_add(Duration::from_millis(1));
        self.began_at = self.began_at.max(next);
    }

    /// Notes that the user has authenticated again, which renews the session.
    pub(crate) fn reauthenticate(&mut self, now: Timestamp) -> Result<(), WriteError> {
        self.check_writable()?;
        self.status = SessionStatus::Renewed;
        self.change_details(DetailChanges {
            authenticated_at: Some(now),
            ..DetailChanges::default()
        })
    }

    /// Changes what only some records have.
    pub(crate) fn change_details(&mut self, changes: DetailChanges) -> Result<(), WriteError> {
        self.check_writable()?;
        changes.apply(&mut self.payload);
        self.note_change();
        self.journal.change_details(changes);
        Ok(())
    }

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
            Binding::Unopened(cookies) => Some(Target::Cookies(cookies)),
            Binding::Detached(cookies) => {
                self.binding = Binding::Detached(Cookies::new());
                Some(Target::Cookies(cookies))
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
        Ok(self.take_unstored())
    }

    /// Drops the changes that are not known to be stored.
    pub(crate) fn discard(&mut self) -> Discarded {
        self.changes += 1;
        self.is_flush_discarded = self.is_flushing;
        let stored = self.stored();
        self.payload = stored.map_or_else(Payload::default, |it| it.record.payload());
        if self.status == SessionStatus::Changed && !self.is_stored_for_token() {
            self.status = SessionStatus::Unchanged;
        }
        let renewing = self.unsettled.as_deref().and_then(Unsettled::renewing);
        let discarded = self.take_unstored();
        self.unsettled = renewing.map(Box::new);
        discarded
    }

    pub(super) fn take_unstored(&mut self) -> Discarded {
        let unsettled = self.unsettled.take().map(|it| it.into_journals());
        let journals = unsettled.into_iter().flatten();
        Discarded::new(journals.chain([mem::take(&mut self.journal)]))
    }

    pub(super) fn note_change(&mut self) {
        self.changes += 1;
        if self.status == SessionStatus::Unchanged {
            self.status = SessionStatus::Changed;
        }
    }

    /// As [`Payload::check_growth`], after `stored`.
    pub(crate) fn check_growth(&self, stored: &Stored) -> Result<(), StateTooLargeError> {
        let before = stored.record.payload();
        self.payload.check_growth(&before, self.max_state_bytes)
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
        StateTooLargeError::check(before, bytes, self.max_state_bytes)
    }
}
