//! [`State`]: what a session holds, names and their JSON values.

mod object;

use std::{fmt, mem, ops::Range, sync::Arc};

use serde::Deserialize;
use smallvec::SmallVec;

pub(crate) use self::object::{Pairs, deserialize};
use crate::record::{
    SHARED,
    json::{self, JsonError, JsonText, Text},
};

/// What a session holds: names and their values, each value kept as JSON text.
///
/// Cloning is cheap: clones share their content until one of them changes. `Debug` shows names,
/// never values.
///
/// ```
/// use sessile::record::State;
///
/// let mut state = State::default();
/// state.insert("visits", &3)?;
///
/// assert_eq!(state.get::<u32>("visits")?, Some(3));
/// assert_eq!(state.get::<u32>("missing")?, None);
/// assert_eq!(format!("{state:?}"), r#"State {"visits"}"#);
/// # Ok::<(), sessile::error::JsonError>(())
/// ```
#[derive(Clone, Default)]
pub struct State {
    /// `None` is the same as an empty list.
    list: Option<Arc<List>>,
    /// The bytes of all names and values, kept up to date so that a bound on them costs nothing.
    byte_len: usize,
}

/// The names and values of a state. What was read from a text stays in that text.
#[derive(Clone, Default)]
struct List {
    text: Arc<str>,
    /// In the order of their names.
    entries: Entries,
}

/// Up to [`FEW`] entries, enough for most sessions, are in the same allocation as the reference count of the list.
pub(crate) type Entries = SmallVec<[Entry; FEW]>;

const FEW: usize = 4;

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
    /// The part of `text` at `place`, whose ends have to be character boundaries.
    #[inline]
    pub(crate) fn at(text: &str, place: Range<usize>) -> Self {
        Self::here(&place).unwrap_or_else(|| Self::Elsewhere(text[place].into()))
    }

    /// `None` if a position exceeds `u32`.
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
}

impl State {
    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many names it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.as_deref().map_or(0, |list| list.entries.len())
    }

    /// Whether it holds a value under `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// The length of all names and of their values' JSON text, in bytes. A bound on the size of a state
    /// counts this.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.byte_len
    }

    /// The value under `name`, if there is one.
    ///
    /// # Errors
    ///
    /// When the value is not a `T`.
    pub fn get<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Result<Option<T>, JsonError> {
        self.text(name).map(json::parse).transpose()
    }

    /// Puts `value` under `name` and replaces the previous value.
    ///
    /// # Errors
    ///
    /// When `value` has no JSON form; the state is then unchanged.
    pub fn insert<T: serde::Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), JsonError> {
        self.set(&name.into(), json::to_text(value)?);
        Ok(())
    }

    /// The names and the JSON text of their values, in the order of the names.
    #[inline]
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().flat_map(|list| list.iter())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.text_at(self.find(name))
    }

    /// The text of the value at a place that [`find`](Self::find) returned.
    pub(crate) fn text_at(&self, place: Result<usize, usize>) -> Option<&str> {
        let list = self.list.as_deref()?;
        Some(list.str(&list.entries[place.ok()?].value))
    }

    /// The same as a value that can be kept.
    pub(crate) fn shared_text(&self, name: &str) -> Option<Text> {
        let list = self.list.as_deref()?;
        let index = list.find(name).ok()?;
        Some(list.shared(&list.entries[index].value))
    }

    pub(crate) fn set(&mut self, name: &Arc<str>, text: JsonText) {
        self.set_at(self.find(name), name, text);
    }

    /// Puts `text` under `name` at the place that [`find`](Self::find) returned for it.
    pub(crate) fn set_at(&mut self, place: Result<usize, usize>, name: &Arc<str>, text: JsonText) {
        self.byte_len += name.len() + text.len();
        match place {
            Ok(index) => {
                let value = &mut self.list_mut(0).entries[index].value;
                let replaced = mem::replace(value, Part::Elsewhere(text));
                self.byte_len -= name.len() + replaced.len();
            }
            Err(index) => {
                let (name, value) = (Part::Elsewhere(Arc::clone(name)), Part::Elsewhere(text));
                let entries = &mut self.list_mut(1).entries;
                entries.insert(index, Entry { name, value });
            }
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Text> {
        let index = self.find(name).ok()?;
        let list = self.list_mut(0);
        let removed = list.entries.remove(index);
        let removed = list.shared(&removed.value);
        self.byte_len -= name.len() + removed.len();
        Some(removed)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Where the entry called `name` is, or would be: for several accesses in a row. The place is valid
    /// until the state changes.
    pub(crate) fn find(&self, name: &str) -> Result<usize, usize> {
        self.list.as_deref().map_or(Err(0), |list| list.find(name))
    }

    /// The list, not shared with another state, and with room for `more` entries.
    fn list_mut(&mut self, more: usize) -> &mut List {
        let list = self.list.get_or_insert_default();
        if Arc::get_mut(list).is_none() {
            let mut entries = Entries::with_capacity(list.entries.len() + more);
            entries.extend(list.entries.iter().cloned());
            let text = Arc::clone(&list.text);
            *list = Arc::new(List { text, entries });
        }
        // It is not shared, so nothing is copied here.
        Arc::make_mut(list)
    }

    /// The same state with its names and values in one text of their size, for stores that keep it in memory. A state
    /// that takes hardly more memory than that stays as it is.
    pub(crate) fn compacted(&self) -> Self {
        let list = self.list.as_ref().filter(|list| !list.entries.is_empty());
        Self {
            list: list.map(|list| match list.is_compact(self.byte_len) {
                true => Arc::clone(list),
                false => Arc::new(self.in_one_text()),
            }),
            byte_len: self.byte_len,
        }
    }

    fn in_one_text(&self) -> List {
        let mut text = String::with_capacity(self.byte_len);
        let mut entries = Entries::with_capacity(self.len());
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
        let text = text.into();
        List { text, entries }
    }

    /// About how many bytes of memory a [compacted](Self::compacted) state takes.
    pub(crate) fn footprint(&self) -> usize {
        let Some(list) = &self.list else {
            return 0;
        };
        let spilled = match list.entries.spilled() {
            true => list.entries.capacity() * size_of::<Entry>(),
            false => 0,
        };
        SHARED + size_of::<List>() + spilled + SHARED + self.byte_len
    }
}

impl List {
    #[inline]
    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.entries.iter();
        entries.map(|Entry { name, value }| (self.str(name), self.str(value)))
    }

    /// Where the entry called `name` is, or would be.
    fn find(&self, name: &str) -> Result<usize, usize> {
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

    /// Whether it takes hardly more memory than its [compacted](State::compacted) form. `byte_len` is the length of all
    /// names and values.
    fn is_compact(&self, byte_len: usize) -> bool {
        /// Enough for one short value that was replaced, as by most requests that write, and too little for another name.
        const MAX_WASTE: usize = 40;
        let elsewhere = |part: &Part| match part {
            Part::Here { .. } => 0,
            Part::Elsewhere(text) => SHARED + text.len(),
        };
        let entries = self.entries.iter();
        let elsewhere: usize = entries
            .map(|it| elsewhere(&it.name) + elsewhere(&it.value))
            .sum();
        self.text.len() + elsewhere <= byte_len + MAX_WASTE
            && self.entries.capacity() == self.entries.len().max(FEW)
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
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State ")?;
        let names = self.iter().map(|(name, _)| name);
        f.debug_set().entries(names).finish()
    }
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for State {}

#[cfg(test)]
impl State {
    pub(crate) fn from_json(text: &str) -> Self {
        deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap()
    }
}

#[cfg(test)]
mod tests;
