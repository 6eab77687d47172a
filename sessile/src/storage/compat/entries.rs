//! Records as the names and JSON texts that a store of actix-session keeps.
//!
//! The values of the state stay under their names, as actix-session stored them. The rest of the record is one
//! more entry, under [`RESERVED`]: the version and the text of the record without its state, as a JSON string.
//! A session without this entry is one that actix-session stored.
//!
//! Tools can read the values, because they stay under their names. The rest is a string, because databases that
//! rewrite JSON objects leave strings alone. A value of a reserved name gets an underscore appended. A session
//! of actix-session may have any value under this name. The value counts as this entry only if it has the right
//! form.

use std::collections::HashMap;

use sha2::{Digest as _, Sha256};

use crate::{
    clock::Timestamp,
    record::{
        DecodeError, Record, actix_session,
        json::{self, JsonError},
        state::State,
    },
    storage::{Loaded, StoreError, StoreErrorKind, Version, versioned},
};

/// The name of the entry with the rest of the record.
pub(super) const RESERVED: &str = "_sessile";

/// The suffix that is appended to a name that would otherwise be the reserved name, or an escaped form of it.
const ESCAPE: char = '_';

/// The entries of `record` at `version`.
pub(super) fn encode(version: Version, record: &Record) -> HashMap<String, String> {
    let mut entries = HashMap::with_capacity(record.state.len() + 1);
    for (name, text) in record.state.iter() {
        let mut name = name.to_owned();
        if is_escaped(&name) {
            name.push(ESCAPE);
        }
        entries.insert(name, text.to_owned());
    }
    let mut rest = record.clone();
    rest.state.clear();
    let mut text = String::new();
    json::push_json_string(&mut text, &versioned::encode(version, &rest));
    entries.insert(RESERVED.to_owned(), text);
    entries
}

/// The record and version of `entries`. A session that actix-session stored counts as created and used `now`.
pub(super) fn decode(
    entries: &HashMap<String, String>,
    now: Timestamp,
) -> Result<Loaded, EntriesError> {
    let rest = entries.get(RESERVED).and_then(|text| unquoted(text));
    let rest = rest.as_deref().and_then(own);
    let mut state = State::default();
    for (name, text) in entries {
        let name = match name.as_str() {
            RESERVED if rest.is_some() => continue,
            name if rest.is_some() && is_escaped(name) => &name[..name.len() - ESCAPE.len_utf8()],
            name => name,
        };
        actix_session::set(&mut state, name, text)?;
    }
    match rest {
        Some((version, record)) => {
            let mut record = Record::decode(record)?;
            record.state = state;
            Ok(Loaded { record, version })
        }
        None => {
            let version = content_version(&state);
            let record = Record::undated(state, now);
            Ok(Loaded { record, version })
        }
    }
}

/// Whether `name` is the reserved one with any number of escapes.
fn is_escaped(name: &str) -> bool {
    let suffix = name.strip_prefix(RESERVED);
    suffix.is_some_and(|suffix| suffix.chars().all(|it| it == ESCAPE))
}

fn unquoted(text: &str) -> Option<String> {
    json::parse(text).ok()
}

/// The version in the text of the reserved entry, and the text of the record. Other text is a value that
/// actix-session stored under this name.
fn own(text: &str) -> Option<(Version, &[u8])> {
    versioned::split(text.as_bytes()).filter(|(_, record)| record.starts_with(b"{"))
}

/// The version of a session that has none: it follows from the content.
fn content_version(state: &State) -> Version {
    let mut text = String::new();
    state.write_json(&mut text);
    let mut first = [0; 8];
    first.copy_from_slice(&Sha256::digest(text)[..8]);
    Version::new(u64::from_be_bytes(first))
}

