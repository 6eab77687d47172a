//! [`Packed`]: names and values in one text, with a list of where they are at its end.

use std::{hint, ops::Range, sync::Arc};

use smallvec::SmallVec;

use super::listed::{Entries, Entry, Listed, Part};
use crate::text::Text;

/// What a state holds in a single allocation, for who keeps it for long: each allocation takes memory,
/// and has to be waited for when it is next looked at.
///
/// Names and values follow each other, in the order of the names. Behind them is a list of numbers: for each
/// entry where its name ends and where its value ends, and then how many entries there are. A number has four
/// digits of seven bits, each of which is a character: a text has nothing else in it.
#[derive(Clone)]
pub(super) struct Packed(Arc<str>);

const DIGITS: usize = 4;
const BITS: usize = 7;

/// The bytes of a number, the last digit first.
type Number = [u8; DIGITS];

/// A text on its way to where it stays: on the stack, as most states are small.
type Bytes = SmallVec<[u8; 512]>;

impl Packed {
    /// The same as `listed`, of this size. Nothing if that is larger than a number can tell.
    pub(super) fn of(listed: &Listed, size: usize) -> Option<Self> {
        let count = listed.len();
        if count.max(size) >> (DIGITS * BITS) > 0 {
            return None;
        }
        let mut text = Bytes::with_capacity(Self::text_len(count, size));
        let mut ends = SmallVec::<[[Number; 2]; 8]>::with_capacity(count);
        listed.for_each(|name, value| {
            text.extend_from_slice(name.as_bytes());
            let name_end = digits(text.len());
            text.extend_from_slice(value.as_bytes());
            ends.push([name_end, digits(text.len())]);
        });
        text.extend_from_slice(ends.as_flattened().as_flattened());
        text.extend_from_slice(&digits(count));
        let text = str::from_utf8(&text).ok()?;
        Some(Self(text.into()))
    }

    /// How long the text is in which so many entries of this size are.
    pub(super) fn text_len(count: usize, size: usize) -> usize {
        size + (2 * count + 1) * DIGITS
    }

    pub(super) fn list(&self) -> PackedList<'_> {
        let (_, numbers) = self.0.as_bytes().as_rchunks();
        let (ends, count) = match numbers {
            [numbers @ .., count] => (numbers.as_rchunks().1, number(*count)),
            [] => (&[][..], 0),
        };
        PackedList {
            text: &self.0,
            ends: &ends[ends.len() - count..],
        }
    }

    /// Looks at both ends, and doesn't need to know what is there: so whatever comes next goes on meanwhile.
    pub(super) fn prefetch(&self) {
        let bytes = self.0.as_bytes();
        hint::black_box((bytes.first().copied(), bytes.last().copied()));
    }

    /// The same as a list with room for `more`, whose parts stay where they are.
    pub(super) fn listed(&self, more: usize) -> Listed {
        let list = self.list();
        let mut entries = Entries::with_capacity(list.len() + more);
        entries.extend((0..list.len()).map(|index| {
            let [name, value] = list.places(index);
            Entry {
                name: Part::at(&self.0, name),
                value: Part::at(&self.0, value),
            }
        }));
        Listed::new(Arc::clone(&self.0), entries)
    }
}

/// A look at what is packed.
#[derive(Clone, Copy)]
pub(super) struct PackedList<'a> {
    text: &'a Arc<str>,
    /// Where the name and the value of each entry end.
    ends: &'a [[Number; 2]],
}

impl<'a> PackedList<'a> {
    pub(super) fn len(self) -> usize {
        self.ends.len()
    }

    pub(super) fn name(self, index: usize) -> &'a str {
        let [name, _] = self.places(index);
        &self.text[name]
    }

    pub(super) fn value(self, index: usize) -> &'a str {
        let [_, value] = self.places(index);
        &self.text[value]
    }

    /// The value of an entry, for who keeps it.
    pub(super) fn shared_value(self, index: usize) -> Text {
        let [_, value] = self.places(index);
        Text::at(self.text, value)
    }

    /// Where the name of an entry is, and where its value.
    fn places(self, index: usize) -> [Range<usize>; 2] {
        let [name_end, value_end] = self.ends[index].map(number);
        let start = match index {
            0 => 0,
            _ => number(self.ends[index - 1][1]),
        };
        [start..name_end, name_end..value_end]
    }
}

/// The digits of a number that isn't larger than they can tell.
fn digits(number: usize) -> Number {
    std::array::from_fn(|place| (number >> (place * BITS)) as u8 & ((1 << BITS) - 1))
}

fn number(digits: Number) -> usize {
    let places = digits.into_iter().zip((0..).step_by(BITS));
    places.fold(0, |number, (digit, place)| {
        number | usize::from(digit) << place
    })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    impl Packed {
        /// Whether it is the very same, not just one like it.
        pub(in crate::state) fn is(&self, other: &Self) -> bool {
            Arc::ptr_eq(&self.0, &other.0)
        }
    }

    fn listed(entries: &[(String, String)]) -> Listed {
        let mut listed = Listed::default();
        for (index, (name, value)) in entries.iter().enumerate() {
            listed.insert(index, name.as_str().into(), value.as_str().into());
        }
        listed
    }

    #[track_caller]
    fn assert_is_read_back(entries: &[(String, String)]) {
        let size = entries.iter().map(|(name, value)| name.len() + value.len());
        let size = size.sum();
        let packed = Packed::of(&listed(entries), size).unwrap();
        assert_eq!(packed.0.len(), Packed::text_len(entries.len(), size));
        let (list, listed) = (packed.list(), packed.listed(1));
        assert_eq!((list.len(), listed.len()), (entries.len(), entries.len()));
        for (index, (name, value)) in entries.iter().enumerate() {
            let entry = (&**name, &**value);
            assert_eq!((list.name(index), list.value(index)), entry);
            assert_eq!((listed.name(index), listed.value(index)), entry);
            assert_eq!(&*list.shared_value(index), value);
        }
    }

    /// Where one more digit is needed, and around it.
    #[test]
    fn long_texts_and_long_lists_are_read_back() {
        for limit in [1 << BITS, 1 << (2 * BITS), 1 << (3 * BITS)] {
            for len in limit - 3..limit + 3 {
                assert_is_read_back(&[(String::new(), "x".repeat(len))]);
                assert_is_read_back(&[("x".repeat(len - 1), "1".into()), ("y".into(), "2".into())]);
            }
        }
        // More entries than bytes.
        for count in [127, 128, 20_000] {
            assert_is_read_back(&vec![(String::new(), String::new()); count]);
        }
    }

    #[test]
    fn what_is_larger_than_a_number_can_tell_is_not_packed() {
        let limit = 1 << (DIGITS * BITS);
        assert!(Packed::of(&Listed::default(), limit - 1).is_some());
        assert!(Packed::of(&Listed::default(), limit).is_none());
        for number_of in [0, 1, 127, 128, limit / 3, limit - 1] {
            let digits = digits(number_of);
            assert!(digits.is_ascii());
            assert_eq!(number(digits), number_of);
        }
    }

    proptest! {
        #[test]
        fn whatever_is_packed_is_read_back(entries in vec((".{0,9}", ".{0,200}"), 1..30)) {
            assert_is_read_back(&entries);
        }
    }
}
