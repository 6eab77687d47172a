//! [`Live`]: what a session is while a request runs, and the rules by which it changes.
//!
//! It lives under the session's lock, so nothing here calls the application's code: what the
//! application has to drop is handed out, to be dropped without the lock.

use std::sync::Arc;

use super::{
    SessionStatus,
    errors::{SessionClosedError, WriteError},
};
use crate::{
    clock::Timestamp,
    failure::StateTooLargeError,
    journal::{Change, Journal},
    json::JsonText,
    key::SessionKey,
    record::Record,
    state::State,
    storage::{Loaded, Version},
    text::Text,
};

/// What was taken from the session and may contain closures of the application: to be dropped when
/// the lock is not held.
#[must_use = "drop it without the lock"]
pub(crate) struct Discarded(#[expect(dead_code, reason = "only dropped")] Vec<Change>);

/// Where a session is stored, and the times it has there.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) key: SessionKey,
    pub(crate) version: Version,
    pub(crate) created_at: Timestamp,
    pub(crate) touched_at: Timestamp,
    /// Whether the times are unknown.
    pub(crate) undated: bool,
}

impl Place {
    pub(crate) fn new(key: SessionKey, version: Version, record: &Record) -> Self {
        Self {
            key,
            version,
            created_at: record.created_at,
            touched_at: record.touched_at,
            undated: record.undated,
        }
    }

    /// When the record there was last touched, as far as that is known.
    pub(crate) fn last_touch(&self) -> Option<Timestamp> {
        (!self.undated).then_some(self.touched_at)
    }
}

/// The value of the cookie that a request came with, and the key that it is sealed around.
#[derive(Clone)]
pub(crate) struct Presented {
    pub(crate) key: SessionKey,
    pub(crate) value: Arc<str>,
}

/// The longest value that is worth keeping to be sent back. A longer one is sealed around a state rather than a key,
/// and there is another one after each change.
const WORTH_KEEPING: usize = 200;

/// Whether a session takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    Open,
    Closed(SessionClosedError),
}

pub(crate) struct Live {
    /// The value of a cookie that may name a session, as long as nobody has looked; everything else
    /// is then that of an empty session.
    pub(crate) unopened: Option<Arc<str>>,
    /// The cookie that named it, if it is worth keeping: as good as one that is sealed anew for the same key.
    pub(crate) presented: Option<Presented>,
    /// What the handler sees: what was loaded, and its own changes on top.
    pub(crate) state: State,
    pub(crate) status: SessionStatus,
    /// The changes that have not been stored yet.
    pub(crate) journal: Journal,
    /// How many changes there have been: tells whether another came in while the lock was free.
    pub(crate) changes: u64,
    /// Where it is stored; `None` for a session that isn't yet, or no longer.
    pub(crate) place: Option<Place>,
    pub(crate) access: Access,
    /// Whether the request came with a cookie of our name, ours or not.
    pub(crate) cookie_came: bool,
    /// Whether a cookie can still be sent: the response has not been.
    pub(crate) cookie_can_go: bool,
    /// Whether something was saved whose cookie has yet to be sent.
    pub(crate) cookie_due: bool,
    /// Whether what the status says has been done, and is only shown.
    pub(crate) settled: bool,
    /// Whether a write was reported as failed that may have happened all the same.
    pub(crate) uncertain: bool,
    /// Whether changes are on their way to the store.
    pub(crate) flushing: bool,
    /// Whether the store failed and the request goes on without it.
    pub(crate) detached: bool,
}

impl Live {
    pub(crate) fn new(cookie_came: bool) -> Self {
        Self {
            unopened: None,
            presented: None,
            state: State::default(),
            status: SessionStatus::Unchanged,
            journal: Journal::default(),
            changes: 0,
            place: None,
            access: Access::Open,
            cookie_came,
            cookie_can_go: true,
            cookie_due: false,
            settled: false,
            uncertain: false,
            flushing: false,
            detached: false,
        }
    }

    /// A session that is loaded when somebody asks for what the cookie with this `value` names.
    pub(crate) fn unopened(value: &str) -> Self {
        Self {
            unopened: Some(value.into()),
            ..Self::new(true)
        }
    }

