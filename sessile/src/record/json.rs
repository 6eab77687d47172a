//! Values as JSON text: written once, parsed on access, with errors that quote no value.

mod nulls;

use std::{
    ops::{Deref, Range},
    sync::Arc,
};

use memchr::memchr2;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value, error::Category, value::RawValue};
use smallvec::SmallVec;

/// A value of a state, as JSON text.
pub(crate) type JsonText = Arc<str>;

/// A string that costs nothing to clone, and may be a part of a larger one: the names and values of a
/// stored session stay where they were read, in one buffer for all.
#[derive(Clone)]
pub(crate) struct Text {
    buffer: Arc<str>,
    start: usize,
    end: usize,
}

impl Text {
    /// The part of `buffer` at `range`, whose ends have to be character boundaries.
    pub(crate) fn at(buffer: &Arc<str>, range: Range<usize>) -> Self {
        debug_assert!(buffer.get(range.clone()).is_some());
        Self {
            buffer: Arc::clone(buffer),
            start: range.start,
            end: range.end,
        }
    }

    /// Whether both are the same string in memory, and not only equal.
    pub(crate) fn is(&self, other: &str) -> bool {
        std::ptr::eq(&raw const **self, other)
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.buffer[self.start..self.end]
    }
}

// The text may be a value.
crate::debug::opaque!(Text);

/// The whole of it.
impl From<Arc<str>> for Text {
    fn from(buffer: Arc<str>) -> Self {
        Self {
            start: 0,
            end: buffer.len(),
            buffer,
        }
    }
}

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
    /// The text is JSON, but not of the shape of the requested type.
    #[error("the JSON is of another shape than asked for (line {line}, column {column})")]
    Shape {
        /// The line, counted from 1.
        line: usize,
        /// The column in bytes, counted from 1.
        column: usize,
    },
    /// The text is JSON, and has a number beyond the range of the requested type, or is nested too deeply.
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
        // The common case: a number, a string or a boolean.
        if !text.starts_with(['[', '{', 'n']) {
            return outline;
        }
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
/// escaped, or it is no JSON. Eight bytes are read at a time, because most of a record is strings.
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
mod tests;
