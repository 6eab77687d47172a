//! What lies under a Redis key: a record, or what actix-session left.
//!
//! Before a record stand its version, as 16 hexadecimal digits, and the digest of the secret that
//! opens it. So one `GET` loads all three, and a script finds them without parsing.

use sha1::{Digest as _, Sha1};

use super::{Loaded, SessionKey, Version, hex};
use crate::{
    clock::Timestamp,
    json::JsonError,
    legacy,
    record::{DecodeError, Record},
};

/// How many characters a version takes.
pub(super) const VERSION_LEN: usize = 16;

/// `version` as it stands before a record.
pub(super) fn version_text(version: Version) -> String {
    let mut text = String::with_capacity(VERSION_LEN);
    push_version(version, &mut text);
    text
}

fn push_version(version: Version, out: &mut String) {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    for byte in version.get().to_be_bytes() {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}

/// What to store for `record` at `version`, for `key` to open.
pub(super) fn encode(version: Version, key: &SessionKey, record: &Record) -> String {
    let len = VERSION_LEN + SessionKey::DIGEST_LEN + record.encoded_len();
    let mut text = String::with_capacity(len);
    push_version(version, &mut text);
    text.push_str(&key.secret_digest());
    record.encode_to(&mut text);
    text
}

/// What `value` holds, if `key` opens it. What actix-session left has no times: it counts as created
/// and touched `now`. And its keys have no secret.
pub(super) fn decode(
    value: &[u8],
    key: &SessionKey,
    now: Timestamp,
) -> Result<Option<Loaded>, ValueError> {
    if value.first() == Some(&b'{') {
        if !key.secret().is_empty() {
            return Ok(None);
        }
        return Ok(Some(Loaded {
            version: legacy_version(value),
            record: decode_legacy(value, now)?,
        }));
    }
    let (version, rest) = split(value, VERSION_LEN)?;
    let version = parse_version(version).ok_or(ValueError::Head)?;
    let (digest, record) = split(rest, SessionKey::DIGEST_LEN)?;
    if !key.is_for(std::str::from_utf8(digest).map_err(|_| ValueError::Head)?) {
        return Ok(None);
    }
    let record = Record::decode(record)?;
    Ok(Some(Loaded { record, version }))
}

fn split(bytes: &[u8], at: usize) -> Result<(&[u8], &[u8]), ValueError> {
    bytes.split_at_checked(at).ok_or(ValueError::Head)
}

/// Why a value is not a record. Tells nothing of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum ValueError {
    /// It does not begin as our values do.
    #[error("the value does not begin with a version and a digest")]
    Head,
    /// What follows is no record.
    #[error("what follows version and digest is no record")]
    Record(#[from] DecodeError),
    /// It looks like one of actix-session's, and isn't.
    #[error("the value is not a session of actix-session's")]
    Legacy(#[from] LegacyError),
}

/// Why a value is not one of actix-session's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum LegacyError {
    #[error("the value is not UTF-8")]
    NotUtf8,
    #[error(transparent)]
    Json(#[from] JsonError),
}

fn parse_version(digits: &[u8]) -> Option<Version> {
    let canonical = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if !digits.iter().all(canonical) {
        return None;
    }
    let digits = std::str::from_utf8(digits).ok()?;
    u64::from_str_radix(digits, 16).ok().map(Version::new)
}

/// The version of a value that has none: the first 64 bits of its SHA-1, which the server can
/// calculate as well.
fn legacy_version(value: &[u8]) -> Version {
    let digest = hex(&Sha1::digest(value));
    let version = parse_version(&digest.as_bytes()[..VERSION_LEN]);
    version.unwrap_or(Version::new(0))
}

fn decode_legacy(value: &[u8], now: Timestamp) -> Result<Record, LegacyError> {
    let text = std::str::from_utf8(value).map_err(|_| LegacyError::NotUtf8)?;
    Ok(legacy::record(text, now)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::State;

    const NOW: Timestamp = Timestamp::from_unix_millis(5000);

    fn state(entries: &[(&str, &str)]) -> State {
        let mut state = State::default();
        for (name, text) in entries {
            state.set(&(*name).into(), (*text).into());
        }
        state
    }

    fn key(text: &str) -> SessionKey {
        SessionKey::try_from(text.to_owned()).unwrap()
    }

    fn decode_for(key_text: &str, value: &[u8]) -> Result<Option<Loaded>, ValueError> {
        decode(value, &key(key_text), NOW)
    }

    /// The SHA-256 of nothing, as the script has it.
    const NO_SECRET: &str = "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU";

    #[test]
    fn the_form_at_rest_is_fixed() {
        let mut record = Record::new(Timestamp::from_unix_millis(1000));
        record.state.insert("n", &1).unwrap();
        let digest = "K7gNU3sdo-OL0wNhqoVWhr3g6s1xYv72ol_pe_Unols";
        let text = format!(r#"00000000000000ff{digest}{{"v":2,"c":1000,"t":1000,"s":{{"n":1}}}}"#);
        assert_eq!(encode(Version::new(255), &key("id.secret"), &record), text);
        let loaded = decode_for("id.secret", text.as_bytes()).unwrap().unwrap();
        assert_eq!((loaded.version, loaded.record), (Version::new(255), record));
        assert!(decode_for("id.other", text.as_bytes()).unwrap().is_none());
        assert!(decode_for("id", text.as_bytes()).unwrap().is_none());
    }

    #[test]
    fn what_actix_session_left_is_read() {
        let loaded = |value: &str| decode_for("Legacy", value.as_bytes()).unwrap().unwrap();
        for text in [
            r#"{"user_id":"\"ferris\"","n":"1"}"#,
            r#"{"v":1,"state":{"user_id":"ferris","n":1}}"#,
        ] {
            let record = loaded(text).record;
            let expected = state(&[("user_id", "\"ferris\""), ("n", "1")]);
            assert_eq!(record.state, expected);
            assert_eq!((record.created_at, record.touched_at), (NOW, NOW));
            assert!(decode_for("Legacy.x", text.as_bytes()).unwrap().is_none());
        }
        assert!(loaded("{}").record.state.is_empty());
        // Names that look like those of the later form.
        let record = loaded(r#"{"v":"1","state":"{}"}"#).record;
        assert_eq!(record.state, state(&[("v", "1"), ("state", "{}")]));
    }

    #[test]
    fn a_value_without_a_version_has_that_of_its_content() {
        // `redis.sha1hex('{}')` is bf21a9e8fbc5a3846fb05b4fa0859e0917b2202f.
        let loaded = decode_for("Legacy", b"{}").unwrap().unwrap();
        assert_eq!(version_text(loaded.version), "bf21a9e8fbc5a384");
        assert_eq!(key("Legacy").secret_digest(), NO_SECRET);
        assert!(include_str!("script/swap.lua").contains(NO_SECRET));
    }

    #[test]
    fn what_is_no_record_is_refused() {
        let head = format!("00000000000000ff{NO_SECRET}");
        for value in [
            String::new(),
            "null".into(),
            "[]".into(),
            "hello".into(),
            head.clone(),
            format!("{head}{{}}"),
            format!("00000000000000FF{NO_SECRET}{{}}"),
            "00000000000000ff{}".into(),
            "{".into(),
            r#"{"n":1}"#.into(),
            r#"{"n":"ferris"}"#.into(),
            r#"{"v":2,"state":{"n":1}}"#.into(),
            r#"{"v":1,"state":[]}"#.into(),
        ] {
            assert!(decode_for("k", value.as_bytes()).is_err(), "{value}");
        }
        let not_utf8 = [head.as_bytes(), b"\xff"].concat();
        let inside = [&b"00000000000000ff"[..], &[0xff; 43], b"{}"].concat();
        for value in [b"\xff", &b"{\xff}"[..], &not_utf8, &inside] {
            assert!(decode_for("k", value).is_err());
        }
    }

    #[test]
    fn errors_quote_nothing() {
        let error = decode_for("k", br#"{"card":"4111"#).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("4111"));
    }
}
