use std::time::Duration;

use super::*;
use crate::record::SecretDigest;

fn decode(text: &str) -> Result<Record, DecodeError> {
    Record::decode(text.as_bytes())
}

#[test]
fn the_text_form_is_fixed() {
    let mut record = Record::new(Timestamp::from_unix_millis(1000));
    record.used_at = Timestamp::from_unix_millis(2000);
    record.ends_at = Timestamp::from_unix_millis(3000);
    record.epoch = Epoch(u64::MAX);
    record.state.insert("user", "ferris").unwrap();
    record.state.insert("n", &1).unwrap();
    let text = r#"{"v":3,"c":1000,"u":2000,"x":3000,"p":18446744073709551615,"s":{"n":1,"user":"ferris"}}"#;
    assert_eq!(record.encode(), text);
    assert_eq!(decode(text), Ok(record));
}

/// With every member that there is.
const FULL: &str = concat!(
    r#"{"v":3,"c":1,"u":2,"x":3,"p":4,"k":"AAAAAAAAAAAAAAAAAAAAAA","s":{"n":1}"#,
    r#","o":{"d":"AQAAAAAAAAAAAAAAAAAAAA","e":6,"t":5}"#,
    r#","r":{"t":6,"p":"AgAAAAAAAAAAAAAAAAAAAA","n":"AwAAAAAAAAAAAAAAAAAAAA"}"#,
    r#","sub":"ferris","in":6,"auth":7,"label":"sid-1","labels":{"browser":"Firefox","device":"laptop"}"#,
    r#","life":{"i":8,"a":9,"p":true},"device":"{\"kty\":\"EC\"}","flash":[[10,"notice","Saved."]],"crit":["device"],"later":[1, 2]}"#,
);

#[test]
fn every_member_is_read_and_written_back() {
    let record = decode(FULL).unwrap();
    assert_eq!(record.encode(), FULL);
    assert_eq!(
        record.subject(),
        Some(crate::storage::SubjectDigest::of("ferris"))
    );
    assert_eq!(record.signed_in_at(), Some(Timestamp::from_unix_millis(6)));
    assert_eq!(record.label(), Some("sid-1"));
    assert!(record.has_subject());
    let lifetime = record.details().unwrap().lifetime.unwrap();
    assert_eq!(lifetime.idle, Duration::from_millis(8));
    assert_eq!(lifetime.absolute, Some(Duration::from_millis(9)));
}

#[test]
fn debug_shows_no_values() {
    let debug = format!("{:?}", decode(FULL).unwrap());
    for shown in ["ferris", "notice", "browser", "later"] {
        assert!(debug.contains(shown), "{shown}: {debug}");
    }
    for hidden in ["Saved.", "Firefox", "laptop", "sid-1", "kty", "[1, 2]"] {
        assert!(!debug.contains(hidden), "{hidden}: {debug}");
    }
}

#[test]
fn the_order_of_the_members_and_spaces_do_not_matter() {
    let text = FULL
        .replace(':', ": ")
        .replace(r#"{"v": 3,"c": 1,"#, r#"{ "c": 1, "v": 3, "#);
    let mut record = decode(&text).unwrap();
    let details = Arc::make_mut(record.details.as_mut().unwrap());
    details.device_key = Some(r#"{"kty":"EC"}"#.to_owned());
    assert_eq!(record.encode(), FULL);
}

#[test]
fn the_length_is_known_before_it_is_written() {
    let now = Timestamp::from_unix_millis(1_795_400_121_944);
    let mut record = Record::new(now);
    record.ends_at = now;
    record.epoch = Epoch(u64::MAX);
    record.secrets = Some(Secrets::new(
        SecretDigest::decode("AAAAAAAAAAAAAAAAAAAAAA").unwrap(),
    ));
    record.state.insert("a", &1).unwrap();
    record.state.insert("b", "c").unwrap();
    assert_eq!(record.encode().len(), record.encoded_len());
}

#[test]
fn other_text_is_refused() {
    for text in [
        "",
        "null",
        "{}",
        r#"{"v":3,"c":1,"u":2,"x":3,"p":4}"#,
        r#"{"v":3,"c":1,"u":2,"p":4,"s":{}}"#,
        r#"{"v":3,"c":1,"u":2,"x":3,"p":4,"s":[]}"#,
        r#"{"v":3,"c":1,"u":2,"x":3,"p":4,"s":{}} "trailing""#,
        r#"{"v":3,"c":1,"u":2,"x":3,"p":4,"s":{},}"#,
        r#"{"v":3,"c":1,"u":2,"x":3,"p":4,"s":{},"sub":1}"#,
        r#"{"v":3,"c":1,"u":2,"x":3,"p":4,"s":{}"#,
        r#"{"v":3,"c":-1,"u":2,"x":3,"p":4,"s":{}}"#,
        r#"{"v":3,"c":1,"u":2,"x":3,"p":4,"k":7,"s":{}}"#,
        r#"{"v":"3","c":"1","u":"2","x":"3","p":"4","s":"{}"}"#,
    ] {
        let decoded = decode(text);
        assert!(
            matches!(decoded, Err(DecodeError::NotARecord(_))),
            "{text}: {decoded:?}"
        );
    }
    assert_eq!(Record::decode(b"\xff\xfe"), Err(DecodeError::NotUtf8));
}

#[test]
fn secrets_that_make_no_sense_are_refused() {
    for (replaced, by) in [
        (r#""k":"AAAAAAAAAAAAAAAAAAAAAA","#, ""),
        (
            r#""k":"AAAAAAAAAAAAAAAAAAAAAA""#,
            r#""k":"AAAAAAAAAAAAAAAAAAAAA""#,
        ),
        (
            r#""k":"AAAAAAAAAAAAAAAAAAAAAA""#,
            r#""k":"AAAAAAAAAAAAAAAAAAAA+A""#,
        ),
        (
            r#""d":"AQAAAAAAAAAAAAAAAAAAAA""#,
            r#""d":"AAAAAAAAAAAAAAAAAAAAAA""#,
        ),
        (
            r#""p":"AgAAAAAAAAAAAAAAAAAAAA""#,
            r#""p":"AAAAAAAAAAAAAAAAAAAAAA""#,
        ),
        (
            r#""p":"AgAAAAAAAAAAAAAAAAAAAA""#,
            r#""p":"AQAAAAAAAAAAAAAAAAAAAA""#,
        ),
        (
            r#""n":"AwAAAAAAAAAAAAAAAAAAAA""#,
            r#""n":"AwAAAAAAAAAAAAAAAAAAA""#,
        ),
    ] {
        let text = FULL.replace(replaced, by);
        assert_ne!(text, FULL);
        assert_eq!(decode(&text), Err(DecodeError::Secrets), "{text}");
    }
}

#[test]
fn a_later_form_is_distinguished_from_garbage() {
    let error = decode(r#"{"v":4,"c":"soon","s":{}}"#).unwrap_err();
    assert_eq!(error, DecodeError::UnknownForm { form: 4 });
    assert!(error.is_newer() && !DecodeError::NotUtf8.is_newer());
}

#[test]
fn an_unknown_critical_member_is_refused() {
    let text = FULL.replace(r#"["device"]"#, r#"["device","later"]"#);
    assert_eq!(decode(&text), Err(DecodeError::UnknownCritical));
    assert!(DecodeError::UnknownCritical.is_newer());
}
