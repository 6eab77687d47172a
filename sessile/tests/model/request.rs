//! A request in progress, and what its handler sees.

use std::{collections::HashMap, mem};

use serde_json::Value;
use sessile::{SessionStatus, error::SessionClosedError};

use crate::{oracle::Cookie, steps::Write};

pub(crate) type State = HashMap<String, Value>;

/// What a request knows of its stored session.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    New,
    Opened { session: usize, with: Cookie },
    Stale { session: usize },
    Superseded { session: usize },
    Ended,
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Due {
    Nothing,
    Issue,
    Remove,
}

/// A request in progress.
pub(crate) struct Request {
    pub(crate) place: Place,
    /// The state when it was loaded, or last stored.
    pub(crate) base: State,
    pub(crate) view: State,
    pub(crate) unsaved: Vec<Write>,
    pub(crate) status: SessionStatus,
    pub(crate) ending: Vec<usize>,
    pub(crate) came: bool,
    pub(crate) due: Due,
}

impl Request {
    pub(crate) fn view(&self) -> &State {
        &self.view
    }

    /// The result of a write.
    pub(crate) fn write(&mut self, write: Write) -> Result<(), SessionClosedError> {
        match write {
            Write::Purge => self.end(SessionStatus::Purged),
            Write::Restart => self.end(SessionStatus::Renewed),
            Write::Discard => self.discard(),
            Write::Renew => match self.place {
                _ if self.status == SessionStatus::Purged => {
                    return Err(SessionClosedError::Purged);
                }
                Place::Ended => return Err(SessionClosedError::Ended),
                _ => self.status = SessionStatus::Renewed,
            },
            write => {
                match self.place {
                    _ if self.status == SessionStatus::Purged => {
                        return Err(SessionClosedError::Purged);
                    }
                    Place::Ended => return Err(SessionClosedError::Ended),
                    Place::Superseded { .. } => return Err(SessionClosedError::Superseded),
                    _ => {}
                }
                if write.changes(&self.view) {
                    write.apply(&mut self.view);
                    self.unsaved.push(write);
                    if self.status == SessionStatus::Unchanged {
                        self.status = SessionStatus::Changed;
                    }
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, status: SessionStatus) {
        match mem::replace(&mut self.place, Place::New) {
            Place::New | Place::Ended => {}
            Place::Opened { session, .. }
            | Place::Stale { session }
            | Place::Superseded { session } => self.ending.push(session),
        }
        self.status = status;
        self.view.clear();
        self.base.clear();
        self.unsaved.clear();
    }

    fn discard(&mut self) {
        self.view.clone_from(&self.base);
        self.unsaved.clear();
        if self.status == SessionStatus::Changed {
            self.status = SessionStatus::Unchanged;
        }
    }

    pub(crate) fn take_in(&mut self, place: Place, state: &State) {
        self.place = place;
        self.base.clone_from(state);
        self.view.clone_from(state);
        let unsaved = self.unsaved.iter();
        unsaved.for_each(|write| write.apply(&mut self.view));
    }

    /// The request finds that its session has ended or was renewed.
    pub(crate) fn lose(&mut self, reason: SessionClosedError) -> SessionClosedError {
        self.place = match (reason, self.place) {
            (SessionClosedError::Ended, _) => Place::Ended,
            (_, Place::Opened { session, .. }) => Place::Superseded { session },
            (_, place) => place,
        };
        if matches!(self.place, Place::Ended) {
            self.base.clear();
        }
        reason
    }
}
