//! [`Record`]: what a store keeps under a session key.

use serde::Deserialize;

use crate::{
    clock::Timestamp,
    json::{self, JsonError},
    state::State,
};

/// What a store keeps under a [`SessionKey`](crate::storage::SessionKey): the state and the times
/// that decide when the session ends.
///
/// The engine makes records and judges them; a store only keeps them. Stores that keep text use
/// [`encode`](Self::encode) and [`decode`](Self::decode), so that a record looks the same wherever
/// it lies.
///
/// ```
/// use sessile::{Clock, Record, SystemClock};
///
/// let mut record = Record::new(SystemClock.now());
/// record.state.insert("visits", &3)?;
///
/// assert_eq!(Record::decode(record.encode().as_bytes()), Ok(record));
/// # Ok::<(), sessile::JsonError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record {
    /// What the session holds.
    pub state: State,
    /// When the session was first created. Survives updates and renewals: the absolute timeout
    /// counts from here.
    pub created_at: Timestamp,
    /// When the session's life was last extended: the idle timeout counts from here.
    pub touched_at: Timestamp,
    /// Whether the times are unknown, and stand for when the record was loaded.
    pub(crate) undated: bool,
}

impl Record {
    /// A record with an empty state, created and touched at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            state: State::default(),
            created_at: now,
            touched_at: now,
            undated: false,
        }
    }

    /// A record of `state` that tells no times, loaded `now`.
    #[cfg(any(feature = "cookie-session", feature = "redis-rs-session"))]
    pub(crate) fn undated(state: State, now: Timestamp) -> Self {
        Self {
            state,
            undated: true,
            ..Self::new(now)
        }
    }

    /// The record as text, for stores that keep text: a JSON object with the version of this form
    /// (`v`), the two times in milliseconds since the Unix epoch (`c`, `t`) and the state (`s`).
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = format!(
            r#"{{"v":{FORM},"c":{},"t":{},"s":"#,
            self.created_at.as_unix_millis(),
            self.touched_at.as_unix_millis()
        );
        self.state.write_json(&mut text);
        text.push('}');
        text
    }

    /// The record that [`encode`](Self::encode) turned into `bytes`.
    ///
    /// # Errors
    ///
    /// When `bytes` are no such record, or one of a later form than this version of the crate
    /// knows.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)?;
        let stored: Stored = json::parse(text)?;
        if stored.v != FORM {
            return Err(DecodeError::UnknownForm { form: stored.v });
        }
        Ok(Self {
            state: stored.s,
            created_at: Timestamp::from_unix_millis(stored.c),
            touched_at: Timestamp::from_unix_millis(stored.t),
            undated: false,
        })
    }
}

/// The version of the text form. Form 1 is what actix-session's development branch writes, so ours
/// begin at 2.
const FORM: u64 = 2;

#[derive(Deserialize)]
struct Stored {
    v: u64,
    c: u64,
    t: u64,
    #[serde(deserialize_with = "crate::state::deserialize")]
    s: State,
}

/// Why bytes are not a [`Record`]. Tells nothing of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Not text at all.
    #[error("the record is not UTF-8")]
    NotUtf8,
    /// Text, but not a record.
    #[error("the text is not a record")]
    NotARecord(#[from] JsonError),
    /// A record of a form that this version of the crate does not know.
    #[error("the record has form {form}, this version of sessile reads form {FORM}")]
    UnknownForm {
        /// The form the record says it has.
        form: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_is_fixed() {
        let mut record = Record::new(Timestamp::from_unix_millis(1000));
        record.touched_at = Timestamp::from_unix_millis(2000);
        record.state.insert("user", "ferris").unwrap();
        record.state.insert("n", &1).unwrap();
        let text = r#"{"v":2,"c":1000,"t":2000,"s":{"n":1,"user":"ferris"}}"#;
        assert_eq!(record.encode(), text);
        assert_eq!(Record::decode(text.as_bytes()), Ok(record));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        for text in [
            "",
            "null",
            "{}",
            r#"{"v":2,"c":1,"t":2}"#,
            r#"{"v":2,"c":1,"t":2,"s":[]}"#,
            r#"{"v":2,"c":1,"t":2,"s":{}} "trailing""#,
            r#"{"v":2,"c":-1,"t":2,"s":{}}"#,
            r#"{"v":"2","c":"1","t":"2","s":"{}"}"#,
        ] {
            assert!(
                matches!(
                    Record::decode(text.as_bytes()),
                    Err(DecodeError::NotARecord(_))
                ),
                "{text}"
            );
        }
        assert_eq!(Record::decode(b"\xff\xfe"), Err(DecodeError::NotUtf8));
    }

    #[test]
    fn a_later_form_is_told_apart_from_garbage() {
        assert_eq!(
            Record::decode(br#"{"v":3,"c":1,"t":2,"s":{}}"#),
            Err(DecodeError::UnknownForm { form: 3 })
        );
    }
}
