//! [`SessionKey`]: the key under which a store of actix-session keeps a session.

use std::fmt;

use subtle::ConstantTimeEq as _;

use crate::random;

/// The key under which a store keeps a session: a text that the store chooses, of at most 4064 bytes.
///
/// The key is the secret of the session: `Debug` is redacted, and comparison takes constant time.
///
/// ```
/// use sessile::storage::compat::SessionKey;
///
/// let key = SessionKey::try_from("2f6b1c0e".to_owned())?;
/// assert_eq!(key.as_ref(), "2f6b1c0e");
/// assert_eq!(format!("{key:?}"), "SessionKey(..)");
/// assert_eq!(String::from(key), "2f6b1c0e");
///
/// assert!(SessionKey::try_from("a".repeat(4065)).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct SessionKey(String);

impl SessionKey {
    /// The length of the longest key in bytes.
    pub const MAX_LEN: usize = 4064;
}

impl TryFrom<String> for SessionKey {
    type Error = InvalidSessionKeyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.len() {
            ..=Self::MAX_LEN => Ok(Self(text)),
            len => Err(InvalidSessionKeyError { len }),
        }
    }
}

impl From<SessionKey> for String {
    fn from(key: SessionKey) -> Self {
        key.0
    }
}

impl AsRef<str> for SessionKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq for SessionKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for SessionKey {}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionKey(..)")
    }
}

/// The text is too long for a [`SessionKey`]. The error quotes nothing of it.
///
/// ```
/// use sessile::storage::compat::SessionKey;
///
/// let error = SessionKey::try_from("a".repeat(5000)).unwrap_err();
/// assert_eq!(error.to_string(), "a session key has at most 4064 bytes, not 5000");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session key has at most {} bytes, not {len}", SessionKey::MAX_LEN)]
#[non_exhaustive]
pub struct InvalidSessionKeyError {
    /// The length of the text in bytes.
    pub len: usize,
}

/// A new key: 64 letters and digits from a cryptographically secure generator (OWASP ASVS 5.0, 7.2.3).
///
/// ```
/// use sessile::storage::compat::generate_session_key;
///
/// let key = generate_session_key();
/// assert_eq!(key.as_ref().len(), 64);
/// assert!(key.as_ref().bytes().all(|byte| byte.is_ascii_alphanumeric()));
/// assert_ne!(key, generate_session_key());
/// ```
///
/// # Panics
///
/// If the operating system's generator fails.
#[must_use]
pub fn generate_session_key() -> SessionKey {
    SessionKey(random::letters_and_digits(64))
}
