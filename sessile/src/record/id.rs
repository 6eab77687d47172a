//! What names a session: a [`SessionId`] finds it, and the secret in a [`SessionKey`] opens it.

use std::{fmt, str::FromStr, sync::Arc};

use base64_simd::{Out, URL_SAFE_NO_PAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest as _, Sha256};

use super::Secret;
use crate::random;

/// The id of a session: 128 random bits. In a store on the server, they never change while the session lives; in the cookie,
/// a renewal gives the session another id.
///
/// It is not secret. It does not open the session, so it may appear in logs, audit trails and
/// administration pages. Its text form has 22 characters of URL-safe base64 (RFC 4648, section 5).
///
/// If actix-session, or a store that was written for it, made the session, the id is a digest of the session key,
/// which is a secret as a whole. Such a session is found only by the id that a [`Session`](crate::Session) returned, not by
/// one that was read from its text form.
///
/// ```
/// use sessile::storage::SessionId;
///
/// let id = SessionId::generate();
/// assert_eq!(id.to_string().len(), SessionId::TEXT_LEN);
/// assert_eq!(id.to_string().parse(), Ok(id));
/// assert!("not an id".parse::<SessionId>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    bytes: [u8; Self::LEN],
    /// The whole key, if actix-session made it: stores that open such keys find the session by it.
    actix_session_key: Option<Arc<str>>,
}

impl SessionId {
    /// The length of an id in bytes.
    pub const LEN: usize = 16;

    /// The length of an id's text form in bytes.
    pub const TEXT_LEN: usize = 22;

    /// A new id from a cryptographically secure generator (OWASP ASVS 5.0, 7.2.3).
    ///
    /// # Panics
    ///
    /// If the operating system's generator fails.
    #[must_use]
    pub fn generate() -> Self {
        Self::from_bytes(random::bytes())
    }

    /// The id with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self {
            bytes,
            actix_session_key: None,
        }
    }

    /// The bytes of the id.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.bytes
    }

    /// The id of the session that actix-session knows by `key`.
    pub(crate) fn of_actix_session(key: &str) -> Self {
        Self {
            bytes: truncated_digest(key.as_bytes()),
            actix_session_key: Some(key.into()),
        }
    }

    /// The id of the session that actix-session sealed as this `value` of a cookie.
    pub(crate) fn of_actix_session_cookie(value: &[u8]) -> Self {
        Self::from_bytes(truncated_digest(value))
    }

    /// The session key that actix-session knows the session by, if it made the session.
    pub(crate) fn actix_session_key(&self) -> Option<&str> {
        self.actix_session_key.as_deref()
    }

    /// Writes the text form to `buffer` and returns it.
    pub(crate) fn encode<'a>(&self, buffer: &'a mut [u8; Self::TEXT_LEN]) -> &'a str {
        encode_16(&self.bytes, buffer)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.encode(&mut [0; Self::TEXT_LEN]))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// The text form.
impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// From the text form, for example as a part of a path.
impl<'de> Deserialize<'de> for SessionId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl FromStr for SessionId {
    type Err = InvalidSessionIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        decode_16(text)
            .map(Self::from_bytes)
            .ok_or(InvalidSessionIdError { len: text.len() })
    }
}

/// The text is not a [`SessionId`]: it has another length, or a character that is not in the
/// alphabet of URL-safe base64. Quotes nothing of the text.
///
/// ```
/// use sessile::storage::SessionId;
///
/// let error = "too short".parse::<SessionId>().unwrap_err();
/// assert_eq!(error.len, 9);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a session id has {} characters of URL-safe base64, not these {len} bytes",
    SessionId::TEXT_LEN
)]
#[non_exhaustive]
pub struct InvalidSessionIdError {
    /// The length of the text in bytes.
    pub len: usize,
}

