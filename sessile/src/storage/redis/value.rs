//! The value under a Redis key: a record, or a session that actix-session left.
//!
//! The version of a record precedes its text, as 16 hexadecimal digits. So one `GET` loads both, and a
//! script finds the version without parsing.
//!
//! A value that actix-session left begins with `{`, which a version never does. Its version is the first 8 bytes of
//! its SHA-1, which the server can compute as well. The first write replaces the value by a record.

use sha1::{Digest as _, Sha1};

use super::{Loaded, SessionId, StoreError, StoreErrorKind, Version};
use crate::{
    clock::Timestamp,
    record::{DecodeError, Record, actix_session, json::JsonError},
    storage::versioned,
};

pub(super) use crate::storage::versioned::{encode, version_text};

/// The record and version of `value`, which is stored for the session of `id`.
///
/// A value that actix-session left has no times: it counts as created and used `now`. It is accepted for a
/// session that actix-session made, until the first write replaces it.
pub(super) fn decode(value: &[u8], id: &SessionId, now: Timestamp) -> Result<Loaded, ValueError> {
    if value.first() == Some(&b'{') && id.actix_session_key().is_some() {
        let text = std::str::from_utf8(value).map_err(|_| ValueError::NotUtf8)?;
        return Ok(Loaded {
            record: actix_session::record(text, now)?,
            version: content_version(value),
        });
    }
    let (version, record) = versioned::split(value).ok_or(ValueError::Version)?;
    Ok(Loaded {
        version,
        record: Record::decode(record)?,
    })
}

/// Why a value is not a record. Quotes nothing of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ValueError {
    #[error("the value does not begin with a version")]
    Version,
    #[error("the version is not followed by a record that can be used")]
    Record(#[from] DecodeError),
    #[error("the value is not UTF-8")]
    NotUtf8,
    #[error("the value is not a session of actix-session")]
    ActixSession(#[from] JsonError),
}

impl From<ValueError> for StoreError {
    fn from(error: ValueError) -> Self {
        match error {
            ValueError::Record(error) => error.into(),
            error => Self::new(StoreErrorKind::Corrupt, error).not_sent(),
        }
    }
}

/// The version of a value that has none: the first 8 bytes of its SHA-1, which the script computes as well.
fn content_version(value: &[u8]) -> Version {
    let mut first = [0; 8];
    first.copy_from_slice(&Sha1::digest(value)[..8]);
    Version::new(u64::from_be_bytes(first))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::state::State;

    const NOW: Timestamp = Timestamp::from_unix_millis(5000);

    fn state(entries: &[(&str, &str)]) -> State {
        let mut state = State::default();
        for (name, text) in entries {
            state.set(&(*name).into(), (*text).into());
        }
        state
    }

    fn own_id() -> SessionId {
        SessionId::from_bytes([7; 16])
    }

    fn actix_session_id() -> SessionId {
        SessionId::of_actix_session(&"a".repeat(64))
    }

    #[test]
    fn the_form_at_rest_is_fixed() {
        let mut record = Record::new(Timestamp::from_unix_millis(1000));
        record.state.insert("n", &1).unwrap();
        let text = format!("00000000000000ff{}", record.encode());
        assert_eq!(encode(Version::new(255), &record), text);
        let version = Version::new(255);
        for id in [own_id(), actix_session_id()] {
            let loaded = decode(text.as_bytes(), &id, NOW);
            let record = record.clone();
            assert_eq!(loaded, Ok(Loaded { record, version }));
        }
    }

    #[test]
    fn a_session_of_actix_session_is_read_as_undated() {
        for text in [
            r#"{"user_id":"\"ferris\"","n":"1"}"#,
            r#"{"v":1,"state":{"user_id":"ferris","n":1}}"#,
        ] {
            let loaded = decode(text.as_bytes(), &actix_session_id(), NOW).unwrap();
            let state = state(&[("user_id", "\"ferris\""), ("n", "1")]);
            assert_eq!(loaded.record, Record::undated(state, NOW));
        }
    }

    #[test]
    fn a_session_of_actix_session_is_corrupt_under_an_id_of_our_form() {
        let text = br#"{"user_id":"\"ferris\"","n":"1"}"#;
        let error = decode(text, &own_id(), NOW).unwrap_err();
        assert_eq!(StoreError::from(error).kind(), StoreErrorKind::Corrupt);
    }

    #[test]
    fn a_value_without_a_version_has_that_of_its_content() {
        // `redis.sha1hex('{}')` is bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f.
        let loaded = decode(b"{}", &actix_session_id(), NOW).unwrap();
        assert_eq!(version_text(loaded.version), "bf21a9e8fbc5a384");
    }

    #[test]
    fn other_values_are_corrupt() {
        let version = "00000000000000ff";
        let record = Record::new(NOW).encode();
        for value in [
            String::new(),
            "null".into(),
            "[]".into(),
            "hello".into(),
            version.into(),
            format!("{version}{{}}"),
            format!("00000000000000FF{record}"),
            format!("ff{record}"),
            "{".into(),
            r#"{"n":1}"#.into(),
            r#"{"n":"ferris"}"#.into(),
            r#"{"v":2,"state":{"n":1}}"#.into(),
            r#"{"v":1,"state":[]}"#.into(),
        ] {
            for id in [own_id(), actix_session_id()] {
                let error = decode(value.as_bytes(), &id, NOW).unwrap_err();
                let kind = StoreError::from(error).kind();
                assert_eq!(kind, StoreErrorKind::Corrupt, "{value}");
            }
        }
        let after_version = [version.as_bytes(), b"\xff"].concat();
        for value in [&b"\xff"[..], b"{\xff}", &[0xff; 16], &after_version] {
            assert!(decode(value, &actix_session_id(), NOW).is_err());
        }
    }

    #[test]
    fn a_record_of_a_later_form_is_newer() {
        let text = r#"00000000000000ff{"v":4}"#;
        let error = decode(text.as_bytes(), &own_id(), NOW).unwrap_err();
        assert_eq!(StoreError::from(error).kind(), StoreErrorKind::Newer);
    }

    #[test]
    fn errors_quote_nothing() {
        let value = br#"{"card":"4111"#;
        let error = decode(value, &actix_session_id(), NOW).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("4111"));
    }
}