/// Why entries are not a session. The error quotes nothing of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum EntriesError {
    #[error("a value of the session is not JSON")]
    Value(#[from] JsonError),
    #[error("the reserved entry is not a record that can be used")]
    Record(#[from] DecodeError),
}

impl From<EntriesError> for StoreError {
    fn from(error: EntriesError) -> Self {
        match error {
            EntriesError::Value(_) => Self::new(StoreErrorKind::Corrupt, error).not_sent(),
            EntriesError::Record(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_millis(5000);
    const VERSION: Version = Version::new(255);

    fn entries(entries: &[(&str, &str)]) -> HashMap<String, String> {
        let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
        entries.iter().map(owned).collect()
    }

    fn record(state: &str) -> Record {
        let mut record = Record::new(Timestamp::from_unix_millis(1000));
        record.state = State::from_json(state);
        record
    }

    fn own_text(record: &Record) -> String {
        serde_json::to_string(&format!("00000000000000ff{}", record.encode())).unwrap()
    }

    #[test]
    fn the_form_at_rest_is_fixed() {
        let record = record(r#"{"n":1,"user":"ferris"}"#);
        let rest = own_text(&self::record("{}"));
        let expected = entries(&[("n", "1"), ("user", "\"ferris\""), ("_sessile", &rest)]);
        assert_eq!(encode(VERSION, &record), expected);
        let version = VERSION;
        assert_eq!(decode(&expected, NOW), Ok(Loaded { record, version }));
    }

    #[test]
    fn a_session_of_actix_session_is_read_as_undated() {
        let loaded = decode(&entries(&[("n", "1"), ("user", "\"ferris\"")]), NOW).unwrap();
        let state = State::from_json(r#"{"n":1,"user":"ferris"}"#);
        assert_eq!(loaded.record, Record::undated(state, NOW));
        assert_eq!(
            decode(&entries(&[]), NOW).unwrap().record.state,
            State::default()
        );
    }

    #[test]
    fn the_version_of_such_a_session_follows_from_its_content() {
        let version = |pairs: &[(&str, &str)]| decode(&entries(pairs), NOW).unwrap().version;
        let one = version(&[("a", "1"), ("b", "2")]);
        assert_eq!(version(&[("b", "2"), ("a", "1")]), one);
        // `{"a":1,"b":2}`, the first 8 bytes of its SHA-256.
        assert_eq!(format!("{:016x}", one.get()), "43258cff783fe703");
        for other in [
            &[("a", "1"), ("b", "3")][..],
            &[("a", "1"), ("c", "2")],
            &[("a", "1")],
            &[("a", "1"), ("b", "2"), ("c", "3")],
            &[],
        ] {
            assert_ne!(version(other), one);
        }
    }

    /// An application may store values under names like the reserved one.
    #[test]
    fn a_value_under_the_reserved_name_is_kept_apart() {
        let forged = own_text(&record("{}"));
        for name in [
            "_sessile",
            "_sessile_",
            "_sessile__",
            "_sessile_x",
            "_sessilex",
            "_",
            "",
        ] {
            for text in ["1", "\"ferris\"", "null", &forged] {
                let mut record = record("{}");
                for name in [name, "n"] {
                    record.state.set(&name.into(), text.into());
                }
                let version = VERSION;
                let loaded = decode(&encode(version, &record), NOW);
                assert_eq!(loaded, Ok(Loaded { record, version }), "{name} {text}");
            }
        }
    }

    #[test]
    fn actix_session_may_have_stored_a_value_under_the_reserved_name() {
        for text in [
            "1",
            "null",
            "{}",
            "\"\"",
            "\"ferris\"",
            "\"00000000000000ff\"",
            "\"00000000000000FF{}\"",
            "\"00000000000000ff[]\"",
        ] {
            let left = entries(&[("_sessile", text), ("_sessile_", "2")]);
            let mut state = State::default();
            state.set(&"_sessile".into(), text.into());
            state.set(&"_sessile_".into(), "2".into());
            let loaded = decode(&left, NOW).unwrap();
            assert_eq!(loaded.record, Record::undated(state, NOW), "{text}");
        }
    }

    #[test]
    fn entries_without_a_valid_record_or_value_are_corrupt() {
        let rest = own_text(&record("{}"));
        for left in [
            &[("n", "")][..],
            &[("n", "ferris")],
            &[("n", "1 2")],
            &[("_sessile", "{")],
            &[("n", "ferris"), ("_sessile", &rest)],
            &[("_sessile", "\"00000000000000ff{}\"")],
            &[("_sessile", "\"00000000000000ff{\"")],
        ] {
            let error = StoreError::from(decode(&entries(left), NOW).unwrap_err());
            assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{left:?}");
        }
    }

    #[test]
    fn a_record_of_a_later_form_is_newer() {
        let rest = own_text(&record("{}")).replace(r#"\"v\":3"#, r#"\"v\":4"#);
        let error = decode(&entries(&[("_sessile", &rest)]), NOW).unwrap_err();
        assert_eq!(StoreError::from(error).kind(), StoreErrorKind::Newer);
    }

    #[test]
    fn errors_quote_nothing() {
        let error = decode(&entries(&[("card", "4111 1111")]), NOW).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("4111"));
    }
}
