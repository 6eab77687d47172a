//! [`Reader`]: reads what was written here, straight from its text.
//!
//! A general parser takes longer over a record than all else takes that is done for the session of a
//! request. It is good for text that may look any way; ours looks one way: without spaces, its members
//! in one order, the names in theirs, and hardly anything escaped. So that is read as it stands. Whoever
//! finds something else (`None`) asks the general parser, which knows what is wrong, if anything is.

use std::{ops::Range, sync::Arc};

use serde_json::{Deserializer, value::RawValue};

use super::{FORM, Record};
use crate::{
    clock::Timestamp,
    json,
    state::{Entries, Entry, Part, State},
};

/// A place in a text, and the way from there to its end.
pub(crate) struct Reader<'a> {
    buffer: &'a Arc<str>,
    at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(buffer: &'a Arc<str>) -> Self {
        Self { buffer, at: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        &self.buffer.as_bytes()[self.at..]
    }

    pub(crate) fn expect(&mut self, expected: &str) -> Option<()> {
        self.rest().strip_prefix(expected.as_bytes())?;
        self.at += expected.len();
        Some(())
    }

    pub(crate) fn end(&self) -> Option<()> {
        self.rest().is_empty().then_some(())
    }

    pub(crate) fn record(&mut self) -> Option<Record> {
        self.expect(r#"{"v":"#)?;
        if self.number()? != FORM {
            return None;
        }
        self.expect(r#","c":"#)?;
        let created_at = self.number()?;
        self.expect(r#","t":"#)?;
        let touched_at = self.number()?;
        self.expect(r#","s":"#)?;
        let state = self.state()?;
        self.expect("}")?;
        Some(Record {
            state,
            created_at: Timestamp::from_unix_millis(created_at),
            touched_at: Timestamp::from_unix_millis(touched_at),
            undated: false,
        })
    }

    fn state(&mut self) -> Option<State> {
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

    /// A number that isn't negative, has no leading zeros, and fits however its digits are.
    pub(crate) fn number(&mut self) -> Option<u64> {
        const LONGEST: usize = 19;
        let (mut number, mut len) = (0, 0);
        let rest = self.rest();
        for digit in rest.iter().map(|byte| byte.wrapping_sub(b'0')) {
            if digit > 9 || len == LONGEST {
                break;
            }
            number = number * 10 + u64::from(digit);
            len += 1;
        }
        let is_longer = rest.get(len).is_some_and(u8::is_ascii_digit);
        if len == 0 || is_longer || (len > 1 && rest[0] == b'0') {
            return None;
        }
        self.advance(len);
        Some(number)
    }

    fn digits(&mut self) -> Option<Range<usize>> {
        let rest = self.rest();
        let len = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if len == 0 || (len > 1 && rest[0] == b'0') {
            return None;
        }
        Some(self.advance(len))
    }

    /// What is between the quotes of a string that has nothing escaped in it.
    fn string(&mut self) -> Option<Range<usize>> {
        self.expect("\"")?;
        let len = json::first_special(self.rest())?;
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

    /// A value as most are: a string, a whole number or a word.
    fn plain_value(&mut self) -> Option<()> {
        match self.rest().first()? {
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
        matches!(self.rest().first()?, b',' | b'}').then_some(())
    }

    fn any_value(&mut self) -> Option<()> {
        let rest = &self.buffer[self.at..];
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
mod tests {
    use proptest::{collection::btree_map, prelude::*};
    use serde_json::{Map, Value};

    use super::*;
    use crate::record::Stored;

    fn straight(text: &str) -> Option<Record> {
        Record::decode_canonical(&text.into())
    }

    fn by_the_general_parser(text: &str) -> Option<Record> {
        let buffer = text.into();
        let stored: Stored<'_> = crate::json::parse(text).ok()?;
        stored.into_record(&buffer).ok()
    }

    #[test]
    fn what_was_written_here_is_read_straight() {
        for state in [
            r#"{}"#,
            r#"{"":""}"#,
            r#"{"a":0,"b":-1,"c":18446744073709551616,"d":true,"e":false,"f":null}"#,
            r#"{"a":[1, {"b": "}"}],"b":{"c":[]},"c":-0.5e-3,"d":1e999,"e":"\u00e9\"\\","ü":"ü"}"#,
        ] {
            let text = format!(r#"{{"v":2,"c":9999999999999999999,"t":0,"s":{state}}}"#);
            let record = straight(&text);
            assert!(record.is_some(), "{text}");
            assert_eq!(record, by_the_general_parser(&text));
        }
    }

    #[test]
    fn anything_else_is_left_to_the_general_parser() {
        for text in [
            r#"{"v":2,"c":1,"t":1,"s":{"b":1,"a":1}}"#,
            r#"{"v":2,"c":1,"t":1,"s":{"a":1,"a":2}}"#,
            r#"{"v":2,"c":1,"t":1,"s":{"\u0061":1}}"#,
            r#"{"v":2,"c":1,"t":1,"s":{"a": 1}}"#,
            r#"{"v":2,"c":1,"t":1,"s":{"a":1 }}"#,
            r#"{"v":2,"t":1,"c":1,"s":{}}"#,
            r#" {"v":2,"c":1,"t":1,"s":{}}"#,
            r#"{"v":2,"c":1,"t":1,"s":{}} "#,
            r#"{"v":2,"c":18446744073709551615,"t":1,"s":{}}"#,
        ] {
            assert_eq!(straight(text), None, "{text}");
            assert!(by_the_general_parser(text).is_some(), "{text}");
        }
    }

    #[test]
    fn what_is_no_record_is_never_read() {
        for state in [
            r#"{"a":01}"#,
            r#"{"a":-}"#,
            r#"{"a":1x}"#,
            r#"{"a":tru}"#,
            r#"{"a":}"#,
            r#"{"a":1,}"#,
            r#"{"a":"b}"#,
            r#"{"a":[1}"#,
            r#"{"a"}"#,
            "{\"a\":\"\n\"}",
            "{\"\u{1}\":1}",
            "{",
        ] {
            let text = format!(r#"{{"v":2,"c":1,"t":1,"s":{state}}}"#);
            assert_eq!(straight(&text), None, "{text}");
            assert_eq!(by_the_general_parser(&text), None, "{text}");
        }
        for text in [
            r#"{"v":2,"c":18446744073709551616,"t":1,"s":{}}"#,
            r#"{"v":3,"c":1,"t":1,"s":{}}"#,
            r#"{"v":2,"c":01,"t":1,"s":{}}"#,
            r#"{"v":2,"c":1,"t":1,"s":{}"#,
        ] {
            assert_eq!(straight(text), None, "{text}");
            assert_eq!(by_the_general_parser(text), None, "{text}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            ".{0,8}".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                btree_map(".{0,4}", inner, 0..4)
                    .prop_map(|members| Value::Object(Map::from_iter(members))),
            ]
        })
    }

    proptest! {
        /// Also after any one byte of it was changed, taken out or put in.
        #[test]
        fn both_read_the_same(
            values in btree_map(".{0,4}", value(), 0..5),
            times in any::<[u64; 2]>(),
            place in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let [created_at, touched_at] = times.map(Timestamp::from_unix_millis);
            let mut record = Record::new(created_at);
            record.touched_at = touched_at;
            for (name, value) in &values {
                record.state.insert(name, value).unwrap();
            }
            let text = record.encode();
            prop_assert_eq!(by_the_general_parser(&text), Some(record.clone()));
            prop_assert_eq!(Record::decode(text.as_bytes()), Ok(record));
            let place = place.index(text.len());
            for how in [&[byte][..], &[], &[byte, text.as_bytes()[place]]] {
                let mut bytes = text.clone().into_bytes();
                bytes.splice(place..=place, how.iter().copied());
                if let Ok(text) = String::from_utf8(bytes)
                    && let Some(record) = straight(&text)
                {
                    prop_assert_eq!(by_the_general_parser(&text), Some(record));
                }
            }
        }
    }
}
