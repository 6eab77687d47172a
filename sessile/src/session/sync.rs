//! The session's side of storing it: handing its changes over, and taking in what became of them.

use std::{
    mem,
    pin::Pin,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use tokio::sync::MutexGuard;

use super::{
    Session, SessionClosedError, SessionReloadError, SessionSaveError, SessionStatus,
    live::{Access, Live, Place},
};
#[cfg(feature = "actix")]
use crate::failure::{CommitError, StateTooLargeError};
use crate::{
    clock::Timestamp,
    failure::OpenError,
    journal::{Journal, MergeError},
    key::SessionKey,
    state::State,
    storage::{Loaded, Version},
    timeout,
};

pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What loads and stores a session, whatever its store.
pub(crate) trait Backend: Send + Sync {
    /// When a session with these times ends if nothing extends its life.
    fn ends_at(&self, created_at: Timestamp, touched_at: Timestamp) -> Timestamp;

    /// How long anybody waits for the store.
    fn store_timeout(&self) -> Duration;

    /// The live session that the cookie with this value names, if it is one of ours and there is one.
    fn find<'a>(
        &'a self,
        cookie: &'a str,
    ) -> BoxFuture<'a, Result<Option<(SessionKey, Loaded)>, OpenError>>;

    /// Reports that a session could not be opened; whether the request goes on without the store.
    fn goes_on_without(&self, error: &OpenError) -> bool;

    /// The HTTP status that a failing store is answered with.
    #[cfg(feature = "actix")]
    fn failure_status(&self) -> u16;

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
    /// Costs what the commit at the end of a request costs: one round trip to the store, and two
    /// more for each time that another request stored something meanwhile. While others on this server
    /// merge what they did to the same session it waits for them, a quarter of the store's timeout at
    /// most, and takes one more.
    ///
    /// # Errors
    ///
    /// When the session has ended, which drops the changes. When a cookie is needed and the response
    /// has been sent, or when the store fails: the changes are then kept, and tried again with the
    /// next `save` or at the end of the request.
    pub async fn save(&self) -> Result<(), SessionSaveError> {
        let backend = self.store().ok_or(SessionSaveError::NoStore)?;
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
    /// When the session has ended, was never stored, or when the store fails; the session is then
    /// as it was. One error is different: after
    /// [`Uncertain`](SessionReloadError::Uncertain) the session holds the newest state, and all
    /// changes that were not stored for sure are dropped, since some of them may be in it.
    pub async fn reload(&self) -> Result<(), SessionReloadError> {
        let backend = self.store().ok_or(SessionReloadError::NoStore)?;
        timeout::within(backend.store_timeout(), async {
            let _turn = self.0.turn.lock().await;
            if !self.is_loaded() {
                self.open_in_turn(backend).await?;
                let mut live = self.live();
                if live.place.is_none() {
                    return Err(SessionReloadError::NotStored);
                }
                live.reopen();
                return Ok(());
            }
            let place = {
                let live = self.live();
                if live.access == Access::Closed(SessionClosedError::Ended) {
                    return Err(SessionClosedError::Ended.into());
                }
                live.place.clone().ok_or(SessionReloadError::NotStored)?
            };
            match backend.load(&place.key).await? {
                Some(loaded) => self.take_in_newest(&place, loaded),
                None => {
                    self.live().end();
                    Err(SessionClosedError::Ended.into())
                }
            }
        })
        .await
        .unwrap_or_else(|after| Err(OpenError::Timeout { after }.into()))
    }

    fn take_in_newest(&self, seen: &Place, newest: Loaded) -> Result<(), SessionReloadError> {
        let changed = newest.version != seen.version;
        // What may be in there already must not be made to it once more.
        let (uncertain, dropped) = {
            let mut live = self.live();
            let uncertain = live.uncertain && changed;
            live.uncertain &= !changed;
            let dropped = uncertain.then(|| live.take_unsaved());
            (uncertain, dropped)
        };
        drop(dropped);
        let place = Place::new(seen.key.clone(), newest.version, &newest.record);
        self.take_in(place, newest.record.state)?;
        self.live().reopen();
        if uncertain {
            return Err(SessionReloadError::Uncertain);
        }
        Ok(())
    }

    /// Takes over what was done to the session since it was last stored, to store it; the `last`
    /// time closes the session.
    pub(crate) async fn flush(&self, last: bool) -> Flush<'_> {
        let turn = self.0.turn.lock().await;
        let mut live = self.live();
        live.flushing = true;
        let work = Work {
            status: live.status,
            ended: live.access == Access::Closed(SessionClosedError::Ended),
            state: live.state.clone(),
            journal: mem::take(&mut live.journal),
            place: live.place.clone(),
            cookie_came: live.cookie_came,
            cookie_can_go: live.cookie_can_go,
            cookie_due: live.cookie_due,
            uncertain: live.uncertain,
        };
        if last {
            // Its status shows after the response what was done to it.
            live.close();
        } else if live.status != SessionStatus::Purged {
            live.status = SessionStatus::Unchanged;
        }
        drop(live);
        Flush {
            session: self,
            work,
            last,
            unanswered: AtomicBool::new(false),
            finished: false,
            _turn: turn,
        }
    }

    /// Closes the session with its response.
    pub(crate) fn close(&self) {
        self.live().close();
    }

    /// Closes a session with its response that was not changed, and that `needs_nothing`, or that no
    /// store is behind; whether it did.
    pub(crate) fn close_untouched(&self, needs_nothing: impl FnOnce(&Live) -> bool) -> bool {
        let mut live = self.live();
        if self.0.backend.is_some() && !live.detached {
            let untouched = live.status == SessionStatus::Unchanged && !live.flushing;
            if !untouched || !needs_nothing(&live) {
                return false;
            }
            live.settled = true;
        }
        live.close();
        true
    }

    /// What keeps it; nothing for a session that the request has to do without.
    fn store(&self) -> Option<&dyn Backend> {
        let backend = self.0.backend.as_deref()?;
        (!self.live().detached).then_some(backend)
    }

    /// Whether it was made before, or without, a middleware that opens one.
    #[cfg(feature = "actix")]
    pub(crate) fn is_early(&self) -> bool {
        self.0.backend.is_none()
    }

    /// The HTTP status that a failing store is answered with.
    #[cfg(feature = "actix")]
    pub(crate) fn failure_status(&self) -> u16 {
        let backend = self.0.backend.as_deref();
        backend.map_or(503, Backend::failure_status)
    }

    /// Makes the changes of `early`, a session that no store is behind, to this one, which takes its
    /// place.
    #[cfg(feature = "actix")]
    pub(crate) async fn adopt(&self, early: &Self) -> Result<(), AdoptError> {
        let (journal, status) = {
            let mut early = early.live();
            early.access = Access::Closed(SessionClosedError::Replaced);
            (mem::take(&mut early.journal), early.status)
        };
        if status == SessionStatus::Unchanged {
            return Ok(());
        }
        self.load().await?;
        let mut state = self.live().state.clone();
        let before = state.size();
        journal.replay(&mut state).map_err(CommitError::from)?;
        StateTooLargeError::check(before, state.size(), self.0.max_state_bytes)
            .map_err(CommitError::from)?;
        let mut live = self.live();
        live.status = status;
        if status != SessionStatus::Purged {
            live.state = state;
            live.journal = journal;
        } else {
            live.state.clear();
        }
        Ok(())
    }

    /// Puts the changes that have not been stored on top of `stored`, which is what the store holds
    /// at `place`.
    ///
    /// On an error the session is as it was.
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
    /// Somebody else ended the session.
    fn end(&mut self) {
        self.place = None;
        self.cookie_due = false;
        self.access = Access::Closed(SessionClosedError::Ended);
    }

    fn close(&mut self) {
        self.cookie_can_go = false;
        if self.access == Access::Open {
            self.access = Access::Closed(SessionClosedError::Committed);
        }
    }

    fn reopen(&mut self) {
        self.access = Access::Open;
        if mem::take(&mut self.settled) {
            self.status = SessionStatus::Unchanged;
        }
    }

    fn take_unsaved(&mut self) -> Journal {
        self.changes += 1;
        // That it was to end, or to get another key, is not forgotten.
        if self.status == SessionStatus::Changed {
            self.status = SessionStatus::Unchanged;
        }
        mem::take(&mut self.journal)
    }
}

