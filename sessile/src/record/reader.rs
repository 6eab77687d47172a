//! [`Reader`]: reads the common members of a record straight from their text.
//!
//! A general parser takes longer to read a record than everything else that the session of a request costs. A
//! record has one form: no spaces, members and names in a fixed order, and few escapes. [`Reader`] reads that
//! form. For any other it returns `None`, and the general parser reads the record.

use std::{ops::Range, sync::Arc};

use serde_json::{Deserializer, value::RawValue};

use super::{Epoch, Record, Secrets, text::FORM};
use crate::{
    clock::Timestamp,
    record::{
        SecretDigest, json,
        state::{Entries, Entry, Part, State},
    },
};

/// A position in a text.
pub(super) struct Reader<'a> {
    buffer: &'a Arc<str>,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(buffer: &'a Arc<str>) -> Self {
        Self { buffer, at: 0 }
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a str {
        &self.buffer[self.at..]
    }

    fn bytes(&self) -> &'a [u8] {
        &self.buffer.as_bytes()[self.at..]
    }

    fn expect(&mut self, expected: &str) -> Option<()> {
        self.bytes().strip_prefix(expected.as_bytes())?;
        self.at += expected.len();
        Some(())
    }

    /// The members of a record up to its state. The caller reads the rest.
    pub(super) fn record(&mut self) -> Option<Record> {
        self.expect(r#"{"v":"#)?;
        if self.number()? != FORM {
            return None;
        }
        self.expect(r#","c":"#)?;
        let created_at = self.time()?;
        self.expect(r#","u":"#)?;
        let used_at = self.time()?;
        self.expect(r#","x":"#)?;
        let ends_at = self.time()?;
        self.expect(r#","p":"#)?;
        let epoch = Epoch(self.number()?);
        let secrets = match self.expect(r#","k":"#) {
            Some(()) => {
                let digest = self.string()?;
                Some(Secrets::new(SecretDigest::decode(&self.buffer[digest])?))
            }
            None => None,
        };
        self.expect(r#","s":"#)?;
        Some(Record {
            state: self.state()?,
            created_at,
            used_at,
            ends_at,
            undated: false,
            epoch,
            secrets,
            details: None,
        })
    }

    fn time(&mut self) -> Option<Timestamp> {
        self.number().map(Timestamp::from_unix_millis)
    }

    pub(super) fn state(&mut self) -> Option<State> {
        self.expect("{")?;
        let mut entries = Entries::new();
        if self.expect("}").is_none() {
            loop {
                let name = self.string()?;
                self.expect(":")?;
                let value = self.value()?;
                entries.push(Entry {
                    name: Part::at(self.buffer, name),
                    value: Part::at(self.buffer, value),
                });
                if self.expect("}").is_some() {
                    break;
                }
                self.expect(",")?;
            }
        }
        State::from_sorted(self.buffer, entries)
    }

    /// A number that is not negative, has no leading zeros, and fits.
    fn number(&mut self) -> Option<u64> {
        /// A number with so many digits always fits.
        const FITTING: usize = 19;
        let (mut number, mut len) = (0_u64, 0);
        let bytes = self.bytes();
        for digit in bytes.iter().map(|byte| byte.wrapping_sub(b'0')) {
            if digit > 9 {
                break;
            }
            number = match len {
                ..FITTING => number * 10 + u64::from(digit),
                _ => number.checked_mul(10)?.checked_add(digit.into())?,
            };
            len += 1;
        }
        if len == 0 || (len > 1 && bytes[0] == b'0') {
            return None;
        }
        self.advance(len);
        Some(number)
    }

    fn digits(&mut self) -> Option<Range<usize>> {
        let rest = self.bytes();
        let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if len == 0 || (len > 1 && rest[0] == b'0') {
            return None;
        }
        Some(self.advance(len))
    }

    /// What is between the quotes of a string without escapes.
    fn string(&mut self) -> Option<Range<usize>> {
        self.expect("\"")?;
        let len = json::first_special(self.bytes())?;
        let inner = self.advance(len);
        self.expect("\"")?;
        Some(inner)
    }

    /// A value of any kind.
    fn value(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        self.plain_value().or_else(|| {
            self.at = start;
            self.any_value()
        })?;
        Some(start..self.at)
    }

    /// A value of the most common kinds: a string, an integer or a literal.
    fn plain_value(&mut self) -> Option<()> {
        match self.bytes().first()? {
            b'"' => self.string().map(drop),
            b't' => self.expect("true"),
            b'f' => self.expect("false"),
            b'n' => self.expect("null"),
            b'-' => {
                self.advance(1);
                self.whole_number()
            }
            _ => self.whole_number(),
        }
    }

    fn whole_number(&mut self) -> Option<()> {
        self.digits()?;
        matches!(self.bytes().first()?, b',' | b'}').then_some(())
    }

    fn any_value(&mut self) -> Option<()> {
        let rest = self.rest();
        if rest.starts_with([' ', '\t', '\n', '\r']) {
            return None;
        }
        let mut values = Deserializer::from_str(rest).into_iter::<&RawValue>();
        let value = values.next()?.ok()?;
        self.advance(value.get().len());
        Some(())
    }

    fn advance(&mut self, len: usize) -> Range<usize> {
        let start = self.at;
        self.at += len;
        start..self.at
    }
}

#[cfg(test)]
mod tests;
