//! Values as JSON text: written once, parsed on access, with errors that quote no value.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, error::Category};
use smallvec::SmallVec;

/// A value of a state, as JSON text.
pub(crate) type JsonText = Arc<str>;

/// Why a value could not be turned into JSON text, or JSON text into a value.
///
/// It has the kind of the problem and its position, and nothing of the text. The errors of `serde_json` can
/// quote the value, and values of a session must not be logged.
///
/// ```
/// use sessile::{JsonError, State};
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
    /// The value has no JSON form, a map with keys that are not strings for example.
    #[error("the value has no JSON form")]
    Unserializable,
    /// The text is JSON, of another shape than the type that was asked for.
    #[error("the JSON is of another shape than asked for (line {line}, column {column})")]
    Shape {
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

/// The JSON text of `value`.
pub(crate) fn to_text<T: Serialize + ?Sized>(value: &T) -> Result<JsonText, JsonError> {
    // On the stack, since most values are short, and where it stays is an allocation of its own anyway.
    let mut json = SmallVec::<[u8; 128]>::new();
    serde_json::to_writer(&mut json, value).map_err(|_| JsonError::Unserializable)?;
    let text = str::from_utf8(&json).map_err(|_| JsonError::Unserializable)?;
    Ok(text.into())
}

/// The `T` that `text` describes.
pub(crate) fn parse<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, JsonError> {
    serde_json::from_str(text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        match error.classify() {
            Category::Data => JsonError::Shape { line, column },
            Category::Syntax | Category::Eof | Category::Io => JsonError::Syntax { line, column },
        }
    })
}

/// The [`Value`] that `text` describes.
///
/// Two kinds of text are valid JSON and yet more than a [`Value`] can hold: nesting deeper than
/// `serde_json`'s limit of 128, and numbers like `1e999`. Those come back as a string with the text
/// itself, so that nothing is lost and nothing panics.
pub(crate) fn value_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
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
        for text in [deep.as_str(), "1e999"] {
            assert_eq!(value_of(text), Value::String(text.to_owned()));
        }
        assert_eq!(value_of("[1]"), Value::from(vec![1]));
    }
}
