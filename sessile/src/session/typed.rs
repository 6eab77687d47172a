//! [`TypedSession`]: the values of a session as one struct.

use std::{collections::HashMap, fmt, marker::PhantomData, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};

use super::Session;
use crate::{
    error::{ReadError, WriteError},
    record::{json, state::Pairs},
};

/// The values of a session as one struct: each field is the value under its name.
///
#[doc = include_str!("docs/typed_session.md")]
pub struct TypedSession<T> {
    session: Session,
    data: PhantomData<fn() -> T>,
}

impl<T: Serialize + DeserializeOwned> TypedSession<T> {
    /// The values of `session` as a `T`.
    #[must_use]
    pub const fn new(session: Session) -> Self {
        Self {
            session,
            data: PhantomData,
        }
    }

    /// The session itself, for everything else: signing in, flash values, other names.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    /// The values as a struct.
    ///
    /// # Errors
    ///
    /// If the values are not a `T`: a field without a default is missing, or has another type; and if the session has not
    /// been [loaded](Session::load).
    pub fn get(&self) -> Result<T, ReadError> {
        let text = {
            let machine = self.session.reading();
            if !machine.is_loaded() {
                return Err(ReadError::NotLoaded);
            }
            let state = &machine.payload.state;
            let mut text = String::with_capacity(state.json_len());
            state.write_json(&mut text);
            text
        };
        Ok(json::parse(&text)?)
    }

    /// Stores each field that differs from the stored one. Names that the struct does not have stay.
    ///
    /// # Errors
    ///
    /// If `T` is not a struct or a map, or has a value that JSON can't express; if the session would be too large; and if it
    /// takes no changes. Fields that come before the error are stored.
    pub fn set(&self, data: &T) -> Result<(), WriteError> {
        let text = json::to_text(data)?;
        let fields: Pairs<'_> = json::parse(&text)?;
        for (name, text) in fields.iter() {
            self.set_field(name, text)?;
        }
        Ok(())
    }

    /// Reads the values, changes them, and stores each field that was changed. Fields that serialization now skips are
    /// removed.
    ///
    /// Fields that the closure does not change keep what other requests store at the same time. Of two requests that
    /// change one field, the last to commit wins. To compute a field from its stored value, use [`Session::update`].
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get) and [`set`](Self::set).
    pub fn update(&self, change: impl FnOnce(&mut T)) -> Result<(), WriteError> {
        let mut data = self.get()?;
        let before = json::to_text(&data)?;
        change(&mut data);
        let after = json::to_text(&data)?;
        let (before, after): (Pairs<'_>, Pairs<'_>) = (json::parse(&before)?, json::parse(&after)?);
        let mut removed: HashMap<_, _> = before.iter().collect();
        for (name, text) in after.iter() {
            if removed.remove(name) != Some(text) {
                self.set_field(name, text)?;
            }
        }
        for name in removed.into_keys() {
            self.session.remove_text(name)?;
        }
        Ok(())
    }

    fn set_field(&self, name: &str, text: &str) -> Result<(), WriteError> {
        let mut machine = self.session.changing();
        if machine.payload.state.text(name) == Some(text) {
            return Ok(());
        }
        let name: Arc<str> = name.into();
        let written = machine.set(&name, text.into());
        drop(machine);
        written.map(drop)
    }
}

impl<T> Clone for TypedSession<T> {
    fn clone(&self) -> Self {
        Self {
            session: self.session.clone(),
            data: PhantomData,
        }
    }
}

impl<T> fmt::Debug for TypedSession<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedSession").field(&self.session).finish()
    }
}
