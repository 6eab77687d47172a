use std::collections::HashSet;

use super::*;

#[test]
fn ids_and_secrets_differ() {
    let keys: Vec<SessionKey> = (0..1000).map(|_| SessionKey::generate()).collect();
    let ids: HashSet<_> = keys.iter().map(|key| key.id().to_string()).collect();
    let secrets: HashSet<_> = keys
        .iter()
        .filter_map(|key| key.secret.map(|it| *it.as_bytes()))
        .collect();
    assert_eq!((ids.len(), secrets.len()), (1000, 1000));
}

#[test]
fn an_id_has_one_text_form() {
    let id = SessionId::from_bytes([255; 16]);
    assert_eq!(id.to_string(), "_____________________w");
    assert_eq!("_____________________w".parse(), Ok(id));
    for text in [
        "",
        "_____________________",
        "_____________________w=",
        "______________________w",
        // Bits that no byte has.
        "______________________",
        "+____________________w",
        " ____________________w",
        "_____________________\u{e9}",
    ] {
        let len = text.len();
        assert_eq!(
            text.parse::<SessionId>(),
            Err(InvalidSessionIdError { len }),
            "{text}"
        );
    }
}

#[test]
fn an_id_of_actix_session_shows_a_digest_of_its_key() {
    let key = "a".repeat(64);
    let id = SessionId::of_actix_session(&key);
    assert_eq!(id.actix_session_key(), Some(&*key));
    // `printf 'a%.0s' $(seq 64) | sha256sum` begins with ffe054fe7ae0cb6dc65c3af9b61d5209.
    assert_eq!(id.to_string(), "_-BU_nrgy23GXDr5th1SCQ");
    assert!(!format!("{id:?}").contains("aaa"));
    assert_ne!(id, SessionId::from_bytes(*id.as_bytes()));
}

#[test]
fn debug_shows_no_secret() {
    let key = SessionKey {
        id: SessionId::from_bytes([0; 16]),
        secret: Some(Secret::from_bytes(*b"sixteen secrets!")),
        hint: None,
    };
    assert_eq!(format!("{key:?}"), "SessionKey(AAAAAAAAAAAAAAAAAAAAAA, ..)");
}

#[test]
fn secrets_are_equal_by_their_bytes() {
    let secret = Secret::from_bytes([7; 16]);
    assert_eq!(secret.digest(), Secret::from_bytes([7; 16]).digest());
    for place in 0..16 {
        let mut bytes = [7; 16];
        bytes[place] ^= 1;
        assert!(
            secret != Secret::from_bytes(bytes)
                && secret.digest() != Secret::from_bytes(bytes).digest()
        );
    }
}

#[test]
fn an_id_is_its_text_form_in_json() {
    let id = SessionId::from_bytes([255; 16]);
    let text = r#""_____________________w""#;
    assert_eq!(serde_json::to_string(&id).unwrap(), text);
    assert_eq!(serde_json::from_str::<SessionId>(text).unwrap(), id);
    let error = serde_json::from_str::<SessionId>("\"_____________________x\"");
    assert!(error.is_err(), "bits that no id has");
}
