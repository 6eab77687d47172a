use proptest::{collection::btree_map, prelude::*};
use serde_json::{Map, Value};

use super::*;
use crate::record::Secret;

fn straight(text: &str) -> Option<Record> {
    let buffer = text.into();
    let mut reader = Reader::new(&buffer);
    let record = reader.record()?;
    (reader.rest() == "}").then_some(record)
}

fn by_the_general_parser(text: &str) -> Option<Record> {
    Record::decode_any(&text.into()).ok()
}

#[test]
fn what_was_written_here_is_read_straight() {
    for state in [
        r#"{}"#,
        r#"{"":""}"#,
        r#"{"a":0,"b":-1,"c":18446744073709551616,"d":true,"e":false,"f":null}"#,
        r#"{"a":[1, {"b": "}"}],"b":{"c":[]},"c":-0.5e-3,"d":1e999,"e":"\u00e9\"\\","ü":"ü"}"#,
    ] {
        let text = format!(r#"{{"v":3,"c":18446744073709551615,"u":0,"x":1,"p":1,"s":{state}}}"#);
        let record = straight(&text);
        assert!(record.is_some(), "{text}");
        assert_eq!(record, by_the_general_parser(&text));
    }
}

#[test]
fn anything_else_is_left_to_the_general_parser() {
    for text in [
        r#"{"v":3,"c":1,"u":1,"x":1,"p":1,"s":{"b":1,"a":1}}"#,
        r#"{"v":3,"c":1,"u":1,"x":1,"p":1,"s":{"a":1,"a":2}}"#,
        r#"{"v":3,"c":1,"u":1,"x":1,"p":1,"s":{"\u0061":1}}"#,
        r#"{"v":3,"c":1,"u":1,"x":1,"p":1,"s":{"a": 1}}"#,
        r#"{"v":3,"c":1,"u":1,"x":1,"p":1,"s":{"a":1 }}"#,
        r#"{"v":3,"u":1,"c":1,"x":1,"p":1,"s":{}}"#,
        r#" {"v":3,"c":1,"u":1,"x":1,"p":1,"s":{}}"#,
        r#"{"v":3,"c":1,"u":1,"x":1,"p":1,"s":{}} "#,
    ] {
        assert_eq!(straight(text), None, "{text}");
        assert!(by_the_general_parser(text).is_some(), "{text}");
    }
}

#[test]
fn what_is_no_record_is_never_read() {
    for state in [
        r#"{"a":01}"#,
        r#"{"a":-}"#,
        r#"{"a":1x}"#,
        r#"{"a":tru}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{"a":"b}"#,
        r#"{"a":[1}"#,
        r#"{"a"}"#,
        "{\"a\":\"\n\"}",
        "{\"\u{1}\":1}",
        "{",
    ] {
        let text = format!(r#"{{"v":3,"c":1,"u":1,"x":1,"p":1,"s":{state}}}"#);
        assert_eq!(straight(&text), None, "{text}");
        assert_eq!(by_the_general_parser(&text), None, "{text}");
    }
    for text in [
        r#"{"v":3,"c":18446744073709551616,"u":1,"x":1,"p":1,"s":{}}"#,
        r#"{"v":4,"c":1,"u":1,"x":1,"p":1,"s":{}}"#,
        r#"{"v":3,"c":01,"u":1,"x":1,"p":1,"s":{}}"#,
        r#"{"v":3,"c":1,"u":1,"x":1,"p":1,"s":{}"#,
    ] {
        assert_eq!(straight(text), None, "{text}");
        assert_eq!(by_the_general_parser(text), None, "{text}");
    }
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(".{0,4}", inner, 0..4)
                .prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

proptest! {
    /// Also after any one byte of it was changed, taken out or put in.
    #[test]
    fn both_read_the_same(
        values in btree_map(".{0,4}", value(), 0..5),
        times in any::<[u64; 3]>(),
        secret in any::<Option<[u8; 16]>>(),
        place in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let [created_at, used_at, ends_at] = times.map(Timestamp::from_unix_millis);
        let mut record = Record::new(created_at);
        record.used_at = used_at;
        record.ends_at = ends_at;
        record.secrets = secret.map(|secret| Secrets::new(Secret::from_bytes(secret).digest()));
        for (name, value) in &values {
            record.state.insert(name, value).unwrap();
        }
        let text = record.encode();
        prop_assert_eq!(by_the_general_parser(&text), Some(record.clone()));
        prop_assert_eq!(Record::decode(text.as_bytes()), Ok(record));
        let place = place.index(text.len());
        for how in [&[byte][..], &[], &[byte, text.as_bytes()[place]]] {
            let mut bytes = text.clone().into_bytes();
            bytes.splice(place..=place, how.iter().copied());
            if let Ok(text) = String::from_utf8(bytes)
                && let Some(record) = straight(&text)
            {
                prop_assert_eq!(by_the_general_parser(&text), Some(record));
            }
        }
    }
}