    /// Takes in what its cookie names, if that is a live session.
    pub(crate) fn open(&mut self, value: &str, found: Option<(SessionKey, Loaded)>) {
        let unopened = self.unopened.take();
        if let Some((key, loaded)) = found {
            let value = unopened.or_else(|| (value.len() <= WORTH_KEEPING).then(|| value.into()));
            self.presented = value.map(|value| Presented {
                key: key.clone(),
                value,
            });
            self.place = Some(Place::new(key, loaded.version, &loaded.record));
            // What was purged before anybody looked is empty whatever was there.
            if self.status != SessionStatus::Purged {
                self.state = loaded.record.state;
            }
        }
    }

    /// Goes on without the store, empty.
    pub(crate) fn detach(&mut self) {
        self.unopened = None;
        self.detached = true;
    }

    /// Whether what it holds is known.
    pub(crate) fn is_readable(&self) -> bool {
        self.unopened.is_none() || self.status == SessionStatus::Purged
    }

    fn check_open(&self) -> Result<(), SessionClosedError> {
        match self.access {
            Access::Closed(why) => Err(why),
            Access::Open => Ok(()),
        }
    }

    /// Whether a write has any effect: it has none on a purged session, and is refused on one that
    /// is closed or has not been loaded.
    pub(crate) fn takes_writes(&self) -> Result<bool, WriteError> {
        self.check_open()?;
        if !self.is_readable() {
            return Err(WriteError::NotLoaded);
        }
        Ok(self.status != SessionStatus::Purged)
    }

    pub(crate) fn set(
        &mut self,
        name: Arc<str>,
        text: JsonText,
        max_bytes: usize,
    ) -> Result<Discarded, WriteError> {
        if !self.takes_writes()? {
            return Ok(Discarded(Vec::new()));
        }
        self.check_size(self.state.text(&name), &name, &text, max_bytes)?;
        self.state.set(&name, text.clone());
        Ok(self.note(Change::Set { name, text }))
    }

    /// Puts what an updater made of `seen` in its place; `None` if that is no longer what is there.
    pub(crate) fn replace(
        &mut self,
        seen: Option<&Text>,
        name: &Arc<str>,
        text: JsonText,
        change: Change,
        max_bytes: usize,
    ) -> Result<Option<Discarded>, WriteError> {
        if !self.takes_writes()? {
            return Ok(Some(Discarded(vec![change])));
        }
        let now = self.state.text(name);
        let unchanged = match (now, seen) {
            (Some(now), Some(seen)) => seen.is(now),
            (None, None) => true,
            _ => false,
        };
        if !unchanged {
            return Ok(None);
        }
        self.check_size(now, name, &text, max_bytes)?;
        self.state.set(name, text);
        Ok(Some(self.note(change)))
    }

    pub(crate) fn remove(&mut self, name: &str) -> Result<(Option<Text>, Discarded), WriteError> {
        if !self.takes_writes()? {
            return Ok((None, Discarded(Vec::new())));
        }
        let removed = self.state.remove(name);
        let discarded = match removed {
            Some(_) => self.note(Change::Remove { name: name.into() }),
            None => Discarded(Vec::new()),
        };
        Ok((removed, discarded))
    }

    pub(crate) fn clear(&mut self) -> Result<Discarded, WriteError> {
        if !self.takes_writes()? {
            return Ok(Discarded(Vec::new()));
        }
        self.state.clear();
        Ok(self.note(Change::Clear))
    }

    /// Needs no loading: who stores it loads it first.
    pub(crate) fn purge(&mut self) -> Result<Journal, WriteError> {
        self.check_open()?;
        self.changes += 1;
        self.state.clear();
        self.status = SessionStatus::Purged;
        Ok(std::mem::take(&mut self.journal))
    }

    /// Needs no loading: who stores it loads it first.
    pub(crate) fn renew(&mut self) -> Result<(), WriteError> {
        self.check_open()?;
        if self.status != SessionStatus::Purged {
            self.status = SessionStatus::Renewed;
        }
        Ok(())
    }

    fn note(&mut self, change: Change) -> Discarded {
        self.changes += 1;
        if self.status == SessionStatus::Unchanged {
            self.status = SessionStatus::Changed;
        }
        Discarded(self.journal.push(change))
    }

    /// Whether the state may hold `text` under `name`, in place of what is there `now`.
    fn check_size(
        &self,
        now: Option<&str>,
        name: &str,
        text: &str,
        max: usize,
    ) -> Result<(), StateTooLargeError> {
        let before = self.state.size();
        let bytes = match now {
            Some(replaced) => before - replaced.len() + text.len(),
            None => before + name.len() + text.len(),
        };
        StateTooLargeError::check(before, bytes, max)
    }
}
