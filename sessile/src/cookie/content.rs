//! [`Content`]: the content of a session cookie.
//!
//! It begins with its form (1 byte) and the time of issue in milliseconds (8 bytes). The session's id (16 bytes)
//! follows, and then a secret (16 bytes) and the hint (16 bytes, if there is one), or a record in its [sealed
//! form](Record::sealed_numbers). The key of a session that actix-session made takes the place of the id and the
//! secret. Where a cookie is signed and not encrypted, the bytes before the text of the record are in URL-safe base64.

use std::{borrow::Cow, sync::Arc};

use base64_simd::{Out, URL_SAFE_NO_PAD};
use smallvec::SmallVec;

use crate::{
    clock::Timestamp,
    record::{
        DecodeError, Record, Secret, actix_session,
        id::{SessionId, SessionKey, SubjectDigest},
    },
    session::machine::Stored,
    storage::Version,
};

use super::seal::{base64_len, with_buffer};

/// What a session cookie names or holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// The key of a session that a store keeps.
    Key(SessionKey),
    /// The session itself. It is shared, because the session that is opened is the same.
    Record(Arc<Stored>),
}

/// A content, and how it was sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unsealed {
    pub(crate) content: Content,
    pub(crate) issued_at: Timestamp,
    /// Whether the browser should get it sealed again, because actix-session or another key than the current one
    /// sealed it.
    pub(crate) is_outdated: bool,
}

/// The first byte of a content. That of a record is the version of the record's text form, and changes with it.
const KEY: u8 = 1;
const ACTIX_SESSION_KEY: u8 = 2;
const RECORD: u8 = 3;

const TIME_LEN: usize = 8;
/// What is before the text of a record.
const HEAD_LEN: usize = 1 + TIME_LEN + SessionId::LEN + Record::SEALED_NUMBERS_LEN;
/// The same in base64.
const HEAD_TEXT_LEN: usize = base64_len(HEAD_LEN);

/// The bytes that a content begins with.
type Head = SmallVec<[u8; 64]>;

impl Content {
    /// The session with this id and record.
    pub(super) fn record(id: SessionId, record: Record) -> Self {
        Self::Record(Arc::new(Stored {
            id,
            secret: None,
            // Nothing is compared with it: a browser has no versions.
            version: Version::new(0),
            record,
            presented_at: Timestamp::from_unix_millis(0),
        }))
    }

    pub(crate) fn id(&self) -> &SessionId {
        match self {
            Self::Key(key) => &key.id,
            Self::Record(stored) => &stored.id,
        }
    }

    /// Whether the cookie says that a user is signed in to the session.
    pub(crate) fn is_signed_in(&self) -> bool {
        match self {
            Self::Key(key) => key.hint.is_some(),
            Self::Record(stored) => stored.record.has_subject(),
        }
    }

    /// The bytes to encrypt, in two parts that follow each other.
    pub(super) fn to_bytes(&self, issued_at: Timestamp) -> (Head, Cow<'_, str>) {
        (self.head(issued_at), self.tail())
    }

    /// What is signed.
    pub(super) fn to_text(&self, issued_at: Timestamp) -> String {
        let mut text = URL_SAFE_NO_PAD.encode_to_string(self.head(issued_at));
        text.push_str(&self.tail());
        text
    }

    fn head(&self, issued_at: Timestamp) -> Head {
        let (form, name) = match self {
            Self::Key(SessionKey { id, .. }) => match id.actix_session_key() {
                Some(key) => (ACTIX_SESSION_KEY, key.as_bytes()),
                None => (KEY, &id.as_bytes()[..]),
            },
            Self::Record(stored) => (RECORD, &stored.id.as_bytes()[..]),
        };
        let mut head = Head::new();
        head.push(form);
        head.extend_from_slice(&issued_at.as_unix_millis().to_be_bytes());
        head.extend_from_slice(name);
        match self {
            Self::Key(SessionKey {
                secret: Some(secret),
                hint,
                ..
            }) => {
                head.extend_from_slice(secret.as_bytes());
                head.extend_from_slice(hint.as_ref().map_or(&[], |it| it.as_bytes()));
            }
            Self::Key(_) => {}
            Self::Record(stored) => head.extend_from_slice(&stored.record.sealed_numbers()),
        }
        head
    }

