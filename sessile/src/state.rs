//! [`State`]: what a session holds, names and their JSON values.

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::json::{self, JsonError, JsonText};

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
#[derive(Clone, Default, PartialEq, Eq)]
pub struct State {
    entries: Arc<BTreeMap<Arc<str>, JsonText>>,
    /// The bytes of all names and values, kept up to date so that a bound on them costs nothing.
    size: usize,
}

impl State {
    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many names it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it holds a value under `name`.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.entries.contains_key(name)
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
        self.entries.iter().map(|(name, text)| (&**name, &**text))
    }

    pub(crate) fn text(&self, name: &str) -> Option<&JsonText> {
        self.entries.get(name)
    }

    pub(crate) fn set(&mut self, name: Arc<str>, text: JsonText) {
        self.size += name.len() + text.len();
        let name_len = name.len();
        if let Some(replaced) = Arc::make_mut(&mut self.entries).insert(name, text) {
            self.size -= name_len + replaced.len();
        }
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<JsonText> {
        if !self.contains(name) {
            return None;
        }
        let removed = Arc::make_mut(&mut self.entries).remove(name)?;
        self.size -= name.len() + removed.len();
        Some(removed)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
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
    let plain = text
        .bytes()
        .all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\');
    if plain {
        out.extend(["\"", text, "\""]);
    } else {
        out.push_str(&serde_json::Value::from(text).to_string());
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("State ")?;
        f.debug_set().entries(self.entries.keys()).finish()
    }
}

/// Reads a state from the JSON text of an object; only from text, since values stay what they are
/// there.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
    struct Entries;

    impl<'de> Visitor<'de> for Entries {
        type Value = State;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of names and their values")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<State, A::Error> {
            let mut state = State::default();
            while let Some((Name(name), text)) = map.next_entry::<Name<'de>, &RawValue>()? {
                state.set(name.into(), text.get().into());
            }
            Ok(state)
        }
    }

    deserializer.deserialize_map(Entries)
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

    #[test]
    fn clones_share_until_one_changes() {
        let original = state_of(&[("a", "1")]);
        let mut copy = original.clone();
        assert!(Arc::ptr_eq(&original.entries, &copy.entries));
        copy.set("b".into(), "2".into());
        assert_eq!(original, state_of(&[("a", "1")]));
        assert_eq!(copy, state_of(&[("a", "1"), ("b", "2")]));
    }

    #[test]
    fn removing_what_is_not_there_copies_nothing() {
        let original = state_of(&[("a", "1")]);
        let mut copy = original.clone();
        assert_eq!(copy.remove("b"), None);
        assert!(Arc::ptr_eq(&original.entries, &copy.entries));
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
