//! How values are read and written.

use std::sync::Arc;

use serde::{Serialize, de::DeserializeOwned};

use super::{
    Session,
    journal::{Update, Updater},
};
use crate::{
    error::{ReadError, WriteError},
    record::{
        json::{self, JsonText},
        state::Text,
    },
};

impl Session {
    pub(super) fn try_get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ReadError> {
        let text = {
            let machine = self.reading();
            if !machine.is_readable() {
                return Err(ReadError::NotLoaded);
            }
            machine.payload.state.shared_text(key)
        };
        Ok(text.map(|text| json::parse(&text)).transpose()?)
    }

    pub(super) fn try_insert<T: Serialize>(&self, name: &str, value: &T) -> Result<(), WriteError> {
        self.changing().check_writable()?;
        let text = json::to_text(value)?;
        let name = name.into();
        let written = self.machine().set(&name, text)?;
        drop(written);
        Ok(())
    }

    pub(super) fn try_update(
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

    pub(super) fn remove_text(&self, key: &str) -> Result<Option<Text>, WriteError> {
        let removed = self.changing().remove(key);
        let (text, discarded) = removed?;
        drop(discarded);
        Ok(text)
    }

    pub(super) fn unless_refused<T>(
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

pub(super) fn warn_unless(readable: bool, operation: &'static str) {
    if !readable {
        tracing::warn!(operation, "a session was read before it was loaded");
    }
}

/// `updater` on the JSON text of values.
pub(super) fn as_updater<T, F>(updater: F) -> Arc<Updater>
where
    T: Serialize + DeserializeOwned,
    F: Fn(T) -> T + Send + Sync + 'static,
{
    Arc::new(move |text| json::to_text(&updater(json::parse(text)?)))
}
