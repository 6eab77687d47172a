//! [`SessionKey`]: the secret that names a session.

use std::{fmt, sync::Arc};

use base64_simd::{Out, URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::random;

/// The secret that names a session: whoever presents it is the session.
///
/// Stores hand it out and the engine seals it into the cookie; nothing else should see it. Its
/// `Debug` is redacted, it has no `Display`, and it is compared in constant time.
///
/// A store on the server makes keys with [`generate_session_key`], or of the same form. They have two parts, `id` and
/// `secret`, with a dot in between: the store finds the record by the id, which stays the same for
/// as long as the session lives, and hands it out to who knows the secret, which a renewal
/// replaces. So a renewal changes one record in place, and a store that keeps only the secret's
/// [digest](Self::secret_digest) gives nothing away to who reads it.
///
/// A store whose key *is* the state, such as `CookieSessionStore`, builds its own from text.
///
/// ```
/// use sessile::storage::{SessionKey, generate_session_key};
///
/// let key = generate_session_key();
/// let renewed = key.renewed();
///
/// assert_eq!(renewed.id(), key.id());
/// assert_ne!(renewed.secret(), key.secret());
/// assert!(renewed.is_for(&renewed.secret_digest()));
/// assert!(!key.is_for(&renewed.secret_digest()));
/// assert_eq!(format!("{key:?}"), "SessionKey(..)");
/// assert!(SessionKey::try_from("x".repeat(5000)).is_err());
/// ```
#[derive(Clone)]
pub struct SessionKey(Arc<str>);

impl SessionKey {
    /// The longest key in bytes: what a cookie could still carry (RFC 6265bis, section 5.6).
    pub const MAX_LEN: usize = 4096;

    /// The length of a [`secret_digest`](Self::secret_digest) in bytes.
    pub const DIGEST_LEN: usize = 43;

    /// What the session is found by: the part before the dot, or everything.
    ///
    /// It stays the same for as long as the session lives. By itself it opens nothing.
    #[must_use]
    pub fn id(&self) -> &str {
        self.parts().0
    }

    /// What opens the session: the part after the dot, or nothing.
    #[must_use]
    pub fn secret(&self) -> &str {
        self.parts().1
    }

    fn parts(&self) -> (&str, &str) {
        self.0.split_once('.').unwrap_or((&self.0, ""))
    }

    /// The key that replaces this one when the session is renewed: the same id, another secret.
    ///
    /// # Panics
    ///
    /// If the operating system has no randomness to give.
    #[must_use]
    pub fn renewed(&self) -> Self {
        let mut text = String::with_capacity(self.id().len() + 1 + SECRET_LEN);
        text.push_str(self.id());
        text.push('.');
        URL_SAFE_NO_PAD.encode_append(random::bytes::<32>(), &mut text);
        Self(text.into())
    }

    /// The SHA-256 of the secret, as 43 characters of URL-safe base64: enough for a store to
    /// recognize the secret, and no use to who reads it.
    #[must_use]
    pub fn secret_digest(&self) -> String {
        URL_SAFE_NO_PAD.encode_to_string(Sha256::digest(self.secret()))
    }

    /// Whether `digest` is that of this key's secret; compared in constant time.
    #[must_use]
    pub fn is_for(&self, digest: &str) -> bool {
        let mut own = [0; Self::DIGEST_LEN];
        let sha256 = Sha256::digest(self.secret());
        let own = URL_SAFE_NO_PAD.encode(&sha256, Out::from_slice(&mut own));
        is_same(own, digest.as_bytes())
    }

    pub(crate) fn of_bytes(KeyBytes { id, secret }: &KeyBytes) -> Self {
        let mut text = String::with_capacity(ID_LEN + 1 + SECRET_LEN);
        URL_SAFE_NO_PAD.encode_append(id, &mut text);
        text.push('.');
        URL_SAFE_NO_PAD.encode_append(secret, &mut text);
        Self(text.into())
    }

    pub(crate) fn parse(text: &str) -> Result<Self, InvalidSessionKeyError> {
        match text.len() {
            1..=Self::MAX_LEN => Ok(Self(text.into())),
            len => Err(InvalidSessionKeyError { len }),
        }
    }

    /// All of it, to keep parts of it without copying them.
    #[cfg(feature = "cookie-session")]
    pub(crate) const fn text(&self) -> &Arc<str> {
        &self.0
    }

    /// The key that `text` is, however long: whether a cookie can carry it shows when it is sealed.
    #[cfg(feature = "cookie-session")]
    pub(crate) fn of_any_length(text: String) -> Self {
        Self(text.into())
    }
}

/// A new session key: an id of 128 bits and a secret of 256 bits from the operating system's
/// generator (OWASP ASVS 5.0, 7.2.3), in URL-safe base64 with a dot in between.
///
/// # Panics
///
/// If the operating system has no randomness to give, which leaves no safe way to go on.
#[must_use]
pub fn generate_session_key() -> SessionKey {
    SessionKey::of_bytes(&KeyBytes::random())
}

/// What a new key is made of.
pub(crate) struct KeyBytes {
    pub(crate) id: [u8; 16],
    pub(crate) secret: [u8; 32],
}

impl KeyBytes {
    /// From the operating system's generator, asked once for both.
    pub(crate) fn random() -> Self {
        let random = random::bytes::<48>();
        let (mut id, mut secret) = ([0; 16], [0; 32]);
        id.copy_from_slice(&random[..16]);
        secret.copy_from_slice(&random[16..]);
        Self { id, secret }
    }
}

/// The length of a new id, 16 bytes in base64.
pub(crate) const ID_LEN: usize = 22;
/// The length of a new secret, 32 bytes in base64.
pub(crate) const SECRET_LEN: usize = 43;

/// Whether both are the same, in a time that tells only their lengths.
pub(crate) fn is_same(one: &[u8], other: &[u8]) -> bool {
    let (words, rest) = one.as_chunks::<8>();
    let (other_words, other_rest) = other.as_chunks::<8>();
    // By word, since by byte it takes eight times as long.
    let differing = words
        .iter()
        .zip(other_words)
        .fold(0, |differing, (one, other)| {
            differing | (u64::from_ne_bytes(*one) ^ u64::from_ne_bytes(*other))
        });
    one.len() == other.len() && (differing.ct_eq(&0) & rest.ct_eq(other_rest)).into()
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
        Self::parse(&text)
    }
}

impl AsRef<str> for SessionKey {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<SessionKey> for String {
    fn from(key: SessionKey) -> Self {
        key.0.as_ref().to_owned()
    }
}

impl PartialEq for SessionKey {
    fn eq(&self, other: &Self) -> bool {
        is_same(self.0.as_bytes(), other.0.as_bytes())
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
        let is_legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        assert!(
            keys.iter()
                .all(|key| key.len() == 22 + 1 + 43 && key.bytes().all(is_legal))
        );
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
    fn a_key_of_another_form_is_all_id() {
        let key = SessionKey::try_from("Legacy64".to_owned()).unwrap();
        assert_eq!((key.id(), key.secret()), ("Legacy64", ""));
        let renewed = key.renewed();
        assert_eq!((renewed.id(), renewed.secret().len()), ("Legacy64", 43));
        assert_eq!(renewed.secret_digest().len(), SessionKey::DIGEST_LEN);
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
        let long = "0123456789".repeat(7);
        assert_eq!(key(&long), key(&long));
        for len in 1..long.len() {
            assert_ne!(key(&long), key(&long[..len]));
            let mut other = long.clone().into_bytes();
            other[len] ^= 1;
            assert_ne!(key(&long), key(str::from_utf8(&other).unwrap()));
        }
    }
}
