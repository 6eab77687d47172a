//! The form of a [`Record`] in a cookie. The times and the epoch are binary numbers, which are shorter than text. The rest of
//! the text form follows, from the state on. The form has no secrets: the cookie itself grants access.

use std::sync::Arc;

use super::{DecodeError, Epoch, Record, reader::Reader};
use crate::{clock::Timestamp, record::state::State};

/// The creation, the last use, the end and the epoch.
const NUMBERS: usize = 4;

impl Record {
    /// The length of what [`sealed_numbers`](Self::sealed_numbers) returns.
    pub(crate) const SEALED_NUMBERS_LEN: usize = NUMBERS * size_of::<u64>();

    /// The times and the epoch.
    pub(crate) fn sealed_numbers(&self) -> [u8; Self::SEALED_NUMBERS_LEN] {
        let numbers = [
            self.created_at.as_unix_millis(),
            self.used_at.as_unix_millis(),
            self.ends_at.as_unix_millis(),
            self.epoch.0,
        ];
        let mut bytes = [0; Self::SEALED_NUMBERS_LEN];
        for (place, number) in bytes.as_chunks_mut().0.iter_mut().zip(numbers) {
            *place = number.to_be_bytes();
        }
        bytes
    }

    /// The state, and the members that most records do not have.
    pub(crate) fn sealed_text(&self) -> String {
        let mut text = String::with_capacity(self.state.json_len() + "}".len());
        self.encode_from_state(&mut text);
        text
    }

    /// The record that has these [numbers](Self::sealed_numbers) and this [text](Self::sealed_text).
    pub(crate) fn unseal(
        numbers: &[u8; Self::SEALED_NUMBERS_LEN],
        text: &[u8],
    ) -> Result<Self, DecodeError> {
        let text: Arc<str> = str::from_utf8(text)
            .map_err(|_| DecodeError::NotUtf8)?
            .into();
        let mut values = [0; NUMBERS];
        for (value, bytes) in values.iter_mut().zip(numbers.as_chunks().0) {
            *value = u64::from_be_bytes(*bytes);
        }
        let [created_at, used_at, ends_at, epoch] = values;
        let record = Self {
            state: State::default(),
            created_at: Timestamp::from_unix_millis(created_at),
            used_at: Timestamp::from_unix_millis(used_at),
            ends_at: Timestamp::from_unix_millis(ends_at),
            undated: false,
            epoch: Epoch(epoch),
            secrets: None,
            details: None,
        };
        let mut reader = Reader::new(&text);
        let state = reader.state();
        let read = state.and_then(|state| {
            let record = Self {
                state,
                ..record.clone()
            };
            record.with_members(reader.rest())
        });
        read.unwrap_or_else(|| {
            // A name has escapes, or another program wrote the JSON.
            let mut whole = String::new();
            record.encode_until_state(&mut whole);
            whole.push_str(&text);
            Self::decode_any(&whole.into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBER_BYTES: [u8; 32] = [
        0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 255, 255, 255, 255,
        255, 255, 255, 254,
    ];

    fn unsealed(text: &str) -> Result<String, DecodeError> {
        Record::unseal(&NUMBER_BYTES, text.as_bytes()).map(|record| record.encode())
    }

    #[test]
    fn the_sealed_form_is_fixed() {
        for sealed in [
            r#"{}}"#,
            r#"{"a":1,"b":"c"}}"#,
            r#"{"a":1},"sub":"ferris","in":4}"#,
            r#"{"a":1},"label":"sid","later":[1, 2]}"#,
        ] {
            let text =
                format!(r#"{{"v":3,"c":1,"u":2,"x":3,"p":18446744073709551614,"s":{sealed}"#);
            assert_eq!(unsealed(sealed), Ok(text.clone()));
            let record = Record::decode(text.as_bytes()).unwrap();
            assert_eq!(record.sealed_numbers(), NUMBER_BYTES);
            assert_eq!(record.sealed_text(), sealed);
        }
    }

    #[test]
    fn a_text_of_another_form_is_read() {
        for (text, state) in [
            // A name with an escape: the only one of these that is sealed here.
            (r#"{"a\"b":1}}"#, r#"{"a\"b":1}"#),
            (r#"{"b":2,"a":1}}"#, r#"{"a":1,"b":2}"#),
            (r#" { "a" : 1 , "b" : 2 } } "#, r#"{"a":1,"b":2}"#),
        ] {
            let expected =
                format!(r#"{{"v":3,"c":1,"u":2,"x":3,"p":18446744073709551614,"s":{state}}}"#);
            assert_eq!(unsealed(text), Ok(expected));
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "{}",
            "{}}}",
            "[]}",
            r#"{"a":1}"#,
            r#"{"a":1},"sub":1}"#,
            r#"{"a":1},"o":{"d":"AQAAAAAAAAAAAAAAAAAAAA","e":6,"t":5}}"#,
        ] {
            assert!(unsealed(text).is_err_and(|it| !it.is_newer()), "{text}");
        }
        assert_eq!(
            Record::unseal(&NUMBER_BYTES, b"\xff"),
            Err(DecodeError::NotUtf8)
        );
        let later = r#"{},"crit":["later"],"later":1}"#;
        assert_eq!(unsealed(later), Err(DecodeError::UnknownCritical));
    }
}
