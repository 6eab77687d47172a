//! The form of a [`Record`] in a cookie, where each byte counts: numbers in binary, and then the text form from the state
//! on. It has no secrets, because none opens a record in a cookie.

use std::sync::Arc;

use super::{DecodeError, Epoch, Record, reader::Reader};
use crate::{clock::Timestamp, state::State};

/// The creation, the last use, the end and the epoch.
const NUMBERS: usize = 4;

impl Record {
    /// The version of this form, which is that of the text form.
    pub(crate) const SEALED_FORM: u8 = 3;

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
        // Quotes, a colon and a comma for each entry, and three braces.
        let mut text = String::with_capacity(self.state.byte_len() + 6 * self.state.len() + 3);
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
        let mut numbers = numbers.as_chunks().0.iter();
        let mut number = || numbers.next().map_or(0, |it| u64::from_be_bytes(*it));
        let [created_at, used_at, ends_at] =
            std::array::from_fn(|_| Timestamp::from_unix_millis(number()));
        let record = Self {
            state: State::default(),
            created_at,
            used_at,
            ends_at,
            undated: false,
            epoch: Epoch(number()),
            secrets: None,
            details: None,
        };
        let mut reader = Reader::new(&text);
        if let Some(state) = reader.state()
            && let Some(record) = (Self {
                state,
                ..record.clone()
            })
            .with_members(reader.rest())
        {
            return record;
        }
        // JSON of another form.
        let frame = record.encode();
        let frame = frame.strip_suffix("{}}").unwrap_or_default();
        Self::decode_any(&format!("{frame}{text}").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NUMBERS: [u8; 32] = [
        0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 255, 255, 255, 255,
        255, 255, 255, 254,
    ];

    fn unsealed(text: &str) -> Result<String, DecodeError> {
        Record::unseal(&NUMBERS, text.as_bytes()).map(|record| record.encode())
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
            assert_eq!(record.sealed_numbers(), NUMBERS);
            assert_eq!(record.sealed_text(), sealed);
        }
    }

    #[test]
    fn a_text_of_another_form_is_read() {
        let expected = unsealed(r#"{"a":1,"b":2}}"#).unwrap();
        for text in [r#"{"b":2,"a":1}}"#, r#" { "a" : 1 , "b" : 2 } } "#] {
            assert_eq!(unsealed(text), Ok(expected.clone()), "{text}");
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
            r#"{"a":1},"o":{"d":"AQAAAAAAAAAAAAAAAAAAAA","t":5,"by":"renewal"}}"#,
        ] {
            assert!(unsealed(text).is_err_and(|it| !it.is_newer()), "{text}");
        }
        assert_eq!(Record::unseal(&NUMBERS, b"\xff"), Err(DecodeError::NotUtf8));
        let later = r#"{},"crit":["later"],"later":1}"#;
        assert_eq!(unsealed(later), Err(DecodeError::UnknownCritical));
    }
}
