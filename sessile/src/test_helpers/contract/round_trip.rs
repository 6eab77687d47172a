//! Records of any content are loaded as they were stored.

use std::sync::Arc;

use super::{
    case::{Case, MINUTE},
    content::{content, set},
    rules,
};
use crate::{
    clock::{Clock as _, SystemClock, Timestamp},
    record::Record,
    storage::{CreateOutcome, Freshness, Loaded, SessionId, SessionStore, SubjectDigest, Version},
};

pub(super) async fn a_record_comes_back_as_it_was_stored<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::AS_STORED);
    let created = content(1);
    case.creates(&created, MINUTE).await;
    case.finds(&created).await;

    // All its times are different.
    let updated = content(2);
    case.updates(&created, &updated, MINUTE).await;
    case.finds(&updated).await;

    // The engine decides what the times are: they may be any, in any order.
    let mut odd = content(3);
    odd.record.created_at = Timestamp::MAX;
    odd.record.used_at = Timestamp::from_unix_millis(0);
    odd.record.ends_at = Timestamp::MAX;
    case.updates(&updated, &odd, MINUTE).await;
    case.finds(&odd).await;

    let mut empty = content(4);
    empty.record.state.clear();
    case.updates(&odd, &empty, MINUTE).await;
    case.finds(&empty).await;
}

pub(super) async fn every_member_comes_back<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::AS_STORED);
    let created = full(1);
    case.creates(&created, MINUTE).await;
    case.finds(&case.created(&created)).await;

    let plain = content(2);
    case.updates(&created, &plain, MINUTE).await;
    case.finds(&plain).await;

    let updated = full(3);
    case.updates(&plain, &updated, MINUTE).await;
    case.finds(&updated).await;
}

/// A record with every member that there is, and with one of a later version.
fn full(value: u32) -> Loaded {
    let now = SystemClock.now().as_unix_millis();
    // No other run of the suite may have ended the sessions of this subject.
    let subject = SessionId::generate();
    let text = format!(
        concat!(
            r#"{{"v":3,"c":{now},"u":{now},"x":{now},"p":{epoch},"k":"AAAAAAAAAAAAAAAAAAAAAA","s":{{"value":{value}}}"#,
            r#","o":{{"d":"AQAAAAAAAAAAAAAAAAAAAA","e":6,"t":5}}"#,
            r#","r":{{"t":6,"p":"AgAAAAAAAAAAAAAAAAAAAA","n":"AwAAAAAAAAAAAAAAAAAAAA"}}"#,
            r#","sub":"{subject}","in":{now},"auth":{now},"label":"sid-{value}","labels":{{"browser":"Firefox"}}"#,
            r#","life":{{"i":8,"a":9,"p":true}},"device":"{{\"kty\":\"EC\"}}","flash":[[10,"notice","Saved."]],"crit":["device"],"later":[1, {value}]}}"#,
        ),
        now = now,
        epoch = u64::MAX,
        value = value,
        subject = subject,
    );
    let record = Record::decode(text.as_bytes());
    let record = record.unwrap_or_else(|error| panic!("the suite's own record: {error}"));
    let version = Version::generate();
    Loaded { record, version }
}

pub(super) async fn names_and_values_are_any_text<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::AS_STORED);
    let texts = [
        "",
        " ",
        "trailing ",
        "case",
        "CASE",
        "quotes ' \" ` \\ \\\" $1 %s {} ?",
        "controls \0 \u{1} \t \r \n \u{7f}",
        "'; DROP TABLE sessions; --",
        "\u{e9} e\u{301} \u{df} \u{410} \u{5e2}\u{5d1}\u{5e8}\u{5d9}\u{5ea}",
        "\u{1f980} \u{10ffff} \u{feff} \u{fffd} \u{2028} \u{200d}",
    ];
    let mut new = content(1);
    for (number, text) in texts.iter().enumerate() {
        let json = serde_json::Value::from(*text).to_string();
        set(&mut new.record, text, &json);
        set(&mut new.record, &number.to_string(), &json);
    }
    for (name, json) in [
        ("spaces", "[ 1 ,\n\t2 ]"),
        (
            "numbers",
            "[-0.0,1e999,1.10,123456789012345678901234567890]",
        ),
        ("escapes", r#""\u0000\ud83e\udd80\/""#),
        ("members", r#"{"b":1,"a":2,"b":3}"#),
    ] {
        set(&mut new.record, name, json);
    }
    case.creates(&new, MINUTE).await;
    case.finds(&new).await;
}

pub(super) async fn a_large_record_comes_back<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::AS_STORED);
    let large = |value| {
        let mut large = content(value);
        for number in 0..100 {
            let json = format!("\"{}\"", format!("{value}-{number} ").repeat(150));
            set(&mut large.record, &format!("name {number}"), &json);
        }
        large
    };
    // From small to more than 100 KB, to other content of that size, and back.
    let (small, one, other) = (content(1), large(2), large(33));
    case.creates(&small, MINUTE).await;
    case.updates(&small, &one, MINUTE).await;
    case.finds(&one).await;
    case.updates(&one, &other, MINUTE).await;
    case.finds(&other).await;
    let small = content(4);
    case.updates(&other, &small, MINUTE).await;
    case.finds(&small).await;
}

pub(super) async fn the_hint_does_not_matter<S: SessionStore>(store: Arc<S>) {
    let mut case = Case::new(&store, rules::HINT);
    let mut new = full(1);
    for subject in ["that of the record", "none in the record"] {
        case.id = SessionId::generate();
        case.note(format!("the hint is {subject}"));
        case.creates(&new, MINUTE).await;
        let hint = (new.record.subject()).unwrap_or(SubjectDigest::from_bytes([7; 16]));
        for freshness in [Freshness::Cached, Freshness::Current] {
            let load = store.load(&case.id, Some(&hint), freshness);
            let found = case.succeeds("`load` with a hint", load).await;
            case.wants_found(found.as_ref(), &case.created(&new));
        }
        new = content(2);
    }
}

pub(super) async fn ids_are_kept_apart<S: SessionStore>(store: Arc<S>) {
    let bytes = *SessionId::generate().as_bytes();
    let id = |place: usize, byte: u8| {
        let mut bytes = bytes;
        bytes[place] = byte;
        SessionId::from_bytes(bytes)
    };
    // The text forms of some ids differ only in the case of a letter. Others differ in their first
    // or last byte, or end with a zero or a space, which columns of a fixed length use as padding.
    for (one, other) in [
        (id(0, 0x00), id(0, 0x68)),
        (id(0, 0x01), id(0, 0x02)),
        (id(15, 0x01), id(15, 0x02)),
        (id(15, 0x00), id(15, 0x20)),
    ] {
        let mut one = Case::on(&store, rules::APART, one);
        let mut other = Case::on(&store, rules::APART, other);
        let (first, second, third) = (content(1), content(2), content(3));
        one.creates(&first, MINUTE).await;
        other.note(format!("`create` under the id {} answered Created", one.id));
        other.note(format!("nothing was stored under the id {}", other.id));
        other.finds_nothing().await;
        if other.create("", &second, MINUTE).await == CreateOutcome::Taken {
            // A store may refuse a similar id, because the engine then draws another one.
            one.finds(&first).await;
            one.deletes("").await;
            continue;
        }
        one.finds(&first).await;
        one.updates(&first, &third, MINUTE).await;
        other.finds(&second).await;
        one.deletes("").await;
        other.finds(&second).await;
        other.deletes("").await;
    }
}
