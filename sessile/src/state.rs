//! [`State`]: what a session holds, names and their JSON values.

use std::{borrow::Cow, fmt, mem, sync::Arc};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;
use smallvec::SmallVec;

use crate::{
    json::{self, JsonError},
    text::Text,
};

/// What a session holds: names and their values, each value kept as JSON text.
///
/// Cloning is cheap: clones share their content until one of them changes. `Debug` shows names,
/// never values.
///
/// ```
/// use sessile::State;
///
/// let mut state = State::default();
/// state.insert("visits", &3)?;
///
/// assert_eq!(state.get::<u32>("visits")?, Some(3));
/// assert_eq!(state.get::<u32>("missing")?, None);
/// assert_eq!(format!("{state:?}"), r#"State {"visits"}"#);
/// # Ok::<(), sessile::JsonError>(())
/// ```
#[derive(Clone, Default)]
pub struct State {
    /// In the order of their names; `None` is as good as nothing in it.
    entries: Option<Arc<Entries>>,
    /// The bytes of all names and values, kept up to date so that a bound on them costs nothing.
    size: usize,
}

/// As few as most sessions have are in one place with what counts its owners.
pub(crate) type Entries = SmallVec<[Entry; FEW]>;

const FEW: usize = 4;

#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) name: Text,
    /// The value, as JSON.
    pub(crate) text: Text,
}

impl State {
    /// What consists of `entries`, if they are in the order of their names and no name is there twice.
    pub(crate) fn from_sorted(entries: Entries) -> Option<Self> {
        if entries.is_empty() {
            return Some(Self::default());
        }
        let is_sorted = entries.is_sorted_by(|one, next| *one.name < *next.name);
        let size = |entry: &Entry| entry.name.len() + entry.text.len();
        is_sorted.then(|| Self {
            size: entries.iter().map(size).sum(),
            entries: Some(Arc::new(entries)),
        })
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries().is_empty()
    }

    /// How many names it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether it holds a value under `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// Its size: the bytes of all names and of their values' JSON text. This is what a bound on the
    /// size of a state counts.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// The value under `name`, if there is one.
    ///
    /// # Errors
    ///
    /// When what is there is not a `T`.
    pub fn get<'a, T: Deserialize<'a>>(&'a self, name: &str) -> Result<Option<T>, JsonError> {
        self.text(name).map(|text| json::parse(text)).transpose()
    }

    /// Puts `value` under `name`, in place of what was there.
    ///
    /// # Errors
    ///
    /// When `value` has no JSON form; the state is then as it was.
    pub fn insert<T: serde::Serialize + ?Sized>(
        &mut self,
        name: &str,
        value: &T,
    ) -> Result<(), JsonError> {
        self.set(name.into(), json::to_text(value)?);
        Ok(())
    }

    /// The names and the JSON text of their values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let entries = self.entries().iter();
        entries.map(|entry| (&*entry.name, &*entry.text))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&Text> {
        let index = self.find(name).ok()?;
        Some(&self.entries()[index].text)
    }

