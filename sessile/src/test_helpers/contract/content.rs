//! The records that the checks store, and how to distinguish them.

use std::fmt::Display;

use crate::{
    clock::{Clock as _, SystemClock, Timestamp},
    record::Record,
    storage::{Loaded, StoreErrorKind, Version},
};

/// A record that holds `value`, at a version of its own. Records of different values have different
/// times.
pub(in crate::test_helpers) fn content(value: u32) -> Loaded {
    let version = Version::generate();
    let now = SystemClock.now().as_unix_millis();
    let offset = 1000 * u64::from(value);
    let mut record = Record::new(Timestamp::from_unix_millis(
        now.saturating_sub(86_400_000 + offset),
    ));
    record.used_at = Timestamp::from_unix_millis(now.saturating_sub(1000 + offset));
    record.ends_at = Timestamp::from_unix_millis(now.saturating_add(3_600_000 + offset));
    set(&mut record, "value", &value.to_string());
    // If a record and a version do not belong together, a check detects it.
    set(&mut record, "version", &version.get().to_string());
    Loaded { record, version }
}

/// Puts JSON text into the record, whether or not it is valid.
pub(in crate::test_helpers) fn set(record: &mut Record, name: &str, text: &str) {
    record.state.set(&name.into(), text.into());
}

/// Texts that make a record unreadable, put into it in place of a value, and the kind of the error.
///
/// The second one ends the state, and adds a critical member to the record.
pub(in crate::test_helpers) const UNREADABLE: [(&str, StoreErrorKind); 2] = [
    ("{", StoreErrorKind::Corrupt),
    (
        r#"1},"crit":["later"],"later":{"a":1"#,
        StoreErrorKind::Newer,
    ),
];

/// The value that [`content`] made the record from.
pub(super) fn value(loaded: &Loaded) -> Option<u32> {
    loaded.record.state.text("value")?.parse().ok()
}

/// How `found` differs from `wanted`, in words.
pub(super) fn difference(found: &Loaded, wanted: &Loaded) -> String {
    let version = compared("its version", found.version.get(), wanted.version.get());
    let (found, wanted) = (&found.record, &wanted.record);
    let time = |name, of: fn(&Record) -> Timestamp| {
        let (found, wanted) = (of(found), of(wanted));
        compared(name, found.as_unix_millis(), wanted.as_unix_millis())
    };
    let differences = [
        version,
        time("`created_at`", Record::created_at),
        time("`used_at`", Record::used_at),
        time("`ends_at`", Record::ends_at),
        first_value(found, wanted),
    ];
    let differences: Vec<_> = differences.into_iter().flatten().collect();
    match &differences[..] {
        [] => compared("its text", found.encode(), wanted.encode())
            .unwrap_or_else(|| "its members are not the same".to_owned()),
        differences => differences.join(", "),
    }
}

/// The first value that is not the same, in words.
fn first_value(found: &Record, wanted: &Record) -> Option<String> {
    let (found, wanted) = (&found.state, &wanted.state);
    let mut names = found.iter().chain(wanted.iter()).map(|(name, _)| name);
    let name = names.find(|name| found.text(name) != wanted.text(name))?;
    let label = format!("the value of {:?}", shortened(name));
    let text = |text: Option<&str>| text.unwrap_or("missing").to_owned();
    compared(&label, text(found.text(name)), text(wanted.text(name)))
}

fn compared<T: Display + PartialEq>(name: &str, found: T, wanted: T) -> Option<String> {
    if found == wanted {
        return None;
    }
    let (found, wanted) = (found.to_string(), wanted.to_string());
    let same = found.char_indices().zip(wanted.chars());
    let same = same.take_while(|((_, one), other)| one == other);
    let at = same.last().map_or(0, |((at, one), _)| at + one.len_utf8());
    // A text that is short is shown as a whole.
    let (at, place) = match at {
        ..24 => (0, String::new()),
        at => (at, format!(", from its byte {at} on,")),
    };
    // With escapes, since spaces and control characters are what texts differ in most often.
    let (found, wanted) = (shortened(&found[at..]), shortened(&wanted[at..]));
    Some(format!("{name}{place} is {found:?} in place of {wanted:?}"))
}

/// The text, or its beginning.
fn shortened(text: &str) -> String {
    const LEN: usize = 200;
    match text.char_indices().nth(LEN) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