    fn tail(&self) -> Cow<'_, str> {
        match self {
            Self::Key(_) => Cow::Borrowed(""),
            Self::Record(stored) => Cow::Owned(stored.record.sealed_text()),
        }
    }

    /// The content that was encrypted as `bytes`; an error for a record that a later version of this crate has
    /// sealed.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Result<Unsealed, DecodeError>> {
        match bytes.first()? {
            &RECORD => {
                let (head, record) = bytes.split_at_checked(HEAD_LEN)?;
                Self::decode(head, record)
            }
            _ => Self::decode(bytes, b""),
        }
    }

    /// The same for a content that was signed as `text`.
    pub(super) fn from_text(text: &[u8]) -> Option<Result<Unsealed, DecodeError>> {
        let (head, record) = match text.get(HEAD_TEXT_LEN..) {
            Some(rest) if rest.starts_with(b"{") => text.split_at(HEAD_TEXT_LEN),
            _ => (text, &b""[..]),
        };
        with_buffer(head.len(), |buffer| {
            let head = URL_SAFE_NO_PAD.decode(head, Out::from_slice(buffer));
            Self::decode(head.ok()?, record)
        })
    }

    fn decode(head: &[u8], text: &[u8]) -> Option<Result<Unsealed, DecodeError>> {
        let (&form, rest) = head.split_first()?;
        let (time, rest) = rest.split_first_chunk()?;
        let content = match form {
            KEY if text.is_empty() => Self::Key(decode_key(rest)?),
            ACTIX_SESSION_KEY if text.is_empty() => {
                Self::of_actix_session_key(str::from_utf8(rest).ok()?)
            }
            RECORD => {
                let (id, numbers) = rest.split_first_chunk()?;
                let id = SessionId::from_bytes(*id);
                match Record::unseal(numbers.try_into().ok()?, text) {
                    Ok(record) => Self::record(id, record),
                    Err(error) if error.is_newer() => return Some(Err(error)),
                    Err(_) => return None,
                }
            }
            KEY | ACTIX_SESSION_KEY => return None,
            _ => return Some(Err(DecodeError::UnknownForm { form: form.into() })),
        };
        Some(Ok(Unsealed {
            content,
            issued_at: Timestamp::from_unix_millis(u64::from_be_bytes(*time)),
            is_outdated: false,
        }))
    }

    fn of_actix_session_key(key: &str) -> Self {
        Self::Key(SessionKey {
            id: SessionId::of_actix_session(key),
            secret: None,
            hint: None,
        })
    }

    /// The content in a `text` that actix-session sealed as `value`, unsealed at `now`: a state, or a key. It does not
    /// tell the time of issue. A state has no id, so it gets one here: the same each time, so that it can be ended.
    pub(super) fn of_actix_session(
        value: &[u8],
        text: &str,
        now: impl FnOnce() -> Timestamp,
    ) -> Option<Unsealed> {
        let state = match text.as_bytes().first()? {
            b'{' => actix_session::record(text, now()).ok(),
            _ => None,
        };
        let content = match state {
            Some(record) => Self::record(SessionId::of_actix_session_cookie(value), record),
            None => Self::of_actix_session_key(text),
        };
        Some(Unsealed {
            content,
            issued_at: Timestamp::from_unix_millis(0),
            is_outdated: true,
        })
    }
}

fn decode_key(bytes: &[u8]) -> Option<SessionKey> {
    let (id, rest) = bytes.split_first_chunk()?;
    let (secret, hint) = rest.split_first_chunk()?;
    let hint = match hint {
        [] => None,
        hint => Some(SubjectDigest::from_bytes(hint.try_into().ok()?)),
    };
    Some(SessionKey {
        id: SessionId::from_bytes(*id),
        secret: Some(Secret::from_bytes(*secret)),
        hint,
    })
}

#[cfg(test)]
mod tests;
