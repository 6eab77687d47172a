//! [`Session`]: what handlers hold.

mod authentication;
mod csrf;
pub(crate) mod decide;
mod flash;
mod flush;
mod handle;
pub(crate) mod journal;
mod lifetime;
pub(crate) mod machine;
mod opening;
mod signing_in;
mod typed;

use std::{
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Serialize, de::DeserializeOwned};

pub(crate) use self::flush::{Flush, FlushOutcome, RebaseError, Work};
use self::{
    journal::{Update, Updater},
    machine::{Binding, Machine},
};
use crate::{
    clock::Timestamp,
    engine::Backend,
    error::{ReadError, WriteError},
    record::{
        json::{self, JsonText},
        state::Text,
    },
};

pub(crate) use self::signing_in::MAX_SUBJECT_BYTES;

pub use self::typed::TypedSession;

/// The session of a request.
///
/// A handler takes it as an argument, and reads and writes its values. The middleware loads it before the
/// handler and commits it after. Clones share the session, and every method can be called from any thread.
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
/// # Concurrent requests
///
/// A session records the changes that a handler makes. At the end of the request, they are applied to the
/// current stored state. So requests that write different names never overwrite each other's changes, and if
/// two requests [`insert`](Self::insert) the same name, the last to commit wins. To compute a new value from
/// the old one, use [`update`](Self::update) or [`update_or`](Self::update_or): `get` and `insert` would
/// overwrite a concurrent change. See [`guide::concurrent_requests`](crate::guide::concurrent_requests).
///
/// # After the response
///
/// The session is committed when the handler has returned. After that, a handle in a stream, a socket or a
/// spawned task can still read, but not write. [`reload`](Self::reload) opens the session for changes again,
/// and [`save`](Self::save) stores them. A [`renew`](Self::renew) or [`restart`](Self::restart) can't be saved
/// then, because it needs a cookie.
///
/// # Another request ends or renews the session
///
/// Signing out wins over every request that is in flight, and a renewal wins over every request that
/// presented the earlier key. The changes of such a request are not stored, and the response is 409, unless
/// the request's method is safe: see [`Settings::on_superseded`](crate::config::Settings::on_superseded).
///
/// # Lazy loading
///
/// With [`Loading::Lazy`](crate::config::Loading::Lazy), a session is loaded when a handler takes it
/// as an argument. Other code has to [`load`](Self::load) it before it reads or writes values.
#[derive(Clone)]
pub struct Session(Arc<Shared>);

struct Shared {
    machine: Mutex<Machine>,
    /// Loads and stores the session. Not in `attached`: filling a `OnceLock` costs each request a synchronized write.
    backend: Option<Arc<dyn Backend>>,
    /// The same for a session that outer code used before a middleware opened it.
    attached: OnceLock<Arc<dyn Backend>>,
    /// Whether the first change logs that no middleware has opened the session yet.
    warns: AtomicBool,
    /// Held while changes are being stored, so that flushes run one after another.
    flush_lock: tokio::sync::Mutex<()>,
}

/// How a request changed its session since it was loaded.
///
/// ```
/// use sessile::{Session, SessionStatus};
///
/// let session = Session::new();
/// assert_eq!(session.status(), SessionStatus::Unchanged);
/// session.insert("visits", 1)?;
/// assert_eq!(session.status(), SessionStatus::Changed);
/// session.renew();
/// assert_eq!(session.status(), SessionStatus::Renewed);
/// session.purge();
/// assert_eq!(session.status(), SessionStatus::Purged);
/// # Ok::<(), sessile::SessionInsertError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SessionStatus {
    /// The state was changed.
    Changed,
    /// The session was ended, and takes no changes.
    Purged,
    /// The commit gives the session another key. Changes of the state leave this status as it is.
    Renewed,
    /// Nothing was changed.
    #[default]
    Unchanged,
}

impl Session {
    /// The session of a request that began then.
    #[inline]
    pub(crate) fn with(
        backend: Option<Arc<dyn Backend>>,
        binding: Binding,
        cookie_came: bool,
        began_at: Timestamp,
        max_state_bytes: usize,
    ) -> Self {
        Self(Arc::new(Shared {
            machine: Mutex::new(Machine::new(
                binding,
                cookie_came,
                began_at,
                max_state_bytes,
            )),
            backend,
            attached: OnceLock::new(),
            warns: AtomicBool::new(false),
            flush_lock: tokio::sync::Mutex::new(()),
        }))
    }

    /// The session of a request that no middleware has opened. Its first change logs a warning.
    #[cfg(feature = "actix")]
    pub(crate) fn early() -> Self {
        let session = Self::new();
        session.0.warns.store(true, Ordering::Relaxed);
        session
    }