    pub(crate) fn set(&mut self, name: Text, text: Text) {
        self.size += name.len() + text.len();
        match self.find(&name) {
            Ok(index) => {
                let replaced = mem::replace(&mut self.entries_mut(0)[index].text, text);
                self.size -= name.len() + replaced.len();
            }
            Err(index) => self.entries_mut(1).insert(index, Entry { name, text }),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Text> {
        let index = self.find(name).ok()?;
        let removed = self.entries_mut(0).remove(index).text;
        self.size -= name.len() + removed.len();
        Some(removed)
    }

    fn entries(&self) -> &[Entry] {
        self.entries.as_ref().map_or(&[], |entries| entries)
    }

    /// Where the entry called `name` is, or would be.
    fn find(&self, name: &str) -> Result<usize, usize> {
        self.entries()
            .binary_search_by(|entry| (*entry.name).cmp(name))
    }

    /// The entries, no longer shared with anybody, and with room for `more`.
    fn entries_mut(&mut self, more: usize) -> &mut Entries {
        let entries = self.entries.get_or_insert_default();
        if Arc::get_mut(entries).is_none() {
            let mut own = Entries::with_capacity(entries.len() + more);
            own.extend(entries.iter().cloned());
            *entries = Arc::new(own);
        }
        // Nobody else has it, so nothing is copied here.
        Arc::make_mut(entries)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The same state, with names and values one after the other in one buffer. For who keeps it for long:
    /// each buffer takes memory, and has to be waited for when it is next looked at.
    pub(crate) fn packed(&self) -> Self {
        if self.is_packed() {
            return self.clone();
        }
        let mut buffer = String::with_capacity(self.size);
        for (name, text) in self.iter() {
            buffer.extend([name, text]);
        }
        let buffer = Arc::<str>::from(buffer);
        let mut end = 0;
        let mut next = |part: &str| {
            let start = end;
            end += part.len();
            Text::at(&buffer, start..end)
        };
        let packed = |(name, text)| Entry {
            name: next(name),
            text: next(text),
        };
        Self {
            entries: Some(Arc::new(self.iter().map(packed).collect())),
            size: self.size,
        }
    }

    /// Roughly what it takes in memory once it is packed, in bytes.
    pub(crate) fn footprint(&self) -> usize {
        /// What counts the owners of the entries and of the buffer, and what the allocator keeps of both.
        const OVERHEAD: usize = 64;
        let entries = self.len().max(FEW) * mem::size_of::<Entry>();
        OVERHEAD + entries + self.size
    }

    /// Whether as good as all is in one buffer, with little else in there: one value may be elsewhere, since
    /// many a session changes the same one again and again.
    fn is_packed(&self) -> bool {
        let Some(Entry { name: first, .. }) = self.entries().first() else {
            return true;
        };
        let parts = self.entries().iter().flat_map(|it| [&it.name, &it.text]);
        let elsewhere = parts.filter(|part| !part.is_beside(first)).count();
        elsewhere <= 1 && first.buffer_len() <= 2 * self.size
    }

    /// Appends the state as a JSON object to `out`.
    pub(crate) fn write_json(&self, out: &mut String) {
        out.push('{');
        for (index, (name, text)) in self.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            push_json_string(out, name);
            out.push(':');
            out.push_str(text);
        }
        out.push('}');
    }
}

/// Appends `text` as a JSON string.
fn push_json_string(out: &mut String, text: &str) {
    if json::first_special(text.as_bytes()).is_none() {
        out.extend(["\"", text, "\""]);
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
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
        self.entries() == other.entries()
    }
}

impl Eq for State {}

/// The names and values of a state, as they stand in the JSON text of an object; only from text can they
/// be had, since values stay what they are there.
#[derive(Default)]
pub(crate) struct Pairs<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;

        impl<'de> Visitor<'de> for Collect {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of names and their values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Name(name), value)) = map.next_entry::<Name<'de>, &RawValue>()? {
                    pairs.push((name, value.get()));
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Collect)
    }
}

impl Pairs<'_> {
    /// The state; what was read from `buffer` stays there.
    pub(crate) fn into_state(self, buffer: &Arc<str>) -> State {
        let mut state = State::default();
        if !self.0.is_empty() {
            state.entries_mut(self.0.len());
        }
        for (name, text) in self.0 {
            state.set(Text::part_of(buffer, &name), Text::part_of(buffer, text));
        }
        state
    }
}

/// Reads a state from the JSON text of an object.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
    Pairs::deserialize(deserializer).map(|pairs| pairs.into_state(&Arc::default()))
}

#[cfg(test)]
impl State {
    pub(crate) fn from_json(text: &str) -> Self {
        deserialize(&mut serde_json::Deserializer::from_str(text)).unwrap()
    }
}

/// A name, borrowed from the input unless it is escaped there.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

#[cfg(test)]
mod tests {
    use super::*;

    fn state_of(entries: &[(&str, &str)]) -> State {
        let mut state = State::default();
        for (name, text) in entries {
            state.set((*name).into(), (*text).into());
        }
        state
    }

