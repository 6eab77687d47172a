//! Reading and writing the values of a session.

use std::{collections::HashMap, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    Session,
    journal::{Update, Updater},
};
use crate::{
    error::{ReadError, SessionGetError, SessionInsertError, SessionUpdateError, WriteError},
    record::{
        json::{self, JsonText},
        state::text::Text,
    },
};

impl Session {
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
    /// When what is stored there is not a `T`, or the session has not been [loaded](Self::load).
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, SessionGetError> {
        self.try_get(key)
            .map_err(|source| SessionGetError::new::<T>(key, source))
    }

    fn try_get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ReadError> {
        let text = {
            let machine = self.reading();
            if !machine.is_readable() {
                return Err(ReadError::NotLoaded);
            }
            machine.state.shared_text(key)
        };
        Ok(text.map(|text| json::parse(&text)).transpose()?)
    }

    /// Whether there is a value under `key`.
    ///
    /// `false` if the session has not been [loaded](Self::load), which is logged.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("visits", 3)?;
    /// assert!(session.contains_key("visits"));
    /// assert!(!session.contains_key("other"));
    /// # Ok::<(), sessile::SessionInsertError>(())
    /// ```
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        let (readable, contains) = {
            let machine = self.reading();
            (machine.is_readable(), machine.state.contains(key))
        };
        warn_unless(readable, "contains_key");
        contains
    }

    /// A copy of all values, which costs parsing them. Later changes don't appear in it.
    ///
    /// A value that [`Value`] can't hold, such as an integer of more than 64 bits or a number like `1e999`, is shown
    /// as a string with its JSON text. Empty if the session has not been [loaded](Self::load), which is logged.
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
        let (readable, state) = {
            let machine = self.reading();
            (machine.is_readable(), machine.state.clone())
        };
        warn_unless(readable, "entries");
        state
            .iter()
            .map(|(name, text)| (name.to_owned(), json::value_of(text)))
            .collect()
    }

    /// Puts `value` under `key`, in place of what was there.
    ///
    /// If several requests insert the same name, the last to commit wins.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("visits", 3)?;
    /// session.insert("visits", 4)?;
    /// assert_eq!(session.get("visits")?, Some(4));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When `value` has no JSON form from which [`get`](Self::get) reads it back, such as a number that is not finite
    /// or a value that is nested more than 127 levels deep; when the state would grow over its bound; when the session
    /// takes no changes (it was purged, or committed with its response, or another request ended or renewed
    /// it); or when it has not been [loaded](Self::load). The session is then as it was.
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
        self.changing().check_writable()?;
        let text = json::to_text(value)?;
        let name = name.into();
        let written = self.machine().set(&name, text)?;
        drop(written);
        Ok(())
    }

    /// Replaces the value under `key` by the result of `updater`. Does nothing if there is no value.
    ///
    /// Atomic: `updater` runs at once, on the state that the request loaded. If another request stores a new value first,
    /// it runs again on that value when the changes are stored, so it must have no side effects.
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
    /// grow over its bound, when the session takes no changes, when it has not been
    /// [loaded](Self::load), or when `updater` itself keeps changing the value. The session is then
    /// unchanged.
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
                machine.state.shared_text(&name)
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

    /// Removes the value under `key` and returns it. Does nothing if there is no value.
    ///
    /// Has no effect, and returns `None`, on a session that takes no changes, or has not been
    /// [loaded](Self::load); that is logged.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("visits", 3)?;
    /// assert_eq!(session.remove("visits"), Some(3.into()));
    /// assert_eq!(session.remove("visits"), None);
    /// # Ok::<(), sessile::SessionInsertError>(())
    /// ```
    pub fn remove(&self, key: &str) -> Option<Value> {
        let removed = self.unless_refused("remove", self.try_remove(key));
        removed.flatten()
    }

    /// As [`remove`](Self::remove), and tells whether the session takes changes.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("visits", 3)?;
    /// assert_eq!(session.try_remove("visits")?, Some(3.into()));
    /// session.purge();
    /// assert!(session.try_remove("visits").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the session takes no changes, or has not been [loaded](Self::load).
    pub fn try_remove(&self, key: &str) -> Result<Option<Value>, WriteError> {
        Ok(self.remove_text(key)?.map(|text| json::value_of(&text)))
    }

    /// Removes the value under `key` and returns it as a `T`, or unchanged if it is not a `T`.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("flash", "saved")?;
    /// assert_eq!(session.remove_as::<String>("flash"), Some(Ok("saved".to_owned())));
    /// assert_eq!(session.remove_as::<String>("flash"), None);
    /// # Ok::<(), sessile::SessionInsertError>(())
    /// ```
    pub fn remove_as<T: DeserializeOwned>(&self, key: &str) -> Option<Result<T, Value>> {
        let removed = self.unless_refused("remove", self.remove_text(key));
        let text = removed.flatten()?;
        Some(json::parse(&text).map_err(|_| json::value_of(&text)))
    }

    fn remove_text(&self, key: &str) -> Result<Option<Text>, WriteError> {
        let removed = self.changing().remove(key);
        let (text, discarded) = removed?;
        drop(discarded);
        Ok(text)
    }

    /// Removes all values. The session itself goes on, under its key.
    ///
    /// Has no effect on a session that takes no changes, or has not been [loaded](Self::load); that is
    /// logged.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("visits", 3)?;
    /// session.clear();
    /// assert!(!session.contains_key("visits"));
    /// # Ok::<(), sessile::SessionInsertError>(())
    /// ```
    pub fn clear(&self) {
        self.unless_refused("clear", self.try_clear());
    }

    /// As [`clear`](Self::clear), and tells whether the session takes changes.
    ///
    /// ```
    /// # let session = sessile::Session::new();
    /// session.insert("visits", 3)?;
    /// session.try_clear()?;
    /// assert!(session.entries().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the session takes no changes, or has not been [loaded](Self::load).
    pub fn try_clear(&self) -> Result<(), WriteError> {
        let cleared = self.changing().clear();
        cleared.map(drop)
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