/// The changes that were made before the session was opened could not be made to it.
#[cfg(feature = "actix")]
pub(crate) enum AdoptError {
    /// It could not be loaded.
    Open(OpenError),
    /// They don't fit.
    Merge(CommitError),
}

#[cfg(feature = "actix")]
impl From<OpenError> for AdoptError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

#[cfg(feature = "actix")]
impl From<CommitError> for AdoptError {
    fn from(error: CommitError) -> Self {
        Self::Merge(error)
    }
}

/// What was done to a session since it was last stored.
pub(crate) struct Work {
    pub(crate) status: SessionStatus,
    /// Whether somebody else is known to have ended the session.
    pub(crate) ended: bool,
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
    /// Whether the session was closed with it.
    last: bool,
    /// Whether the store was asked to write, and hasn't said what became of it.
    unanswered: AtomicBool,
    finished: bool,
    _turn: MutexGuard<'a, ()>,
}

impl Flush<'_> {
    /// Has the store write. If it fails, or nobody waits for its answer, the write may have happened
    /// or not.
    pub(crate) async fn write<T, E>(
        &self,
        operation: Pin<&mut impl Future<Output = Result<T, E>>>,
    ) -> Result<T, E> {
        self.unanswered.store(true, Ordering::Relaxed);
        let answer = operation.await?;
        self.unanswered.store(false, Ordering::Relaxed);
        Ok(answer)
    }

    /// Takes in what became of the changes.
    pub(crate) fn finish(mut self, outcome: Outcome, cookie_due: bool) {
        self.finished = true;
        {
            let mut live = self.session.live();
            live.uncertain &= matches!(outcome, Outcome::Untouched);
            live.cookie_due = cookie_due;
            live.settled = self.last;
            live.flushing = false;
        }
        match outcome {
            Outcome::Untouched => {}
            Outcome::Stored { place, state } => self.stored(place, state),
            Outcome::Deleted => self.session.live().place = None,
            Outcome::Gone => self.session.live().end(),
        }
    }

    fn stored(&self, place: Place, state: State) {
        let unlike = Version::new(!place.version.get());
        if self.session.take_in(place.clone(), state).is_err() {
            // What a handle wrote meanwhile doesn't fit. That is for the next attempt to store it to
            // report, which a version that nothing has makes sure to look at what is stored.
            self.session.live().place = Some(Place {
                version: unlike,
                ..place
            });
        }
    }
}

impl Drop for Flush<'_> {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        let mut live = self.session.live();
        live.flushing = false;
        let mut journal = mem::take(&mut self.work.journal);
        journal.append(mem::take(&mut live.journal));
        live.journal = journal;
        live.uncertain |= *self.unanswered.get_mut();
        // The stronger of what was to be stored and what was done since.
        live.status = match (live.status, self.work.status) {
            (SessionStatus::Purged, _) | (_, SessionStatus::Purged) => SessionStatus::Purged,
            (SessionStatus::Renewed, _) | (_, SessionStatus::Renewed) => SessionStatus::Renewed,
            (SessionStatus::Changed, _) | (_, SessionStatus::Changed) => SessionStatus::Changed,
            (SessionStatus::Unchanged, SessionStatus::Unchanged) => SessionStatus::Unchanged,
        };
    }
}