    #[test]
    fn json_round_trip_keeps_names_and_texts() {
        let state = state_of(&[("a\"b\\\n", "[1, 2]"), ("ключ", "\"ü\""), ("", "null")]);
        let mut json = String::new();
        state.write_json(&mut json);
        assert_eq!(State::from_json(&json), state);
    }

    fn shared(one: &State, other: &State) -> bool {
        std::ptr::eq(one.entries(), other.entries())
    }

    #[test]
    fn names_are_in_order_whatever_order_they_came_in() {
        let names: Vec<String> = (0..100).map(|n| (n * 37 % 100).to_string()).collect();
        let mut state = State::default();
        for name in &names {
            state.set(name.as_str().into(), "1".into());
        }
        let mut sorted = names.clone();
        sorted.sort();
        assert!(state.iter().map(|(name, _)| name).eq(&sorted));
        for (left, name) in names.iter().enumerate().rev() {
            assert!(state.remove(name).is_some());
            assert_eq!(state.len(), left);
        }
        assert_eq!(state, State::default());
    }

    #[test]
    fn clones_share_until_one_changes() {
        let original = state_of(&[("a", "1")]);
        let mut copy = original.clone();
        assert!(shared(&original, &copy));
        copy.set("b".into(), "2".into());
        assert!(!shared(&original, &copy));
        assert_eq!(original, state_of(&[("a", "1")]));
        assert_eq!(copy, state_of(&[("a", "1"), ("b", "2")]));
    }

    #[test]
    fn removing_what_is_not_there_copies_nothing() {
        let original = state_of(&[("a", "1")]);
        let mut copy = original.clone();
        assert_eq!(copy.remove("b"), None);
        assert!(shared(&original, &copy));
    }

    #[test]
    fn a_packed_state_is_the_same_in_one_place() {
        for state in [
            state_of(&[("b", "[1]"), ("a", "\"ü\""), ("ü", "{}")]),
            state_of(&[("", "null"), ("a", "")]),
            State::from_json(r#"{"a":1,"b":{"c":"ü"}}"#),
        ] {
            let packed = state.packed();
            assert_eq!(packed, state);
            assert_eq!(packed.size(), state.size());
            let first = &packed.entries()[0].name;
            assert!(packed.entries().iter().all(|it| it.text.is_beside(first)));
            // There is nothing left to do.
            assert!(shared(&packed, &packed.packed()));
        }
    }

    #[test]
    fn one_value_may_be_elsewhere_and_no_more() {
        let mut state = state_of(&[("a", "1"), ("b", "2"), ("c", "3")]).packed();
        for number in ["10", "11"] {
            state.set("b".into(), number.into());
            assert!(shared(&state, &state.packed()));
        }
        let mut two_values = state.clone();
        two_values.set("c".into(), "4".into());
        let mut another_name = state.clone();
        another_name.set("d".into(), "4".into());
        for state in [two_values, another_name] {
            assert!(!shared(&state, &state.packed()));
            assert_eq!(state.packed(), state);
        }
    }

    #[test]
    fn packing_lets_go_of_what_is_not_held_any_more() {
        let mut state = state_of(&[("a", "1"), ("b", "\"something long\"")]).packed();
        state.remove("b");
        let packed = state.packed();
        assert!(!shared(&packed, &state));
        assert_eq!(packed, state_of(&[("a", "1")]));
    }

    #[test]
    fn size_counts_names_and_texts() {
        assert_eq!(State::default().size(), 0);
        let mut state = state_of(&[("ab", "123"), ("c", "\"x\""), ("ab", "1"), ("d", "")]);
        assert_eq!(state.size(), 2 + 1 + 1 + 3 + 1);
        assert_eq!(State::from_json(r#"{"ab":1,"ab":12}"#).size(), 4);
        state.remove("ab");
        state.remove("missing");
        assert_eq!(state.size(), 5);
        state.clear();
        assert_eq!(state.size(), 0);
    }

    #[test]
    fn debug_shows_no_values() {
        let debug = format!("{:?}", state_of(&[("card", "\"4111\"")]));
        assert!(debug.contains("card") && !debug.contains("4111"));
    }
}