/// What a cookie names: the id of a session, the secret that opens it, and a hint at its user.
///
/// The engine seals it into the cookie. Stores never see it: they are given the [`SessionId`], and
/// the record has digests of its secrets. `Debug` is redacted, and comparison takes constant time.
///
/// ```
/// use sessile::storage::SessionKey;
///
/// let key = SessionKey::generate();
/// assert_eq!(format!("{key:?}"), format!("SessionKey({}, ..)", key.id()));
/// assert_ne!(key, SessionKey::generate());
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey {
    pub(crate) id: SessionId,
    /// `None` for a session of actix-session's, whose id is the secret.
    pub(crate) secret: Option<Secret>,
    pub(crate) hint: Option<SubjectDigest>,
}

impl SessionKey {
    /// A new key: an id and a secret of 128 bits each from a cryptographically secure
    /// generator (OWASP ASVS 5.0, 7.2.3), without a hint.
    ///
    /// # Panics
    ///
    /// If the operating system's generator fails.
    #[must_use]
    pub fn generate() -> Self {
        // One system call for both.
        let random = random::bytes::<{ SessionId::LEN + Secret::LEN }>();
        let (mut id, mut secret) = ([0; SessionId::LEN], [0; Secret::LEN]);
        id.copy_from_slice(&random[..SessionId::LEN]);
        secret.copy_from_slice(&random[SessionId::LEN..]);
        Self {
            id: SessionId::from_bytes(id),
            secret: Some(Secret::from_bytes(secret)),
            hint: None,
        }
    }

    /// The id of the session.
    #[must_use]
    pub const fn id(&self) -> &SessionId {
        &self.id
    }

    /// The digest of the subject that the session is signed in as, if the key has one.
    #[must_use]
    pub const fn hint(&self) -> Option<SubjectDigest> {
        self.hint
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionKey({}, ..)", self.id)
    }
}

/// A new session key; the same as [`SessionKey::generate`], under the name that actix-session has for
/// it.
///
/// ```
/// use sessile::storage::generate_session_key;
///
/// assert_ne!(generate_session_key(), generate_session_key());
/// ```
///
/// # Panics
///
/// If the operating system's generator fails.
#[must_use]
pub fn generate_session_key() -> SessionKey {
    SessionKey::generate()
}

/// The first 16 bytes of the SHA-256 of a subject: what columns and indexes hold of the user that a
/// session is signed in as.
///
/// ```
/// use sessile::storage::SubjectDigest;
///
/// assert_eq!(SubjectDigest::of("ferris"), SubjectDigest::of("ferris"));
/// assert_ne!(SubjectDigest::of("ferris"), SubjectDigest::of("corro"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectDigest([u8; Self::LEN]);

impl SubjectDigest {
    /// The length of a digest in bytes.
    pub const LEN: usize = 16;

    /// The digest of this subject.
    #[must_use]
    pub fn of(subject: &str) -> Self {
        Self(truncated_digest(subject.as_bytes()))
    }

    /// The digest with these bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; Self::LEN]) -> Self {
        Self(bytes)
    }

    /// The bytes of the digest.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// A hash of an id: a part of its bytes, which are random. Those that choose a shard of the memory store are left out.
pub(crate) fn hash_of_id(id: &[u8; SessionId::LEN]) -> u64 {
    let [.., a, b, c, d, e, f, g, h] = *id;
    u64::from_ne_bytes([a, b, c, d, e, f, g, h])
}

pub(super) fn truncated_digest(bytes: &[u8]) -> [u8; 16] {
    let mut digest = [0; 16];
    digest.copy_from_slice(&Sha256::digest(bytes)[..16]);
    digest
}

/// The text form of 16 bytes: 22 characters of URL-safe base64.
pub(crate) fn encode_16<'a>(bytes: &[u8; 16], buffer: &'a mut [u8; 22]) -> &'a str {
    URL_SAFE_NO_PAD.encode_as_str(bytes, Out::from_slice(buffer))
}

/// The bytes that [`encode_16`] turned into `text`. Each value has one text form.
pub(crate) fn decode_16(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    if text.len() != 22 {
        return None;
    }
    URL_SAFE_NO_PAD
        .decode(text.as_bytes(), Out::from_slice(&mut bytes))
        .ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests;
