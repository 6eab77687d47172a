//! [`Session`]: what handlers hold. This file has the methods that get, insert and update values.

mod authentication;
mod control;
mod csrf;
#[cfg(feature = "actix")]
mod early;
mod entries;
mod flash;
mod flush;
pub(crate) mod journal;
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

pub(crate) use self::{
    flush::{BindingKind, CookieDue, Flush, FlushFor, Work},
    journal::RebaseError,
    signing_in::MAX_SUBJECT_BYTES,
};
use self::{
    journal::{Update, Updater},
    machine::{Binding, Machine},
};
use crate::{
    clock::Timestamp,
    engine::Backend,
    error::{ReadError, SessionGetError, SessionInsertError, SessionUpdateError, WriteError},
    record::json::{self, JsonText},
};

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
#[doc = include_str!("docs/session.md")]
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
    /// An empty session without a store, for tests of handlers.
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
        let began_at = Timestamp::from_unix_millis(0);
        Self::with(None, Binding::New, false, began_at, usize::MAX)
    }

    /// The value under `key`, or `None`.
    ///
    #[doc = include_str!("docs/get.md")]
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionGetError> {
        self.try_get(key)
            .map_err(|source| SessionGetError::new::<T>(key, source))
    }

    /// Stores `value` under `key`, and replaces an earlier value.
    ///
    #[doc = include_str!("docs/insert.md")]
    pub fn insert<T: Serialize>(
        &self,
        key: impl Into<String>,
        value: T,
    ) -> Result<(), SessionInsertError> {
        let name = key.into();
        self.try_insert(&name, &value)
            .map_err(|source| SessionInsertError { name, source })
    }

    /// Replaces the value under `key` by the result of `updater`. Does nothing if there is no value.
    ///
    #[doc = include_str!("docs/update.md")]
    pub fn update<T, F>(&self, key: impl Into<String>, updater: F) -> Result<(), SessionUpdateError>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(T) -> T + Send + Sync + 'static,
    {
        let name = key.into();
        self.try_update(&name, None, as_updater(updater))
            .map_err(|source| SessionUpdateError { name, source })
    }

    /// As [`update`](Self::update), and inserts `default_value` if there is no value.
    ///
    #[doc = include_str!("docs/update_or.md")]
    pub fn update_or<T, F>(
        &self,
        key: &str,
        default_value: T,
        updater: F,
    ) -> Result<(), SessionUpdateError>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(T) -> T + Send + Sync + 'static,
    {
        json::to_text(&default_value)
            .map_err(WriteError::from)
            .and_then(|default| self.try_update(key, Some(default), as_updater(updater)))
            .map_err(|source| SessionUpdateError {
                name: key.to_owned(),
                source,
            })
    }

    fn try_get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ReadError> {
        let text = {
            let machine = self.reading();
            if !machine.is_loaded() {
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
            if self.machine().update(seen.as_ref(), &name, text, &update)? {
                return Ok(());
            }
        }
        Err(WriteError::KeepsChanging)
    }
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
        // First, because it is not inlined: so the machine is made where it stays.
        let flush_lock = tokio::sync::Mutex::new(());
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
            flush_lock,
        }))
    }

    pub(crate) fn backend(&self) -> Option<&dyn Backend> {
        let backend = self.0.backend.as_ref().or_else(|| self.0.attached.get());
        backend.map(|backend| &**backend)
    }

    /// The backend; `None` for a session without a store.
    pub(super) fn backend_with_store(&self) -> Option<&dyn Backend> {
        let backend = self.backend()?;
        (!self.machine().is_detached()).then_some(backend)
    }

    /// Whether `backend` opened it.
    pub(crate) fn is_of<B: Backend>(&self, backend: &B) -> bool {
        (self.backend()).is_some_and(|own| std::ptr::addr_eq(own, backend))
    }

    /// How many handles of the session there are.
    #[cfg(feature = "actix")]
    pub(crate) fn handle_count(&self) -> usize {
        Arc::strong_count(&self.0)
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
}

/// What a change did, or `None` if it was refused, which is logged.
fn logged<T>(operation: &'static str, done: Result<T, impl fmt::Display>) -> Option<T> {
    done.inspect_err(|reason| {
        tracing::warn!(operation, %reason, "a change of a session had no effect");
    })
    .ok()
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
        let (status, is_loaded, state) = {
            let machine = self.machine();
            let state = machine.payload.state.clone();
            (machine.status, machine.is_loaded(), state)
        };
        // Not under the lock: the writer behind `f` may use the session.
        f.debug_struct("Session")
            .field("status", &status)
            .field("loaded", &is_loaded)
            .field("state", &state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
