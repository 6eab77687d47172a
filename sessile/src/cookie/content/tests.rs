use super::*;

const ISSUED_AT: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

fn bytes(content: &Content) -> Vec<u8> {
    let (head, tail) = content.to_bytes(ISSUED_AT);
    [&head, tail.as_bytes()].concat()
}

/// How long its text and its bytes are.
#[track_caller]
fn assert_round_trip(content: Content) -> (usize, usize) {
    let (text, bytes) = (content.to_text(ISSUED_AT), bytes(&content));
    let expected = Some(Ok(Unsealed {
        content,
        issued_at: ISSUED_AT,
        is_outdated: false,
    }));
    assert_eq!(Content::from_text(text.as_bytes()), expected);
    assert_eq!(Content::from_bytes(&bytes), expected);
    (text.len(), bytes.len())
}

#[test]
fn every_content_is_read_back() {
    let mut key = SessionKey::generate();
    assert_eq!(assert_round_trip(Content::Key(key.clone())), (55, 41));
    key.hint = Some(SubjectDigest::of("ferris"));
    assert_eq!(assert_round_trip(Content::Key(key)), (76, 57));
    let mut record = Record::new(ISSUED_AT);
    record.state.insert("n", &1).unwrap();
    let content = Content::record(SessionId::generate(), record);
    let text_len = r#"{"n":1}}"#.len();
    assert_eq!(assert_round_trip(content), (76 + text_len, 57 + text_len));
    let mut old = Content::of_actix_session_key(&"aB3".repeat(22)[..64]);
    assert_eq!(assert_round_trip(old.clone()), (98, 73));
    // The hint of such a key is not kept.
    if let Content::Key(key) = &mut old {
        key.hint = Some(SubjectDigest::of("ferris"));
    }
    assert_eq!(bytes(&old).len(), 73);
}

#[test]
fn contents_of_actix_session_are_recognized_by_their_form() {
    let unsealed = |text| Content::of_actix_session(b"value", text, || ISSUED_AT);
    for key in [
        "aB3",
        "not a state",
        "\u{e9}",
        "{",
        r#"{"n":1}"#,
        "{A-GUID}",
    ] {
        let expected = Content::of_actix_session_key(key);
        assert_eq!(unsealed(key).unwrap().content, expected);
    }
    let Content::Record(stored) = unsealed(r#"{"n":"1"}"#).unwrap().content else {
        panic!("a state is a record");
    };
    assert_eq!(stored.record.state.get("n"), Ok(Some(1)));
    assert_eq!(unsealed(""), None);
}

#[test]
fn a_record_of_a_later_version_is_an_error() {
    let record = Content::record(SessionId::generate(), Record::new(ISSUED_AT));
    let record = record.to_text(ISSUED_AT);
    // The first byte is in the first two characters.
    for (start, form) in [("BA", 4), ("AA", 0), ("_w", 255)] {
        assert_eq!(
            Content::from_text(format!("{start}{}", &record[2..]).as_bytes()),
            Some(Err(DecodeError::UnknownForm { form }))
        );
    }
    let critical = record[..record.len() - 1].to_owned() + r#","crit":["new"],"new":1}"#;
    assert_eq!(
        Content::from_text(critical.as_bytes()),
        Some(Err(DecodeError::UnknownCritical))
    );
}

#[test]
fn other_texts_are_refused() {
    let key = Content::Key(SessionKey::generate()).to_text(ISSUED_AT);
    let record = Content::record(SessionId::generate(), Record::new(ISSUED_AT));
    let record = record.to_text(ISSUED_AT);
    let last = key.len() - 1;
    for text in [
        format!("{key}A"),
        format!("{key}AAAA"),
        format!("{key}{{}}"),
        format!("+{}", &key[1..]),
        key[..last].to_owned(),
        // A key of actix-session that is not UTF-8.
        format!("Av{}", &key[2..]),
        key[..34].to_owned(),
        record[..HEAD_TEXT_LEN].to_owned(),
        record[..record.len() - 1].to_owned(),
        record.replace("{", "{["),
        format!("AQ{}", "A".repeat(4094)),
        "\u{e9}".repeat(40),
    ] {
        assert_eq!(Content::from_text(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn other_bytes_are_refused() {
    let key = bytes(&Content::Key(SessionKey::generate()));
    let record = bytes(&Content::record(
        SessionId::generate(),
        Record::new(ISSUED_AT),
    ));
    for len in (0..key.len()).chain([key.len() + 1, key.len() + 15, key.len() + 17]) {
        let mut other = key.clone();
        other.resize(len, 0);
        assert_eq!(Content::from_bytes(&other), None, "{len}");
    }
    for len in 0..record.len() {
        assert_eq!(Content::from_bytes(&record[..len]), None, "{len}");
    }
    for form in (0..=u8::MAX).filter(|form| !(KEY..=RECORD).contains(form)) {
        let mut other = key.clone();
        other[0] = form;
        let error = DecodeError::UnknownForm { form: form.into() };
        assert_eq!(Content::from_bytes(&other), Some(Err(error)));
    }
}
