//! [`Listed`]: names and values as a list, as they are while a request may change them.

use std::{
    fmt, mem,
    ops::{Deref, Range},
    sync::Arc,
};

use smallvec::SmallVec;

/// What a state holds, as a list. What was read from a text stays in that text.
#[derive(Clone, Default)]
pub(super) struct Listed {
    text: Arc<str>,
    /// In the order of their names.
    entries: Entries,
}

/// As few as most sessions have are in one place with what counts the owners of the list.
pub(crate) type Entries = SmallVec<[Entry; FEW]>;

const FEW: usize = 4;

/// The bytes that a shared text or list takes beside its content: the reference counts, and what the allocator adds.
const OVERHEAD: usize = 24;

#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) name: Part,
    /// As JSON.
    pub(crate) value: Part,
}

/// A string that is a part of the text, or elsewhere.
#[derive(Clone)]
pub(crate) enum Part {
    Here { start: u32, end: u32 },
    Elsewhere(Arc<str>),
}

impl Part {
    /// What is there in `text`, which has to have a character's first byte at both ends.
    #[inline]
    pub(crate) fn at(text: &str, place: Range<usize>) -> Self {
        Self::here(&place).unwrap_or_else(|| Self::Elsewhere(text[place].into()))
    }

    /// Nothing if it is further away than such a place can tell.
    fn here(place: &Range<usize>) -> Option<Self> {
        Some(Self::Here {
            start: u32::try_from(place.start).ok()?,
            end: u32::try_from(place.end).ok()?,
        })
    }

    fn len(&self) -> usize {
        match self {
            Self::Here { start, end } => (end - start) as usize,
            Self::Elsewhere(text) => text.len(),
        }
    }

    /// `part`, which is in `text` if it was read from there.
    pub(super) fn of(text: &str, part: &str) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        let place = start..start.wrapping_add(part.len());
        if text.get(place.clone()) == Some(part) {
            Self::at(text, place)
        } else {
            Self::Elsewhere(part.into())
        }
    }
}

impl Listed {
    pub(super) fn new(text: Arc<str>, entries: Entries) -> Self {
        Self { text, entries }
    }

    /// With room for `more`.
    pub(super) fn copied(&self, more: usize) -> Self {
        let mut entries = Entries::with_capacity(self.entries.len() + more);
        entries.extend(self.entries.iter().cloned());
        Self::new(Arc::clone(&self.text), entries)
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Where the entry called `name` is, or would be.
    pub(super) fn find(&self, name: &str) -> Result<usize, usize> {
        // The order of texts is that of their bytes.
        let name = name.as_bytes();
        if self.entries.len() <= FEW {
            let mut entries = self.entries.iter();
            // Names of different lengths are told apart by these.
            if let Some(index) = entries.position(|entry| self.bytes(&entry.name) == name) {
                return Ok(index);
            }
        }
        self.entries
            .binary_search_by(|entry| self.bytes(&entry.name).cmp(name))
    }

    pub(super) fn value(&self, index: usize) -> &str {
        self.str(&self.entries[index].value)
    }

    /// The value of an entry, shared with the list.
    pub(super) fn shared_value(&self, index: usize) -> Text {
        self.shared(&self.entries[index].value)
    }

    /// The names and values, in the order of the names.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.entries.iter();
        entries.map(|Entry { name, value }| (self.str(name), self.str(value)))
    }

    /// Whether it takes hardly more memory than as [`compacted`](Self::compacted) makes it. `byte_len` is the length of
    /// all names and values.
    pub(super) fn is_compact(&self, byte_len: usize) -> bool {
        /// Enough for one short value that was replaced, as by most requests that write, and too little for another name.
        const MAX_WASTE: usize = 40;
        let elsewhere = |part: &Part| match part {
            Part::Here { .. } => 0,
            Part::Elsewhere(text) => OVERHEAD + text.len(),
        };
        let entries = self.entries.iter();
        let elsewhere: usize = entries
            .map(|it| elsewhere(&it.name) + elsewhere(&it.value))
            .sum();
        self.text.len() + elsewhere <= byte_len + MAX_WASTE
            && self.entries.capacity() == self.entries.len().max(FEW)
    }

    /// The same list with all names and values in one text of `byte_len` bytes.
    pub(super) fn compacted(&self, byte_len: usize) -> Self {
        let mut text = String::with_capacity(byte_len);
        let mut entries = Entries::with_capacity(self.entries.len());
        for (name, value) in self.iter() {
            let start = text.len();
            text.push_str(name);
            let middle = text.len();
            text.push_str(value);
            entries.push(Entry {
                name: Part::at(&text, start..middle),
                value: Part::at(&text, middle..text.len()),
            });
        }
        Self::new(text.into(), entries)
    }

    /// The bytes that the list itself takes in memory, without its text.
    pub(super) fn footprint(&self) -> usize {
        let spilled = match self.entries.spilled() {
            true => self.entries.capacity() * size_of::<Entry>(),
            false => 0,
        };
        OVERHEAD + size_of::<Self>() + spilled
    }

    /// Whether each name is less than the next.
    pub(super) fn is_sorted(&self) -> bool {
        let names = self.entries.iter().map(|entry| self.bytes(&entry.name));
        names.is_sorted_by(|one, next| one < next)
    }

    /// The bytes of all names and values.
    pub(super) fn byte_len(&self) -> usize {
        let entries = self.entries.iter();
        entries.map(|it| it.name.len() + it.value.len()).sum()
    }

    #[inline]
    fn str<'a>(&'a self, part: &'a Part) -> &'a str {
        match part {
            Part::Here { start, end } => &self.text[*start as usize..*end as usize],
            Part::Elsewhere(text) => text,
        }
    }

    /// The same as bytes, for which no boundaries of characters are looked up.
    #[inline]
    fn bytes<'a>(&'a self, part: &'a Part) -> &'a [u8] {
        match part {
            Part::Here { start, end } => &self.text.as_bytes()[*start as usize..*end as usize],
            Part::Elsewhere(text) => text.as_bytes(),
        }
    }

    fn shared(&self, part: &Part) -> Text {
        match part {
            Part::Here { start, end } => Text::at(&self.text, *start as usize..*end as usize),
            Part::Elsewhere(text) => Arc::clone(text).into(),
        }
    }

    /// Puts an entry at this place in the order.
    pub(super) fn insert(&mut self, index: usize, name: Arc<str>, value: Arc<str>) {
        let (name, value) = (Part::Elsewhere(name), Part::Elsewhere(value));
        self.entries.insert(index, Entry { name, value });
    }

    /// Puts another value in an entry, and returns how long the one before was.
    pub(super) fn replace(&mut self, index: usize, value: Arc<str>) -> usize {
        let place = &mut self.entries[index].value;
        mem::replace(place, Part::Elsewhere(value)).len()
    }

    /// Takes an entry out, and returns its value.
    pub(super) fn remove(&mut self, index: usize) -> Text {
        let removed = self.entries.remove(index);
        self.shared(&removed.value)
    }
}

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
mod tests;
