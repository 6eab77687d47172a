//! The session's side of storing it: handing its changes over, and taking in what became of them.

use std::{mem, pin::Pin};

use tokio::sync::MutexGuard;

use super::{
    Session, SessionClosedError, SessionReloadError, SessionSaveError, SessionStatus,
    live::{Access, Live, Place},
};
use crate::{
    clock::Timestamp,
    failure::OpenError,
    journal::{Journal, MergeError},
    key::SessionKey,
    state::State,
    storage::Loaded,
};

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What loads and stores a session, whatever its store.
pub(crate) trait Backend: Send + Sync {
    /// When a session with these times ends if nothing extends its life.
    fn ends_at(&self, created_at: Timestamp, touched_at: Timestamp) -> Timestamp;

    /// Stores what has been done to `session`.
    fn save<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SessionSaveError>>;

    /// Loads what is under `key`.
    fn load<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<Option<Loaded>, OpenError>>;
}

impl Session {
    /// Stores the changes now, without waiting for the end of the request.
    ///
    /// For long requests, and for handles that outlive their response: those call
    /// [`reload`](Self::reload) first. Changes are merged with those of other requests, as at the
    /// end of a request. A cookie that is needed goes out with the response.
    ///
    /// Costs what the commit at the end of a request costs, up to two round trips where another
    /// request stored something meanwhile.
    ///
    /// # Errors
    ///
    /// When the session has ended, when a cookie is needed and the response has been sent, or when
    /// the store fails. The changes are kept, and tried again with the next `save` or at the end
    /// of the request.
    pub async fn save(&self) -> Result<(), SessionSaveError> {
        let backend = self.0.backend.as_ref().ok_or(SessionSaveError::NoStore)?;
        if let Access::Closed(why) = self.live().access {
            return Err(why.into());
        }
        backend.save(self).await
    }

    /// Loads the newest stored state, and makes the changes that have not been stored to it.
    ///
    /// Opens a session that was committed with its response for further changes, which
    /// [`save`](Self::save) stores: for sockets, streams and spawned tasks.
    ///
    /// # Errors
    ///
    /// When the session has ended, was never stored, or when the store fails. The session is then
    /// as it was.
    pub async fn reload(&self) -> Result<(), SessionReloadError> {
        let backend = self.0.backend.as_ref().ok_or(SessionReloadError::NoStore)?;
        let _turn = self.0.turn.lock().await;
        let key = {
            let live = self.live();
            if live.access == Access::Closed(SessionClosedError::Ended) {
                return Err(SessionClosedError::Ended.into());
            }
            let place = live.place.as_ref().ok_or(SessionReloadError::NotStored)?;
            place.key.clone()
        };
        let Some(loaded) = backend.load(&key).await? else {
            self.live().access = Access::Closed(SessionClosedError::Ended);
            return Err(SessionClosedError::Ended.into());
        };
        let place = Place::new(key, loaded.version, &loaded.record);
        self.take_in(place, loaded.record.state)?;
        self.live().access = Access::Open;
        Ok(())
    }

    /// Takes over what was done to the session since it was last stored, to store it.
    pub(crate) async fn flush(&self, last: bool) -> Flush<'_> {
        let turn = self.0.turn.lock().await;
        let mut live = self.live();
        let work = Work {
            status: live.status,
            state: live.state.clone(),
            journal: mem::take(&mut live.journal),
            place: live.place.clone(),
            cookie_came: live.cookie_came,
            cookie_can_go: live.cookie_can_go,
            cookie_due: live.cookie_due,
            uncertain: live.uncertain,
        };
        if live.status != SessionStatus::Purged {
            live.status = if last {
                // What was done to it can still be seen after its response.
                live.status
            } else {
                SessionStatus::Unchanged
            };
        }
        if last {
            live.close();
        }
        drop(live);
        Flush {
            session: self,
            work,
            finished: false,
            _turn: turn,
        }
    }

    /// Closes the session with its response.
    pub(crate) fn close(&self) {
        self.live().close();
    }

    pub(crate) fn has_store(&self) -> bool {
        self.0.backend.is_some()
    }

    /// Puts the changes that have not been stored on top of `stored`, which is what the store holds
    /// at `place`.
    ///
    /// On an error the session still names the place it had before, so that a later attempt to
    /// store it meets a conflict rather than overwrite what it has not seen.
    fn take_in(&self, place: Place, stored: State) -> Result<(), MergeError> {
        loop {
            let (journal, seen) = {
                let live = self.live();
                (live.journal.clone(), live.changes)
            };
            let mut state = stored.clone();
            // The application's closures run here, so the lock is free, and has to be checked after.
            journal.replay(&mut state)?;
            let mut live = self.live();
            if live.changes == seen {
                if live.status != SessionStatus::Purged {
                    live.state = state;
                }
                live.place = Some(place);
                return Ok(());
            }
        }
    }
}

impl Live {
    fn close(&mut self) {
        self.cookie_can_go = false;
        if self.access == Access::Open {
            self.access = Access::Closed(SessionClosedError::Committed);
        }
    }
}

/// What was done to a session since it was last stored.
pub(crate) struct Work {
    pub(crate) status: SessionStatus,
    /// The state with the journal's changes made to it.
    pub(crate) state: State,
    pub(crate) journal: Journal,
    pub(crate) place: Option<Place>,
    pub(crate) cookie_came: bool,
    pub(crate) cookie_can_go: bool,
    pub(crate) cookie_due: bool,
    pub(crate) uncertain: bool,
}

/// What became of a session's changes.
pub(crate) enum Outcome {
    /// There was nothing to store.
    Untouched,
    /// This state is now stored here.
    Stored { place: Place, state: State },
    /// It was deleted.
    Deleted,
    /// It had been ended by somebody else; the changes are dropped.
    Gone,
}

/// Changes on their way to the store.
///
/// Dropped unfinished, because the store failed or nobody waited any longer, it puts them back.
pub(crate) struct Flush<'a> {
    session: &'a Session,
    pub(crate) work: Work,
    finished: bool,
    _turn: MutexGuard<'a, ()>,
}

impl Flush<'_> {
    /// Takes in what became of the changes.
    pub(crate) fn finish(mut self, outcome: Outcome, cookie_due: bool) -> Result<(), MergeError> {
        self.finished = true;
        {
            let mut live = self.session.live();
            live.uncertain = false;
            live.cookie_due = cookie_due;
        }
        match outcome {
            Outcome::Untouched => Ok(()),
            Outcome::Stored { place, state } => self.session.take_in(place, state),
            Outcome::Deleted => {
                self.session.live().place = None;
                Ok(())
            }
            Outcome::Gone => {
                let mut live = self.session.live();
                live.place = None;
                live.access = Access::Closed(SessionClosedError::Ended);
                Ok(())
            }
        }
    }
}

impl Drop for Flush<'_> {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let mut live = self.session.live();
        let mut journal = mem::take(&mut self.work.journal);
        journal.append(mem::take(&mut live.journal));
        live.journal = journal;
        live.uncertain = true;
        // The stronger of what was to be stored and what was done since.
        live.status = match (live.status, self.work.status) {
            (SessionStatus::Purged, _) | (_, SessionStatus::Purged) => SessionStatus::Purged,
            (SessionStatus::Renewed, _) | (_, SessionStatus::Renewed) => SessionStatus::Renewed,
            (SessionStatus::Changed, _) | (_, SessionStatus::Changed) => SessionStatus::Changed,
            (SessionStatus::Unchanged, SessionStatus::Unchanged) => SessionStatus::Unchanged,
        };
    }
}
