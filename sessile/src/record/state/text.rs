//! [`Text`]: a string that may be a part of a larger one, shared with others.

use std::{
    fmt,
    ops::{Deref, Range},
    sync::Arc,
};

/// A string that costs nothing to clone, and may be a part of a larger one: the names and values of a
/// stored session stay where they were read, in one buffer for all.
#[derive(Clone)]
pub(crate) struct Text {
    buffer: Arc<str>,
    start: usize,
    end: usize,
}

impl Text {
    /// What stands there in `buffer`, which has to have a character's first byte at both ends.
    pub(crate) fn at(buffer: &Arc<str>, range: Range<usize>) -> Self {
        debug_assert!(buffer.get(range.clone()).is_some());
        Self {
            buffer: Arc::clone(buffer),
            start: range.start,
            end: range.end,
        }
    }

    /// Whether it is the very same string, not just one like it.
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

/// Shows nothing, since it may be a value.
impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Text(..)")
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_like_it_is_not_the_same() {
        let buffer: Arc<str> = "ab ab".into();
        let text = Text::at(&buffer, 0..2);
        assert!(text.is(&buffer[0..2]) && text.is(&text.clone()));
        for other in [&buffer[3..5], &buffer[0..1], "ab"] {
            assert!(!text.is(other));
        }
    }
}
