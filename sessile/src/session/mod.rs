//! [`Session`]: what handlers hold.

mod errors;
pub(crate) mod live;
mod load;
mod sync;
mod values;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::clock::Timestamp;

use self::live::Live;
#[cfg(feature = "actix")]
pub(crate) use self::sync::AdoptError;
pub(crate) use self::sync::{Backend, BoxFuture, Flush, Outcome, Work};

pub use self::errors::{
    ReadError, SessionClosedError, SessionGetError, SessionInsertError, SessionReloadError,
    SessionSaveError, SessionUpdateError, WriteError,
};

/// The session of the request at hand.
///
/// A handler takes it as an argument, reads and writes; the middleware loads it before and commits
/// it after. Cloning shares the session, and every method can be called from any thread.
///
/// ```
/// use sessile::Session;
///
/// async fn visit(session: Session) -> Result<String, actix_web::Error> {
///     session.update_or("visits", 1, |n: u32| n + 1)?;
///     let visits: Option<u32> = session.get("visits")?;
///     Ok(format!("Visits: {visits:?}"))
/// }
///
/// # let session = Session::new();
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(visit(session.clone())).unwrap();
/// # assert_eq!(runtime.block_on(visit(session)).unwrap(), "Visits: Some(2)");
/// ```
///
/// # Requests that run at once
///
/// What a handler writes is kept as a list of changes. At the end of the request they are made to
/// the newest stored state, so requests that write different names never lose each other's writes,
/// and of two that [`insert`](Self::insert) the same name the last one wins. To compute a new value
/// from the old one use [`update`](Self::update) or [`update_or`](Self::update_or): `get` and
/// `insert` would overwrite what another request did in between.
///
/// # After the response
///
/// The session is committed when the handler has returned. A handle that lives on, in a stream, a
/// socket or a spawned task, goes on reading; writing fails, until [`reload`](Self::reload) opens
/// it for changes that [`save`](Self::save) stores.
///
/// # Loading on demand
///
/// Where [`Settings::loading`](crate::Settings::loading) says so, a session is loaded when a handler
/// takes it as an argument, and everybody else has to [`load`](Self::load) it before reading or
/// writing values.
#[derive(Clone)]
pub struct Session(Arc<Shared>);

struct Shared {
    live: Mutex<Live>,
    max_state_bytes: usize,
    /// What loads and stores it; `None` for a session that nothing is behind.
    backend: Option<Arc<dyn Backend>>,
    /// Held while changes are on their way to the store, so that they arrive one after another.
    turn: tokio::sync::Mutex<()>,
}

/// What has been done to a session since it was loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SessionStatus {
    /// Its state was changed.
    Changed,
    /// It was ended; writes have no effect any more.
    Purged,
    /// It is to get a new key. Stays so when the state is changed as well.
    Renewed,
    /// Nothing.
    #[default]
    Unchanged,
}

impl Session {
    /// An empty session with no store behind it, for tests of handlers.
    ///
    /// ```
    /// use sessile::{Session, SessionStatus};
    ///
    /// let session = Session::new();
    /// session.insert("user", "ferris").unwrap();
    /// assert_eq!(session.status(), SessionStatus::Changed);
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with(Live::new(false), usize::MAX, None)
    }

    pub(crate) fn with(
        live: Live,
        max_state_bytes: usize,
        backend: Option<Arc<dyn Backend>>,
    ) -> Self {
        Self(Arc::new(Shared {
            live: Mutex::new(live),
            max_state_bytes,
            backend,
            turn: tokio::sync::Mutex::new(()),
        }))
    }

    /// What has been done to the session since it was loaded.
    #[must_use]
    pub fn status(&self) -> SessionStatus {
        self.live().status
    }

    /// When the session was first created; `None` while it has not been stored or
    /// [loaded](Self::load).
    #[must_use]
    pub fn created_at(&self) -> Option<Timestamp> {
        self.live().place.as_ref().map(|place| place.created_at)
    }

    /// When the stored session ends if nothing extends its life; `None` while it has not been
    /// stored or [loaded](Self::load).
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        let backend = self.0.backend.as_ref()?;
        let live = self.live();
        let place = live.place.as_ref()?;
        Some(backend.ends_at(place.created_at, place.touched_at))
    }

    /// Ends the session: its state is deleted from the store, and the browser told to forget the
    /// cookie. For signing out.
    ///
    /// It wins over every request that is under way: what those write is dropped. Later writes to
    /// this session have no effect. Has no effect itself on a session that was committed with its
    /// response, which is logged: [`reload`](Self::reload) that first.
    ///
    /// A session that has not been [loaded](Self::load) needn't be: the end of the request does that,
    /// and fails if the store does.
    pub fn purge(&self) {
        let purged = self.live().purge();
        drop(self.unless_refused("purge", purged));
    }

    /// Gives the session a new key, under which its whole state goes on; the old key is dead. For
    /// a change of privilege, such as signing in (OWASP ASVS 5.0, 7.2.4).
    ///
    /// Has no effect on a purged session and on one that takes no writes any more; the latter is
    /// logged. A session that has not been [loaded](Self::load) needn't be: the end of the request
    /// does that, and fails if the store does.
    pub fn renew(&self) {
        let renewed = self.live().renew();
        self.unless_refused("renew", renewed);
    }

    fn unless_refused<T>(&self, operation: &'static str, done: Result<T, WriteError>) -> Option<T> {
        done.inspect_err(|reason| {
            tracing::warn!(operation, %reason, "a write to a session had no effect");
        })
        .ok()
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        // Nothing that runs under the lock panics half-way through a change.
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let live = self.live();
        f.debug_struct("Session")
            .field("status", &live.status)
            .field("loaded", &live.unopened.is_none())
            .field("state", &live.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
