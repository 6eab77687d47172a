//! Values as JSON text: written once, parsed on access, with errors that quote no value.

mod nulls;

use std::sync::Arc;

use memchr::memchr2;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, error::Category, value::RawValue};
use smallvec::SmallVec;

/// A value of a state, as JSON text.
pub(crate) type JsonText = Arc<str>;

/// Why a value could not be turned into JSON text, or JSON text into a value.
///
/// It has the kind of the problem and its position, and nothing of the text. The errors of `serde_json` can
/// quote the value, and values of a session must not be logged.
///
/// ```
/// use sessile::{error::JsonError, record::State};
///
/// let mut state = State::default();
/// state.insert("card", "4111 1111")?;
/// let error = state.get::<u32>("card").unwrap_err();
///
/// assert_eq!(error.to_string(), "the JSON is of another shape than asked for (line 1, column 11)");
/// # Ok::<(), JsonError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// The value has no JSON form from which it can be read back: for example a map whose keys are not strings, a
    /// number that is not finite, or a `Some(None)`.
    #[error("the value has no JSON form")]
    Unserializable,
    /// The value is nested too deeply to be read back.
    #[error("the value is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// The text is JSON, of another shape than the type that was asked for.
    #[error("the JSON is of another shape than asked for (line {line}, column {column})")]
    Shape {
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
    },
    /// The text is JSON, and has a number beyond the range of the type that was asked for, or is nested too deeply.
    #[error("the JSON has a number or a nesting that can't be read (line {line}, column {column})")]
    OutOfRange {
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
    },
    /// The text is not JSON.
    #[error("the text is not JSON (line {line}, column {column})")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
    },
}

/// How deeply arrays and objects may be nested, so that `serde_json` reads them back.
pub(crate) const MAX_DEPTH: usize = 127;

/// The JSON text of `value`, from which it can be read back.
pub(crate) fn to_text<T: Serialize + ?Sized>(value: &T) -> Result<JsonText, JsonError> {
    // On the stack, since most values are short, and where it stays is an allocation of its own anyway.
    let mut json = SmallVec::<[u8; 128]>::new();
    serde_json::to_writer(&mut json, value).map_err(|_| JsonError::Unserializable)?;
    let text = str::from_utf8(&json).map_err(|_| JsonError::Unserializable)?;
    let outline = Outline::of(text);
    if outline.has_null && nulls::has_lossy_null(value) {
        return Err(JsonError::Unserializable);
    }
    match outline.depth > MAX_DEPTH {
        true => Err(JsonError::TooDeep),
        false => Ok(text.into()),
    }
}

/// The properties of a JSON text that decide whether its value can be read back.
#[derive(Default)]
struct Outline {
    has_null: bool,
    /// How deeply arrays and objects are nested.
    depth: usize,
}

impl Outline {
    /// The outline of `text`, which is JSON.
    fn of(text: &str) -> Self {
        let mut outline = Self::default();
        let mut depth = 0;
        for (_, byte) in outside_strings(text) {
            match byte {
                b'[' | b'{' => {
                    depth += 1;
                    outline.depth = outline.depth.max(depth);
                }
                b']' | b'}' => depth -= 1,
                // Neither `true` nor `false` nor a number has this letter.
                b'n' => outline.has_null = true,
                _ => {}
            }
        }
        outline
    }
}

/// The bytes of `text`, which is JSON, that are outside of strings, with their positions.
fn outside_strings(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while *bytes.get(at)? == b'"' {
            at = end_of_string(bytes, at + 1);
        }
        at += 1;
        Some((at - 1, bytes[at - 1]))
    })
}

/// The position behind the closing quote of the string whose content begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(next) = memchr2(b'"', b'\\', &bytes[at..]) {
        at += next + 1;
        if bytes[at - 1] == b'"' {
            return at;
        }
        // The escaped character.
        at += 1;
    }
    bytes.len()
}

/// The `T` that `text` describes.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, JsonError> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Data => JsonError::Shape { line, column },
            // The text is JSON as a whole.
            _ if serde_json::from_str::<&RawValue>(text).is_ok() => {
                JsonError::OutOfRange { line, column }
            }
            Category::Syntax | Category::Eof | Category::Io => JsonError::Syntax { line, column },
        }
    })
}

/// The [`Value`] that `text` describes.
///
/// A [`Value`] can't hold all JSON: not nesting that is too deep, a number like `1e999`, or an integer of more than 64
/// bits. Such text comes back as a string that contains it, so that nothing is lost.
pub(crate) fn value_of(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(value) if !has_inexact_integer(text) => value,
        _ => Value::String(text.to_owned()),
    }
}

