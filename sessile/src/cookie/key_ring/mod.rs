//! [`KeyRing`]: the source of the keys that seal and open cookies. `seal.rs` holds the keys, `set_cookie.rs` seals with
//! the first one, and `SessionCookie::unseal` tries all of them.

mod error;
mod file;
mod text;

use std::{error::Error, fmt, path::PathBuf, sync::Arc};

use super::{
    SealingKey,
    seal::{Keys, SharedKeys},
};
use crate::telemetry;

pub use self::error::{InvalidSealingKeyError, KeyRingError};

/// The sealing keys of an application: cookies are sealed with the first key, and opened by any of them.
///
/// `SessionMiddleware` and [`SessionManager`](crate::engine::SessionManager) take a ring or a single key. Clones share
/// the keys, so keep a clone to [`replace`](Self::replace) or [`reload`](Self::reload) the keys while the server runs.
/// A cookie that was sealed with a key other than the first is sealed again with the response to the first request that
/// uses its session. The page [`guide::replacing_keys`](crate::guide::replacing_keys) shows how to replace a key on
/// several servers.
///
#[doc = include_str!("../docs/key_ring.md")]
/// # Text
///
/// A text has one key per line: 64 bytes in hexadecimal or in base64, of the standard or the URL-safe alphabet, with or
/// without padding. Empty lines and lines that begin with `#` are ignored. `openssl rand -hex 64` prints a key.
///
/// # Costs
///
/// A cookie that no key opens costs one attempt per key, about 0.3 µs each. Remove a key when the cookies that it
/// sealed have expired.
#[derive(Clone)]
pub struct KeyRing {
    pub(super) keys: SharedKeys,
    source: Option<Arc<Source>>,
}

type Source = dyn Fn() -> Result<Keys, KeyRingError> + Send + Sync;

impl KeyRing {
    /// A ring of these keys: the first one seals.
    ///
    /// # Errors
    ///
    /// If there are none.
    pub fn new(
        keys: impl IntoIterator<Item = impl Into<SealingKey>>,
    ) -> Result<Self, KeyRingError> {
        Keys::new(keys).map(|keys| Self::with(keys, None))
    }

    /// A ring of the keys in a [text](#text).
    ///
    /// # Errors
    ///
    /// If a line is not a key, or if there are none.
    pub fn from_text(text: &str) -> Result<Self, KeyRingError> {
        Keys::from_text(text).map(|keys| Self::with(keys, None))
    }

    /// A ring of the keys in a file with a [text](#text). [`reload`](Self::reload) reads it again.
    ///
    /// On Unix, only the file's owner may have access to it; if `root` owns it, its group may read it too. Elsewhere, the
    /// permissions are not checked. The calling thread reads the file.
    ///
    /// # Errors
    ///
    /// If the file can't be read, if others have access to it, if a line is not a key, or if there are none.
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, KeyRingError> {
        let path = path.into();
        Self::from_keys(move || Keys::from_text(&file::read(&path)?))
    }

    /// A ring of the keys in the [text](#text) that `source` returns. [`reload`](Self::reload) calls it again.
    ///
    /// The closure runs in the thread that calls this function or `reload`. If it fails, its error is the source of the
    /// [`KeyRingError`], so it must not contain a key.
    ///
    /// # Errors
    ///
    /// If `source` fails, if a line is not a key, or if there are none.
    pub fn from_source<T, E>(
        source: impl Fn() -> Result<T, E> + Send + Sync + 'static,
    ) -> Result<Self, KeyRingError>
    where
        T: AsRef<str>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        Self::from_keys(move || {
            let text = source().map_err(|error| KeyRingError::Source(error.into()))?;
            Keys::from_text(text.as_ref())
        })
    }

    /// Replaces the keys, for all clones of the ring and all middlewares that have one.
    ///
    /// If the new keys include none of the former ones, every cookie becomes invalid, and a warning is logged.
    ///
    /// # Errors
    ///
    /// If there are none. The ring then keeps its keys.
    pub fn replace(
        &self,
        keys: impl IntoIterator<Item = impl Into<SealingKey>>,
    ) -> Result<(), KeyRingError> {
        self.set(Keys::new(keys)?);
        Ok(())
    }

    /// Replaces the keys by those that the file or the closure has now.
    ///
    /// # Errors
    ///
    /// Those of [`from_file`](Self::from_file) or [`from_source`](Self::from_source); and if the ring was made by neither
    /// of them. The ring then keeps its keys.
    pub fn reload(&self) -> Result<(), KeyRingError> {
        let source = self.source.as_ref().ok_or(KeyRingError::NoSource)?;
        self.set(source()?);
        Ok(())
    }

    fn from_keys(
        source: impl Fn() -> Result<Keys, KeyRingError> + Send + Sync + 'static,
    ) -> Result<Self, KeyRingError> {
        source().map(|keys| Self::with(keys, Some(Arc::new(source))))
    }

    fn with(keys: Keys, source: Option<Arc<Source>>) -> Self {
        Self {
            keys: SharedKeys::new(keys),
            source,
        }
    }

    fn set(&self, keys: Keys) {
        let keeps_one = {
            let former = self.keys.read();
            former.iter().any(|key| keys.iter().any(|it| it == key))
        };
        if !keeps_one {
            telemetry::all_keys_replaced();
        }
        self.keys.replace(keys);
    }
}

impl Keys {
    fn new(keys: impl IntoIterator<Item = impl Into<SealingKey>>) -> Result<Self, KeyRingError> {
        let mut keys = keys.into_iter().map(Into::into);
        Ok(Self {
            first: keys.next().ok_or(KeyRingError::NoKeys)?,
            others: keys.collect(),
        })
    }

    fn from_text(text: &str) -> Result<Self, KeyRingError> {
        Self::new(text::keys(text)?)
    }
}

impl From<SealingKey> for KeyRing {
    /// A ring of this key.
    fn from(key: SealingKey) -> Self {
        Self {
            keys: key.into(),
            source: None,
        }
    }
}

impl From<cookie::Key> for KeyRing {
    /// A ring of this key, which is an `actix_web::cookie::Key`.
    fn from(key: cookie::Key) -> Self {
        Self::from(SealingKey::from(key))
    }
}

impl fmt::Debug for KeyRing {
    /// The number of keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("keys", &self.keys.read().iter().count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
