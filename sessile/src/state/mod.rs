//! [`State`]: what a session holds, names and their JSON values.

mod listed;
mod packed;
mod pairs;

use std::{cmp::Ordering, fmt, mem, sync::Arc};

use serde::Deserialize;

use self::{
    listed::Listed,
    packed::{Packed, PackedList},
};
pub(crate) use self::{
    listed::{Entries, Entry, Part},
    pairs::{Pairs, deserialize},
};
use crate::{
    json::{self, JsonError, JsonText},
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
    content: Content,
    /// The bytes of all names and values, kept up to date so that a bound on them costs nothing.
    size: usize,
}

/// Names and values, in the order of the names.
#[derive(Clone)]
enum Content {
    /// `None` is as good as an empty list.
    Listed(Option<Arc<Listed>>),
    Packed(Packed),
}

impl State {
    /// What consists of `entries`, whose parts are in `text`, if they are in the order of their names and no
    /// name is there twice.
    pub(crate) fn from_sorted(text: &Arc<str>, entries: Entries) -> Option<Self> {
        let listed = Listed::new(Arc::clone(text), entries);
        let size = listed.size();
        listed.is_sorted().then(|| Self {
            content: Content::Listed(Some(Arc::new(listed))),
            size,
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
        self.view().map_or(0, View::len)
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
        self.text(name).map(json::parse).transpose()
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
        self.set(&name.into(), json::to_text(value)?);
        Ok(())
    }

    /// The names and the JSON text of their values, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.view().into_iter().flat_map(View::entries)
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let view = self.view()?;
        let index = view.find(name).ok()?;
        Some(view.value(index))
    }

    /// The same, for who keeps it.
    pub(crate) fn shared_text(&self, name: &str) -> Option<Text> {
        let view = self.view()?;
        let index = view.find(name).ok()?;
        Some(view.shared_value(index))
    }

    pub(crate) fn set(&mut self, name: &Arc<str>, text: JsonText) {
        self.size += name.len() + text.len();
        match self.find(name) {
            Ok(index) => {
                let replaced = self.listed(0).replace(index, text);
                self.size -= name.len() + replaced;
            }
            Err(index) => self.listed(1).insert(index, Arc::clone(name), text),
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<Text> {
        let index = self.find(name).ok()?;
        let removed = self.listed(0).remove(index);
        self.size -= name.len() + removed.len();
        Some(removed)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The content, unless there is nothing in it.
    fn view(&self) -> Option<View<'_>> {
        match &self.content {
            Content::Listed(listed) => listed.as_deref().map(View::Listed),
            Content::Packed(packed) => Some(View::Packed(packed.list())),
        }
    }

    /// Where the entry called `name` is, or would be.
    fn find(&self, name: &str) -> Result<usize, usize> {
        self.view().map_or(Err(0), |view| view.find(name))
    }

    /// The content as a list that nobody else has, and with room for `more`.
    fn listed(&mut self, more: usize) -> &mut Listed {
        let own = match &mut self.content {
            Content::Listed(None) => Some(Listed::default()),
            Content::Listed(Some(listed)) => {
                let is_shared = Arc::get_mut(listed).is_none();
                is_shared.then(|| listed.copied(more))
            }
            Content::Packed(packed) => Some(packed.listed(more)),
        };
        if let Some(own) = own {
            self.content = Content::Listed(Some(Arc::new(own)));
        }
        let Content::Listed(Some(listed)) = &mut self.content else {
            unreachable!("it is a list now, if it wasn't before");
        };
        // Nobody else has it, so nothing is copied here.
        Arc::make_mut(listed)
    }

    /// The same state in a single allocation.
    pub(crate) fn packed(&self) -> Self {
        let content = match &self.content {
            Content::Listed(Some(_)) if self.is_empty() => Some(Content::default()),
            Content::Listed(Some(listed)) => Packed::of(listed, self.size).map(Content::Packed),
            Content::Listed(None) | Content::Packed(_) => None,
        };
        Self {
            content: content.unwrap_or_else(|| self.content.clone()),
            size: self.size,
        }
    }

    /// Has the processor ask for a packed state's memory, and doesn't wait for it.
    pub(crate) fn prefetch(&self) {
        if let Content::Packed(packed) = &self.content {
            packed.prefetch();
        }
    }

    /// Roughly what it takes in memory once it is packed, in bytes.
    pub(crate) fn footprint(&self) -> usize {
        /// What counts the owners, and what the allocator keeps.
        const OVERHEAD: usize = 32;
        OVERHEAD + Packed::text_len(self.len(), self.size)
    }

    /// Appends the state as a JSON object to `out`.
    pub(crate) fn write_json(&self, out: &mut String) {
        out.push('{');
        let mut is_first = true;
        self.for_each(|name, text| {
            if !mem::take(&mut is_first) {
                out.push(',');
            }
            push_json_string(out, name);
            out.push(':');
            out.push_str(text);
        });
        out.push('}');
    }

    /// As `iter`, and in less time.
    fn for_each<'a>(&'a self, mut take: impl FnMut(&'a str, &'a str)) {
        match &self.content {
            Content::Listed(None) => {}
            Content::Listed(Some(listed)) => listed.for_each(take),
            Content::Packed(packed) => {
                let list = packed.list();
                (0..list.len()).for_each(|index| take(list.name(index), list.value(index)));
            }
        }
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

impl Default for Content {
    fn default() -> Self {
        Self::Listed(None)
    }
}

/// The content, whichever way it is kept.
#[derive(Clone, Copy)]
enum View<'a> {
    Listed(&'a Listed),
    Packed(PackedList<'a>),
}

impl<'a> View<'a> {
    fn len(self) -> usize {
        match self {
            Self::Listed(listed) => listed.len(),
            Self::Packed(list) => list.len(),
        }
    }

    fn name(self, index: usize) -> &'a str {
        match self {
            Self::Listed(listed) => listed.name(index),
            Self::Packed(list) => list.name(index),
        }
    }

    fn value(self, index: usize) -> &'a str {
        match self {
            Self::Listed(listed) => listed.value(index),
            Self::Packed(list) => list.value(index),
        }
    }

    /// The value of an entry, for who keeps it.
    fn shared_value(self, index: usize) -> Text {
        match self {
            Self::Listed(listed) => listed.shared_value(index),
            Self::Packed(list) => list.shared_value(index),
        }
    }

    fn entries(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        (0..self.len()).map(move |index| (self.name(index), self.value(index)))
    }

    /// Where the entry called `name` is, or would be.
    fn find(self, name: &str) -> Result<usize, usize> {
        match self {
            Self::Listed(listed) => find(name, listed.len(), |index| listed.name(index)),
            Self::Packed(list) => find(name, list.len(), |index| list.name(index)),
        }
    }
}

fn find<'a>(name: &str, len: usize, nth: impl Fn(usize) -> &'a str) -> Result<usize, usize> {
    let mut places = 0..len;
    while !places.is_empty() {
        let middle = places.start.midpoint(places.end);
        match nth(middle).cmp(name) {
            Ordering::Less => places.start = middle + 1,
            Ordering::Equal => return Ok(middle),
            Ordering::Greater => places.end = middle,
        }
    }
    Err(places.start)
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
mod tests {
    use super::*;

    fn state_of(entries: &[(&str, &str)]) -> State {
        let mut state = State::default();
        for (name, text) in entries {
            set(&mut state, name, text);
        }
        state
    }

    fn set(state: &mut State, name: &str, text: &str) {
        state.set(&name.into(), text.into());
    }

    #[test]
    fn json_round_trip_keeps_names_and_texts() {
        let state = state_of(&[("a\"b\\\n", "[1, 2]"), ("ключ", "\"ü\""), ("", "null")]);
        let mut json = String::new();
        state.write_json(&mut json);
        assert_eq!(State::from_json(&json), state);
    }

    fn shared(one: &State, other: &State) -> bool {
        match (&one.content, &other.content) {
            (Content::Listed(one), Content::Listed(other)) => {
                one.as_ref().map(Arc::as_ptr) == other.as_ref().map(Arc::as_ptr)
            }
            (Content::Packed(one), Content::Packed(other)) => one.is(other),
            _ => false,
        }
    }

    #[test]
    fn names_are_in_order_whatever_order_they_came_in() {
        let names: Vec<String> = (0..100).map(|n| (n * 37 % 100).to_string()).collect();
        let mut state = State::default();
        for name in &names {
            set(&mut state, name.as_str(), "1");
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
        set(&mut copy, "b", "2");
        assert!(!shared(&original, &copy));
        assert_eq!(original, state_of(&[("a", "1")]));
        assert_eq!(copy, state_of(&[("a", "1"), ("b", "2")]));
    }

    #[test]
    fn removing_what_is_not_there_copies_nothing() {
        let original = state_of(&[("a", "1")]);
        let mut copy = original.clone();
        assert!(copy.remove("b").is_none());
        assert!(shared(&original, &copy));
    }

    fn is_packed(state: &State) -> bool {
        matches!(state.content, Content::Packed(_))
    }

    #[test]
    fn a_packed_state_is_the_same_until_it_changes() {
        let mut state = State::from_json(r#"{"a":1,"b":{"c":"ü"},"":"","ü":null}"#);
        set(&mut state, "d", "\"new\"");
        let packed = state.packed();
        assert!(is_packed(&packed) && shared(&packed, &packed.packed()));
        assert_eq!(packed, state);
        assert_eq!(packed.size(), state.size());
        for name in ["a", "b", "", "ü", "d", "c"] {
            let shared = packed.shared_text(name);
            assert_eq!(shared.as_deref(), state.text(name), "{name}");
            assert_eq!(packed.text(name), state.text(name), "{name}");
        }

        let mut changed = packed.clone();
        assert!(changed.remove("c").is_none());
        assert!(is_packed(&changed));
        assert_eq!(changed.remove("b").as_deref(), state.text("b"));
        set(&mut changed, "a", "2");
        set(&mut changed, "c", "3");
        assert_eq!(
            changed,
            State::from_json(r#"{"a":2,"c":3,"d":"new","":"","ü":null}"#)
        );
        assert_eq!(packed, state);
    }

    #[test]
    fn nothing_needs_no_allocation_to_be_packed() {
        let mut state = state_of(&[("a", "1")]);
        state.remove("a");
        assert!(!is_packed(&state.packed()));
        assert_eq!(state.packed(), State::default());
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