/// Whether `text`, which is JSON, has an integer that a [`Number`] does not hold exactly.
fn has_inexact_integer(text: &str) -> bool {
    /// The digits of the smallest integer that has more than 64 bits.
    const DIGITS: usize = 19;
    if text.len() < DIGITS {
        return false;
    }
    let is_in_number = |byte: u8| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
    let is_inexact = |number: &str| {
        number.len() >= DIGITS
            && !number.contains(['.', 'e', 'E'])
            && serde_json::from_str::<Number>(number).is_ok_and(|read| read.to_string() != number)
    };
    let mut start = None;
    for (at, byte) in outside_strings(text).chain([(text.len(), b' ')]) {
        // `true` and `false` have an `e`: that is no number, and has no digits.
        if is_in_number(byte) {
            start.get_or_insert(at);
        } else if start.take().is_some_and(|from| is_inexact(&text[from..at])) {
            return true;
        }
    }
    false
}

/// Where the first byte is that doesn't stand for itself in a string: it ends there, or something is
/// escaped, or it is no JSON. By the word, since strings are most of what there is to read.
pub(crate) fn first_special(bytes: &[u8]) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (word, at) in words.iter().zip((0..).step_by(8)) {
        let special = specials(u64::from_le_bytes(*word));
        if special != 0 {
            return Some(at + special.trailing_zeros() as usize / 8);
        }
    }
    let is_special = |byte: &u8| matches!(byte, ..b' ' | b'"' | b'\\');
    let at = rest.iter().position(is_special)?;
    Some(bytes.len() - rest.len() + at)
}

/// Has the highest bit of each byte set that is special, up to the first one. (Behind it a borrow may set
/// others.)
const fn specials(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGHEST: u64 = ONES << 7;
    /// Those that are less than `limit`, which is 128 at most.
    const fn less(word: u64, limit: u8) -> u64 {
        word.wrapping_sub(ONES * limit as u64) & !word & HIGHEST
    }
    let quotes = less(word ^ (ONES * b'"' as u64), 1);
    let backslashes = less(word ^ (ONES * b'\\' as u64), 1);
    less(word, b' ') | quotes | backslashes
}

