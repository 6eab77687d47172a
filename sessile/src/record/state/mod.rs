//! [`State`]: what a session holds, names and their JSON values.

mod listed;
mod pairs;

use std::{fmt, mem, sync::Arc};

use serde::Deserialize;

use self::listed::Listed;
pub(crate) use self::{
    listed::{Entries, Entry, Part, Text},
    pairs::{Pairs, deserialize},
};
use crate::record::json::{self, JsonError, JsonText, push_json_string};

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
    list: Option<Arc<Listed>>,
    /// The bytes of all names and values, kept up to date so that a bound on them costs nothing.
    byte_len: usize,
}

impl State {
    /// The state of `entries`, whose parts are in `text`, if they are in the order of their names and no
    /// name is there twice.
    pub(crate) fn from_sorted(text: &Arc<str>, entries: Entries) -> Option<Self> {
        let list = Listed::new(Arc::clone(text), entries);
        let byte_len = list.byte_len();
        list.is_sorted().then(|| Self {
            list: Some(Arc::new(list)),
            byte_len,
        })
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many names it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.list.as_deref().map_or(0, Listed::len)
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
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.list.iter().flat_map(|list| list.iter())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.text_at(self.find(name))
    }

    /// The text of the value at a place that [`find`](Self::find) returned.
    pub(crate) fn text_at(&self, place: Result<usize, usize>) -> Option<&str> {
        Some(self.list.as_deref()?.value(place.ok()?))
    }

    /// The same as a value that can be kept.
    pub(crate) fn shared_text(&self, name: &str) -> Option<Text> {
        let list = self.list.as_deref()?;
        let index = list.find(name).ok()?;
        Some(list.shared_value(index))
    }

    pub(crate) fn set(&mut self, name: &Arc<str>, text: JsonText) {
        self.set_at(self.find(name), name, text);
    }

    /// Puts `text` under `name` at the place that [`find`](Self::find) returned for it.
    pub(crate) fn set_at(&mut self, place: Result<usize, usize>, name: &Arc<str>, text: JsonText) {
        self.byte_len += name.len() + text.len();
        match place {
            Ok(index) => {
                let replaced = self.list_mut(0).replace(index, text);
                self.byte_len -= name.len() + replaced;
            }
            Err(index) => self.list_mut(1).insert(index, Arc::clone(name), text),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Text> {
        let index = self.find(name).ok()?;
        let removed = self.list_mut(0).remove(index);
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
    fn list_mut(&mut self, more: usize) -> &mut Listed {
        let list = self.list.get_or_insert_default();
        if Arc::get_mut(list).is_none() {
            *list = Arc::new(list.copied(more));
        }
        // It is not shared, so nothing is copied here.
        Arc::make_mut(list)
    }

    /// The same state with its names and values in one buffer of their size, for stores that keep it in memory. A state
    /// that takes hardly more memory than that stays as it is.
    pub(crate) fn compacted(&self) -> Self {
        let list = self.list.as_ref().filter(|list| list.len() > 0);
        Self {
            list: list.map(|list| match list.is_compact(self.byte_len) {
                true => Arc::clone(list),
                false => Arc::new(list.compacted(self.byte_len)),
            }),
            byte_len: self.byte_len,
        }
    }

    /// About how many bytes of memory a [compacted](Self::compacted) state takes.
    pub(crate) fn footprint(&self) -> usize {
        /// The reference counts of the buffer, and what the allocator adds to it.
        const BUFFER: usize = 24;
        match &self.list {
            Some(list) => list.footprint() + BUFFER + self.byte_len,
            None => 0,
        }
    }

    /// The length of the state as a JSON object. It is longer only where names have to be escaped.
    pub(crate) fn json_len(&self) -> usize {
        // Two quotes, a colon and a comma for each entry, and two braces.
        2 + self.byte_len + (4 * self.len()).saturating_sub(1)
    }

    /// Appends the state as a JSON object to `out`.
    pub(crate) fn write_json(&self, out: &mut String) {
        out.push('{');
        let mut is_first = true;
        for (name, text) in self.iter() {
            if !mem::take(&mut is_first) {
                out.push(',');
            }
            push_json_string(out, name);
            out.push(':');
            out.push_str(text);
        }
        out.push('}');
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
