//! [`Record`]: what a store keeps under a session key.

mod canonical;

use std::sync::Arc;

use serde::Deserialize;

use crate::{
    clock::Timestamp,
    json::{self, JsonError},
    state::{Pairs, State},
};

pub(crate) use self::canonical::Reader;

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
        let mut text = String::with_capacity(self.encoded_len());
        self.encode_to(&mut text);
        text
    }

    /// The same for who keeps it for long: with its state in a single allocation.
    pub(crate) fn packed(&self) -> Self {
        Self {
            state: self.state.packed(),
            ..*self
        }
    }

    /// About how many bytes [`encode`](Self::encode) makes: more only where names have to be escaped.
    pub(crate) fn encoded_len(&self) -> usize {
        // Quotes, a colon and a comma for each entry; 13 digits for each time, until the year 2286.
        const FRAME: usize = r#"{"v":2,"c":,"t":,"s":{}}"#.len() + 2 * 13;
        FRAME + self.state.size() + (4 * self.state.len()).saturating_sub(1)
    }

    /// Appends what [`encode`](Self::encode) returns.
    pub(crate) fn encode_to(&self, out: &mut String) {
        let mut digits = itoa::Buffer::new();
        out.extend([r#"{"v":"#, digits.format(FORM)]);
        out.extend([r#","c":"#, digits.format(self.created_at.as_unix_millis())]);
        out.extend([r#","t":"#, digits.format(self.touched_at.as_unix_millis())]);
        out.push_str(r#","s":"#);
        self.state.write_json(out);
        out.push('}');
    }

    /// The record that [`encode`](Self::encode) turned into `bytes`.
    ///
    /// # Errors
    ///
    /// When `bytes` are no such record, or one of a later form than this version of the crate
    /// knows.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let text = std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)?;
        let buffer = Arc::from(text);
        match Self::decode_canonical(&buffer) {
            Some(record) => Ok(record),
            None => json::parse::<Stored<'_>>(&buffer)?.into_record(&buffer),
        }
    }

    fn decode_canonical(buffer: &Arc<str>) -> Option<Self> {
        let mut reader = Reader::new(buffer);
        let record = reader.record()?;
        reader.end()?;
        Some(record)
    }
}

/// The version of the text form. Form 1 is what actix-session's development branch writes, so ours
/// begin at 2.
const FORM: u64 = 2;

/// A record as it stands in its text.
#[derive(Deserialize)]
pub(crate) struct Stored<'a> {
    v: u64,
    c: u64,
    t: u64,
    #[serde(borrow)]
    s: Pairs<'a>,
}

impl Stored<'_> {
    /// The record, if it is of a form that is known; what was read from `buffer` stays there.
    pub(crate) fn into_record(self, buffer: &Arc<str>) -> Result<Record, DecodeError> {
        if self.v != FORM {
            return Err(DecodeError::UnknownForm { form: self.v });
        }
        Ok(Record {
            state: self.s.into_state(buffer),
            created_at: Timestamp::from_unix_millis(self.c),
            touched_at: Timestamp::from_unix_millis(self.t),
            undated: false,
        })
    }
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
        record.touched_at = Timestamp::from_unix_millis(1_795_400_121_944);
        record.created_at = record.touched_at;
        assert_eq!(record.encode().len(), record.encoded_len());
        assert_eq!(Record::decode(record.encode().as_bytes()), Ok(record));
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
