//! Values as JSON text: written once, parsed when somebody asks, with errors that keep secrets.

use serde::{Deserialize, Serialize};
use serde_json::{Value, error::Category};
use smallvec::SmallVec;

use crate::text::Text;

/// A value of a state, as JSON text.
pub(crate) type JsonText = Text;

/// Why a value could not be turned into JSON text, or JSON text into a value.
///
/// It tells the kind of the problem and where it stands, and nothing of the text: what
/// `serde_json` itself would report can quote the value, and values of a session are nobody's
/// business in a log.
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

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
