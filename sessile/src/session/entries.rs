//! Listing and removing the values of a [`Session`].

use std::collections::HashMap;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{Session, logged};
use crate::{
    error::WriteError,
    record::json::{self, Text},
};

impl Session {
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
        let (is_loaded, contains) = {
            let machine = self.reading();
            (machine.is_loaded(), machine.payload.state.contains(key))
        };
        warn_unless(is_loaded, "contains_key");
        contains
    }

    /// Removes the value under `key` and returns it. Does nothing if there is no value.
    ///
    #[doc = include_str!("docs/remove.md")]
    pub fn remove(&self, key: &str) -> Option<Value> {
        logged("remove", self.try_remove(key)).flatten()
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
        let text = logged("remove", self.remove_text(key)).flatten()?;
        Some(json::parse(&text).map_err(|_| json::value_of(&text)))
    }

    /// Removes all values. The session itself and its key stay.
    ///
    #[doc = include_str!("docs/clear.md")]
    pub fn clear(&self) {
        logged("clear", self.try_clear());
    }

    /// A copy of all values, which costs parsing them. Later changes don't appear in it.
    ///
    #[doc = include_str!("docs/entries.md")]
    #[must_use]
    pub fn entries(&self) -> HashMap<String, Value> {
        let (is_loaded, state) = {
            let machine = self.reading();
            (machine.is_loaded(), machine.payload.state.clone())
        };
        warn_unless(is_loaded, "entries");
        state
            .iter()
            .map(|(name, text)| (name.to_owned(), json::value_of(text)))
            .collect()
    }

    /// As [`remove`](Self::remove), with an error if the session takes no changes.
    ///
    #[doc = include_str!("docs/try_remove.md")]
    pub fn try_remove(&self, key: &str) -> Result<Option<Value>, WriteError> {
        Ok(self.remove_text(key)?.map(|text| json::value_of(&text)))
    }

    /// As [`clear`](Self::clear), with an error if the session takes no changes.
    ///
    #[doc = include_str!("docs/try_clear.md")]
    pub fn try_clear(&self) -> Result<(), WriteError> {
        let cleared = self.changing().clear();
        cleared.map(drop)
    }

    pub(super) fn remove_text(&self, key: &str) -> Result<Option<Text>, WriteError> {
        let removed = self.changing().remove(key);
        let (text, discarded) = removed?;
        drop(discarded);
        Ok(text)
    }
}

fn warn_unless(is_loaded: bool, operation: &'static str) {
    if !is_loaded {
        tracing::warn!(operation, "a session was read before it was loaded");
    }
}