/// Appends `text` as a JSON string.
pub(crate) fn push_json_string(out: &mut String, text: &str) {
    if first_special(text.as_bytes()).is_none() {
        out.extend(["\"", text, "\""]);
    } else {
        out.push_str(&Value::from(text).to_string());
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn the_first_special_byte_is_found_wherever_it_is() {
        let is_special = |byte: u8| byte < b' ' || byte == b'"' || byte == b'\\';
        for len in 0..20 {
            for at in 0..len {
                for (byte, behind) in (0..=u8::MAX).zip([b'a', b'"', 0, b'!', 0xff].iter().cycle())
                {
                    let mut bytes = vec![b'#'; len];
                    bytes[at..].fill(*behind);
                    bytes[at] = byte;
                    let expected = bytes.iter().position(|&byte| is_special(byte));
                    assert_eq!(first_special(&bytes), expected, "{bytes:?}");
                }
            }
        }
    }

    #[test]
    fn errors_tell_kind_and_place() {
        assert_eq!(
            parse::<u32>("\"x\""),
            Err(JsonError::Shape { line: 1, column: 3 })
        );
        assert_eq!(
            parse::<u32>("1x"),
            Err(JsonError::Syntax { line: 1, column: 2 })
        );
        assert_eq!(
            to_text(&HashMap::from([(vec![1], 1)])),
            Err(JsonError::Unserializable)
        );
    }

    #[test]
    fn what_no_value_can_hold_comes_back_as_its_text() {
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        let large = u128::MAX.to_string();
        let nested = format!(r#"{{"a":[1,-{large}]}}"#);
        for text in [&deep, "1e+999", "18446744073709551616", &large, &nested] {
            let shown = match value_of(text) {
                Value::String(shown) => shown,
                // With `arbitrary_precision`, a value holds every number.
                exact => exact.to_string(),
            };
            assert_eq!(shown, text);
        }
        assert_eq!(value_of("[1]"), Value::from(vec![1]));
        assert_eq!(value_of("18446744073709551615"), Value::from(u64::MAX));
        assert_eq!(value_of("-9223372036854775808"), Value::from(i64::MIN));
        let quoted = format!(r#"["{large}", "\"{large}"]"#);
        assert_eq!(value_of(&quoted)[0], Value::from(large));
        assert!(value_of("[0.30000000000000000000004, 1.5]").is_array());
    }

    fn nested(depth: usize) -> Value {
        (0..depth).fold(Value::from(1), |inner, _| Value::from(vec![inner]))
    }

    #[test]
    fn nesting_that_is_too_deep_to_be_read_back_is_refused() {
        let deepest = to_text(&nested(MAX_DEPTH)).unwrap();
        assert_eq!(parse::<Value>(&deepest), Ok(nested(MAX_DEPTH)));
        assert_eq!(to_text(&nested(MAX_DEPTH + 1)), Err(JsonError::TooDeep));
        let objects =
            (0..=MAX_DEPTH).fold(Value::Null, |inner, _| serde_json::json!({ "a\"]": inner }));
        assert_eq!(to_text(&objects), Err(JsonError::TooDeep));
        // Brackets in a string are no levels, and neighbours are no nesting.
        let flat = (vec!["[{\\\"[".repeat(100); 3], vec![[0; 1]; 300]);
        let text = to_text(&flat).unwrap();
        assert_eq!(parse(&text), Ok(flat));
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Shape<T> {
        Unit,
        Newtype(T),
        Tuple(T, u8),
        Struct { part: T },
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Unit;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Wrapped<T>(T);

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Pair<T>(T, T);

    /// `value` is refused wherever it is.
    fn assert_refused<T: Serialize + Clone>(value: T) {
        fn refused(value: &impl Serialize) {
            assert_eq!(to_text(value), Err(JsonError::Unserializable));
        }
        refused(&value);
        refused(&vec![value.clone()]);
        refused(&(1, value.clone()));
        refused(&HashMap::from([("a", value.clone())]));
        refused(&Some(Wrapped(value.clone())));
        refused(&Pair(value.clone(), value.clone()));
        refused(&Shape::Newtype(value.clone()));
        refused(&Shape::Tuple(value.clone(), 1));
        refused(&Shape::Struct { part: value });
    }

    #[test]
    fn a_value_that_would_be_read_back_as_another_is_refused() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_refused(number);
            assert_refused(number as f32);
        }
        assert_refused(Some(None::<u8>));
        assert_refused(Some(()));
    }

    #[track_caller]
    fn assert_read_back<T>(value: T)
    where
        T: Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        let text = to_text(&value).unwrap();
        assert_eq!(parse::<T>(&text).as_ref(), Ok(&value), "{text}");
    }

    #[test]
    fn a_null_that_loses_nothing_is_read_back() {
        assert_read_back(());
        assert_read_back(Unit);
        assert_read_back(None::<u8>);
        assert_read_back(vec![Some(1), None]);
        assert_read_back([Shape::Newtype(None), Shape::Newtype(Some(1)), Shape::Unit]);
        assert_read_back(Shape::Tuple((), 1));
        assert_read_back(Shape::Struct {
            part: Wrapped(None::<u8>),
        });
        assert_read_back(Some("null".to_owned()));
        assert_read_back(serde_json::json!({"a": null, "b": [null, true, 1.5, "x"]}));
    }

    #[test]
    fn numbers_are_read_back_exactly() {
        for number in [
            1.577777777777001,
            0.1,
            -0.0,
            f64::MAX,
            f64::MIN_POSITIVE,
            5e-324,
            1e23,
        ] {
            assert_read_back(number);
            if (number as f32).is_finite() {
                assert_read_back(number as f32);
            }
            let value = value_of(&to_text(&number).unwrap());
            assert_eq!(value.as_f64().map(f64::to_bits), Some(number.to_bits()));
        }
        assert_read_back((u128::MAX, i128::MIN, u64::MAX, i64::MIN));
    }

    proptest::proptest! {
        #[test]
        fn every_finite_number_is_read_back_exactly(number: f64, small: f32) {
            let text = to_text(&(number, small)).unwrap();
            let (read, read_small): (f64, f32) = parse(&text).unwrap();
            assert_eq!((read.to_bits(), read_small.to_bits()), (number.to_bits(), small.to_bits()));
        }
    }

    #[test]
    fn a_number_out_of_range_is_reported_as_such() {
        let out_of_range = |column| JsonError::OutOfRange { line: 1, column };
        assert_eq!(parse::<f64>("1e400"), Err(out_of_range(5)));
        assert_eq!(parse::<Vec<f64>>("[1,-1e400]"), Err(out_of_range(9)));
        assert!(matches!(
            parse::<u64>(&u128::MAX.to_string()),
            Err(JsonError::Shape { .. })
        ));
        assert!(matches!(
            parse::<f64>("1e400x"),
            Err(JsonError::Syntax { .. })
        ));
    }
}
