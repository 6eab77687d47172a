//! Reading and writing the values of a session.

use std::{collections::HashMap, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{
    ReadError, Session, SessionGetError, SessionInsertError, SessionUpdateError, WriteError,
};
use crate::{
    journal::{Change, Updater},
    json,
    text::Text,
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
            let live = self.live();
            if !live.is_readable() {
                return Err(ReadError::NotLoaded);
            }
            live.state.shared_text(key)
        };
        Ok(text.map(|text| json::parse(&text)).transpose()?)
    }

    /// Whether there is a value under `key`.
    ///
    /// `false` if the session has not been [loaded](Self::load), which is logged.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        let (readable, contains) = {
            let live = self.live();
            (live.is_readable(), live.state.contains(key))
        };
        warn_unless(readable, "contains_key");
        contains
    }

    /// Everything the session holds, as of now: holding it blocks nothing, and later writes don't
    /// show in it.
    ///
    /// Costs parsing all values. A value that [`Value`] can't hold, nested deeper than 128 levels
    /// or a number like `1e999`, is shown as a string with its JSON text. Empty if the session has
    /// not been [loaded](Self::load), which is logged.
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
            let live = self.live();
            (live.is_readable(), live.state.clone())
        };
        warn_unless(readable, "entries");
        state
            .iter()
            .map(|(name, text)| (name.to_owned(), json::value_of(text)))
            .collect()
    }

    /// Puts `value` under `key`, in place of what was there.
    ///
    /// Has no effect on a purged session. Of several requests that insert the same name, the last
    /// one to commit wins.
    ///
    /// # Errors
    ///
    /// When `value` has no JSON form, when the state would grow over its bound, when the session
    /// takes no writes any more, or has not been [loaded](Self::load). It is then as it was.
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
    /// grow over its bound, when the session takes no writes any more, or has not been
    /// [loaded](Self::load). It is then as it was.
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
                live.state.shared_text(&name)
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
    /// Has no effect, and returns `None`, on a purged session, and on one that takes no writes any
    /// more or has not been [loaded](Self::load); the latter two are logged.
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

    fn remove_text(&self, key: &str) -> Option<Text> {
        let removed = self.live().remove(key);
        let (text, discarded) = self.unless_refused("remove", removed)?;
        drop(discarded);
        text
    }

    /// Removes all values. The session itself goes on, under its key.
    ///
    /// Has no effect on a purged session, and on one that takes no writes any more or has not been
    /// [loaded](Self::load); the latter two are logged.
    pub fn clear(&self) {
        let cleared = self.live().clear();
        drop(self.unless_refused("clear", cleared));
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
