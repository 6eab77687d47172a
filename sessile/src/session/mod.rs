//! [`Session`]: what handlers hold.

mod errors;
pub(crate) mod live;
mod sync;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    clock::Timestamp,
    journal::{Change, Updater},
    json,
};

use self::live::Live;
pub(crate) use self::sync::{Backend, BoxFuture, Flush, Outcome, Work};

pub use self::errors::{
    SessionClosedError, SessionGetError, SessionInsertError, SessionReloadError, SessionSaveError,
    SessionUpdateError, StateTooLargeError, WriteError,
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
        Self::with(Live::new(false, None), usize::MAX, None)
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

    /// The value under `key`, or `None`.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("visits", 3)?;
    /// assert_eq!(session.get("visits")?, Some(3));
    /// assert_eq!(session.get::<u32>("other")?, None);
    /// assert!(session.get::<String>("visits").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When what is stored there is not a `T`.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionGetError> {
        let text = self.live().state.text(key).cloned();
        text.map(|text| json::parse(&text))
            .transpose()
            .map_err(|source| SessionGetError::new::<T>(key, source))
    }

    /// Whether there is a value under `key`.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.live().state.contains(key)
    }

    /// Everything the session holds, as of now: holding it blocks nothing, and later writes don't
    /// show in it.
    ///
    /// Costs parsing all values. A value that [`Value`] can't hold, nested deeper than 128 levels
    /// or a number like `1e999`, is shown as a string with its JSON text.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("visits", 3)?;
    /// let entries = session.entries();
    /// session.clear();
    /// assert_eq!(entries["visits"], 3);
    /// # Ok::<(), sessile::SessionInsertError>(())
    /// ```
    #[must_use]
    pub fn entries(&self) -> HashMap<String, Value> {
        let state = self.live().state.clone();
        state
            .iter()
            .map(|(name, text)| (name.to_owned(), json::value_of(text)))
            .collect()
    }

    /// What has been done to the session since it was loaded.
    #[must_use]
    pub fn status(&self) -> SessionStatus {
        self.live().status
    }

    /// When the session was first created; `None` while it has not been stored.
    #[must_use]
    pub fn created_at(&self) -> Option<Timestamp> {
        self.live().place.as_ref().map(|place| place.created_at)
    }

    /// When the stored session ends if nothing extends its life; `None` while it has not been
    /// stored.
    #[must_use]
    pub fn expires_at(&self) -> Option<Timestamp> {
        let backend = self.0.backend.as_ref()?;
        let live = self.live();
        let place = live.place.as_ref()?;
        Some(backend.ends_at(place.created_at, place.touched_at))
    }

    /// Puts `value` under `key`, in place of what was there.
    ///
    /// Has no effect on a purged session. Of several requests that insert the same name, the last
    /// one to commit wins.
    ///
    /// # Errors
    ///
    /// When `value` has no JSON form, when the state would grow over its bound, or when the
    /// session takes no writes any more. The session is then as it was.
    pub fn insert<T: Serialize>(
        &self,
        key: impl Into<String>,
        value: T,
    ) -> Result<(), SessionInsertError> {
        let name = key.into();
        self.try_insert(&name, &value)
            .map_err(|source| SessionInsertError { name, source })
    }

    fn try_insert<T: Serialize>(&self, name: &str, value: &T) -> Result<(), WriteError> {
        if !self.live().takes_writes()? {
            return Ok(());
        }
        let text = json::to_text(value)?;
        let written = self.live().set(name.into(), text, self.0.max_state_bytes)?;
        drop(written);
        Ok(())
    }

    /// Replaces the value under `key` by what `updater` makes of it; nothing happens if there is
    /// none.
    ///
    /// Atomic: should another request store a new value first, `updater` runs once more on that,
    /// so it may run several times and should do nothing but compute. It never runs while the
    /// session is locked.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("visits", 3)?;
    /// session.update("visits", |n: u32| n + 1)?;
    /// assert_eq!(session.get("visits")?, Some(4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When what is stored is not a `T`, when the new value has no JSON form or makes the state
    /// grow over its bound, or when the session takes no writes any more. The session is then as
    /// it was.
    pub fn update<T, F>(&self, key: impl Into<String>, updater: F) -> Result<(), SessionUpdateError>
    where
        T: Serialize + DeserializeOwned,
        F: Fn(T) -> T + Send + Sync + 'static,
    {
        let name = key.into();
        self.try_update(&name, None, as_updater(updater))
            .map_err(|source| SessionUpdateError { name, source })
    }

    /// As [`update`](Self::update), and puts `default_value` there if there is none.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.update_or("visits", 1, |n: u32| n + 1)?;
    /// session.update_or("visits", 1, |n: u32| n + 1)?;
    /// assert_eq!(session.get("visits")?, Some(2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`update`](Self::update).
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

    fn try_update(
        &self,
        name: &str,
        default: Option<json::JsonText>,
        updater: Arc<Updater>,
    ) -> Result<(), WriteError> {
        let name: Arc<str> = name.into();
        let change = Change::Update {
            name: Arc::clone(&name),
            default: default.clone(),
            updater: Arc::clone(&updater),
        };
        // Each round that fails means that another thread's write went through.
        loop {
            let seen = {
                let live = self.live();
                if !live.takes_writes()? {
                    return Ok(());
                }
                live.state.text(&name).cloned()
            };
            let text = match (&seen, &default) {
                (Some(text), _) => updater(text)?,
                (None, Some(default)) => default.clone(),
                (None, None) => return Ok(()),
            };
            let replaced = self.live().replace(
                seen.as_ref(),
                &name,
                text,
                change.clone(),
                self.0.max_state_bytes,
            )?;
            if replaced.is_some() {
                return Ok(());
            }
        }
    }

    /// Removes the value under `key` and returns it. Nothing happens if there is none.
    ///
    /// Has no effect, and returns `None`, on a purged session and on one that takes no writes any
    /// more; the latter is logged.
    pub fn remove(&self, key: &str) -> Option<Value> {
        self.remove_text(key).map(|text| json::value_of(&text))
    }

    /// Removes the value under `key` and returns it as a `T`, or as it is if it isn't one.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("flash", "saved")?;
    /// assert_eq!(session.remove_as::<String>("flash"), Some(Ok("saved".to_owned())));
    /// assert_eq!(session.remove_as::<String>("flash"), None);
    /// # Ok::<(), sessile::SessionInsertError>(())
    /// ```
    pub fn remove_as<T: DeserializeOwned>(&self, key: &str) -> Option<Result<T, Value>> {
        let text = self.remove_text(key)?;
        Some(json::parse(&text).map_err(|_| json::value_of(&text)))
    }

    fn remove_text(&self, key: &str) -> Option<json::JsonText> {
        let removed = self.live().remove(key);
        let (text, discarded) = self.unless_closed("remove", removed)?;
        drop(discarded);
        text
    }

    /// Removes all values. The session itself goes on, under its key.
    ///
    /// Has no effect on a purged session and on one that takes no writes any more; the latter is
    /// logged.
    pub fn clear(&self) {
        let cleared = self.live().clear();
        drop(self.unless_closed("clear", cleared));
    }

    /// Ends the session: its state is deleted from the store, and the browser told to forget the
    /// cookie. For signing out.
    ///
    /// It wins over every request that is under way: what those write is dropped. Later writes to
    /// this session have no effect. Has no effect itself on a session that was committed with its
    /// response, which is logged: [`reload`](Self::reload) that first.
    pub fn purge(&self) {
        let purged = self.live().purge();
        drop(self.unless_closed("purge", purged));
    }

    /// Gives the session a new key, under which its whole state goes on; the old key is dead. For
    /// a change of privilege, such as signing in (OWASP ASVS 5.0, 7.2.4).
    ///
    /// Has no effect on a purged session and on one that takes no writes any more; the latter is
    /// logged.
    pub fn renew(&self) {
        let renewed = self.live().renew();
        self.unless_closed("renew", renewed);
    }

    fn unless_closed<T>(
        &self,
        operation: &'static str,
        done: Result<T, SessionClosedError>,
    ) -> Option<T> {
        done.inspect_err(|closed| {
            tracing::warn!(operation, %closed, "a write to a session had no effect");
        })
        .ok()
    }

    pub(crate) fn live(&self) -> MutexGuard<'_, Live> {
        // Nothing that runs under the lock panics half-way through a change.
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
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
        let live = self.live();
        f.debug_struct("Session")
            .field("status", &live.status)
            .field("state", &live.state)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
