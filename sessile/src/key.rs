//! [`SessionKey`]: the secret that names a session.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use subtle::ConstantTimeEq as _;

use crate::random;

/// The secret that names a session: whoever presents it is the session.
///
/// Stores hand it out and the engine seals it into the cookie; nothing else should see it. Its
/// `Debug` is redacted, it has no `Display`, and it is compared in constant time (OWASP ASVS 5.0,
/// V7.2).
///
/// A server-side store makes keys with [`generate_session_key`]. A store whose key *is* the state,
/// such as `CookieSessionStore`, builds its own from text.
///
/// ```
/// use sessile::storage::{SessionKey, generate_session_key};
///
/// let key = generate_session_key();
/// assert_eq!(key.as_ref().len(), 43);
/// assert_eq!(format!("{key:?}"), "SessionKey(..)");
/// assert!(SessionKey::try_from("x".repeat(5000)).is_err());
/// ```
#[derive(Clone)]
pub struct SessionKey(Box<str>);

impl SessionKey {
    /// The longest key in bytes: what a cookie could still carry (RFC 6265bis, section 5.6).
    pub const MAX_LEN: usize = 4096;

    /// The key that `text` is, however long: whether a cookie can carry it shows when it is sealed.
    #[cfg(feature = "cookie-session")]
    pub(crate) fn of_any_length(text: String) -> Self {
        Self(text.into_boxed_str())
    }
}

/// A new session key: 256 bits from the operating system's generator as 43 characters of URL-safe
/// base64 (`A-Z a-z 0-9 - _`).
///
/// # Panics
///
/// If the operating system has no randomness to give, which leaves no safe way to go on.
#[must_use]
pub fn generate_session_key() -> SessionKey {
    let secret: [u8; 32] = random::bytes();
    SessionKey(URL_SAFE_NO_PAD.encode(secret).into_boxed_str())
}

/// The text is empty or longer than [`SessionKey::MAX_LEN`], so it can't be a session key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session key has 1 to {max} bytes, this text has {len}", max = SessionKey::MAX_LEN)]
#[non_exhaustive]
pub struct InvalidSessionKeyError {
    /// The text's length in bytes.
    pub len: usize,
}

impl TryFrom<String> for SessionKey {
    type Error = InvalidSessionKeyError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.len() {
            1..=Self::MAX_LEN => Ok(Self(text.into_boxed_str())),
            len => Err(InvalidSessionKeyError { len }),
        }
    }
}

impl AsRef<str> for SessionKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<SessionKey> for String {
    fn from(key: SessionKey) -> Self {
        key.0.into_string()
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

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn keys_differ_and_are_safe_in_urls() {
        let keys: HashSet<String> = (0..1000).map(|_| generate_session_key().into()).collect();
        assert_eq!(keys.len(), 1000);
        assert!(keys.iter().all(|key| {
            key.len() == 43
                && key
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
        }));
    }

    #[test]
    fn length_is_bounded_on_both_sides() {
        assert_eq!(
            SessionKey::try_from(String::new()),
            Err(InvalidSessionKeyError { len: 0 })
        );
        assert!(SessionKey::try_from("k".repeat(4096)).is_ok());
        assert_eq!(
            SessionKey::try_from("k".repeat(4097)),
            Err(InvalidSessionKeyError { len: 4097 })
        );
    }

    #[test]
    fn debug_tells_nothing() {
        let key = SessionKey::try_from("secret".to_owned()).unwrap();
        assert!(!format!("{key:?} {:?}", Some(&key)).contains("secret"));
    }

    #[test]
    fn equality_is_by_text() {
        let key = |text: &str| SessionKey::try_from(text.to_owned()).unwrap();
        assert_eq!(key("abc"), key("abc"));
        assert_ne!(key("abc"), key("abd"));
        assert_ne!(key("abc"), key("abcd"));
    }
}
