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

    /// `part`, which lies in `buffer` if it was read from there.
    pub(crate) fn part_of(buffer: &Arc<str>, part: &str) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(buffer.as_ptr().addr());
        let end = start.wrapping_add(part.len());
        if buffer.get(start..end) == Some(part) {
            Self::at(buffer, start..end)
        } else {
            part.into()
        }
    }

    /// Whether both are parts of the same buffer.
    pub(crate) fn is_beside(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.buffer, &other.buffer)
    }

    /// How much is kept for it and for all beside it, in bytes.
    pub(crate) fn buffer_len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether it is the very same string, not just one like it.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.is_beside(other) && (self.start, self.end) == (other.start, other.end)
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

impl<T: Into<Arc<str>>> From<T> for Text {
    fn from(text: T) -> Self {
        let buffer = text.into();
        Self {
            start: 0,
            end: buffer.len(),
            buffer,
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Text {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_from_a_buffer_stays_there() {
        let buffer: Arc<str> = "a bc".into();
        let part = Text::part_of(&buffer, &buffer[2..]);
        assert_eq!(&*part, "bc");
        assert!(Arc::ptr_eq(&part.buffer, &buffer));
        assert!(part.is(&part.clone()));
        assert!(!part.is(&Text::part_of(&buffer, &buffer[..1])));
    }

    #[test]
    fn what_comes_from_elsewhere_is_copied() {
        let buffer: Arc<str> = "a bc".into();
        for elsewhere in ["bc", "", "something longer than that"] {
            let elsewhere = elsewhere.to_owned();
            let copy = Text::part_of(&buffer, &elsewhere);
            assert_eq!(&*copy, elsewhere);
            assert!(!Arc::ptr_eq(&copy.buffer, &buffer));
            assert!(copy == Text::from(elsewhere.as_str()));
            assert!(!copy.is(&Text::from(elsewhere.as_str())));
        }
    }
}
