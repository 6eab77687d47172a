//! A state as the JSON text of an object: reading and writing.

use std::{borrow::Cow, fmt, mem, sync::Arc};

use serde::{
    Deserialize,
    de::{Deserializer, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use super::{Entries, Entry, List, Part, State};
use crate::record::json::push_json_string;

impl State {
    /// The state of `entries`, whose parts are in `text`, if they are in the order of their names and no
    /// name is there twice.
    pub(crate) fn from_sorted(text: &Arc<str>, entries: Entries) -> Option<Self> {
        let text = Arc::clone(text);
        let list = List { text, entries };
        let names = list.entries.iter().map(|entry| list.bytes(&entry.name));
        if !names.is_sorted_by(|one, next| one < next) {
            return None;
        }
        let lengths = list.entries.iter().map(|it| it.name.len() + it.value.len());
        Some(Self {
            byte_len: lengths.sum(),
            list: Some(Arc::new(list)),
        })
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

/// The names and values of a state, as they stand in the JSON text of an object. They are read from text only, because
/// the values stay slices of it.
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

impl<'a> Pairs<'a> {
    /// The names and the JSON text of their values, in the order of the text.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.0.iter().map(|(name, value)| (&**name, *value))
    }

    /// The state; what was read from `text` stays there. Of several values of one name the last counts.
    pub(crate) fn into_state(self, text: &Arc<str>) -> State {
        let Self(mut pairs) = self;
        // Those of one name stay in their order, so the last one comes first now.
        pairs.reverse();
        pairs.sort_by(|(one, _), (other, _)| one.cmp(other));
        pairs.dedup_by(|(next, _), (kept, _)| next == kept);
        let entries = pairs.iter().map(|(name, value)| Entry {
            name: Part::of(text, name),
            value: Part::of(text, value),
        });
        match State::from_sorted(text, entries.collect()) {
            Some(state) => state,
            None => unreachable!("they were sorted just now"),
        }
    }
}

/// Reads a state from the JSON text of an object.
pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<State, D::Error> {
    Pairs::deserialize(deserializer).map(|pairs| pairs.into_state(&Arc::default()))
}

/// A name, borrowed from the input unless it is escaped there.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Part {
    /// `part`, which is in `text` if it was read from there.
    fn of(text: &str, part: &str) -> Self {
        let start = part.as_ptr().addr().wrapping_sub(text.as_ptr().addr());
        let place = start..start.wrapping_add(part.len());
        if text.get(place.clone()) == Some(part) {
            Self::at(text, place)
        } else {
            Self::Elsewhere(part.into())
        }
    }
}

#[cfg(test)]
mod tests;