    /// Sets the `backend` of a session that outer code used before it was opened.
    #[cfg(feature = "actix")]
    pub(crate) fn attach(&self, backend: Arc<dyn Backend>) {
        // If another middleware has attached it, the session stays with that middleware.
        let _ = self.0.attached.set(backend);
        self.0.warns.store(false, Ordering::Relaxed);
    }

    pub(crate) fn backend(&self) -> Option<&dyn Backend> {
        let backend = self.0.backend.as_ref().or_else(|| self.0.attached.get());
        backend.map(|backend| &**backend)
    }

    /// The backend; `None` for a session without a store.
    pub(super) fn store(&self) -> Option<&dyn Backend> {
        let backend = self.backend()?;
        (!self.machine().is_detached()).then_some(backend)
    }

    /// Whether `backend` opened it.
    pub(crate) fn is_of<B: Backend>(&self, backend: &B) -> bool {
        (self.backend()).is_some_and(|own| std::ptr::addr_eq(own, backend))
    }

    /// Whether there are more handles of the session than this many.
    #[cfg(feature = "actix")]
    pub(crate) fn has_more_handles_than(&self, count: usize) -> bool {
        Arc::strong_count(&self.0) > count
    }

    /// The machine, for a method with which the application reads the session.
    fn reading(&self) -> MutexGuard<'_, Machine> {
        let mut machine = self.machine();
        machine.is_used = true;
        machine
    }

    /// The machine, for a method with which the application changes the session.
    fn changing(&self) -> MutexGuard<'_, Machine> {
        if self.0.warns.load(Ordering::Relaxed) && self.0.warns.swap(false, Ordering::Relaxed) {
            tracing::warn!(
                "no session middleware has opened the changed session yet: \
                 the change is lost unless an inner one opens it"
            );
        }
        self.reading()
    }

    pub(crate) fn machine(&self) -> MutexGuard<'_, Machine> {
        // Nothing that runs under the lock panics half-way through a change.
        self.0
            .machine
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn try_get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ReadError> {
        let text = {
            let machine = self.reading();
            if !machine.is_readable() {
                return Err(ReadError::NotLoaded);
            }
            machine.payload.state.shared_text(key)
        };
        Ok(text.map(|text| json::parse(&text)).transpose()?)
    }

    fn try_insert<T: Serialize>(&self, name: &str, value: &T) -> Result<(), WriteError> {
        self.changing().check_writable()?;
        let text = json::to_text(value)?;
        let name = name.into();
        let written = self.machine().set(&name, text)?;
        drop(written);
        Ok(())
    }

    fn try_update(
        &self,
        name: &str,
        default: Option<JsonText>,
        updater: Arc<Updater>,
    ) -> Result<(), WriteError> {
        /// The number of attempts. Another thread or the closure itself may change the value in between.
        const MAX_ROUNDS: u32 = 1000;
        let name: Arc<str> = name.into();
        let update = Update { default, updater };
        for _ in 0..MAX_ROUNDS {
            let seen = {
                let machine = self.changing();
                machine.check_writable()?;
                machine.payload.state.shared_text(&name)
            };
            let text = match (&seen, &update.default) {
                (Some(text), _) => (update.updater)(text)?,
                (None, Some(default)) => default.clone(),
                (None, None) => return Ok(()),
            };
            let updated = self.machine().update(seen.as_ref(), &name, text, &update);
            if updated?.is_some() {
                return Ok(());
            }
        }
        Err(WriteError::KeepsChanging)
    }

    fn remove_text(&self, key: &str) -> Result<Option<Text>, WriteError> {
        let removed = self.changing().remove(key);
        let (text, discarded) = removed?;
        drop(discarded);
        Ok(text)
    }

    fn unless_refused<T>(
        &self,
        operation: &'static str,
        done: Result<T, impl std::fmt::Display>,
    ) -> Option<T> {
        done.inspect_err(|reason| {
            tracing::warn!(operation, %reason, "a change of a session had no effect");
        })
        .ok()
    }
}

fn warn_unless(readable: bool, operation: &'static str) {
    if !readable {
        tracing::warn!(operation, "a session was read before it was loaded");
    }
}

/// `updater` on the JSON text of values.
fn as_updater<T, F>(updater: F) -> Arc<Updater>
where
    T: Serialize + DeserializeOwned,
    F: Fn(T) -> T + Send + Sync + 'static,
{
    Arc::new(move |text| json::to_text(&updater(json::parse(text)?)))
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.machine();
        f.debug_struct("Session")
            .field("status", &machine.status)
            .field("loaded", &machine.is_readable())
            .field("state", &machine.payload.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
