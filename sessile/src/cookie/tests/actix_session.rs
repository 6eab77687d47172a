//! What `actix-session` made with the same key.

use ::cookie::{Cookie, CookieJar, Key};
use percent_encoding::utf8_percent_encode;

use super::{super::set_cookie::ESCAPED, *};

const KEY: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZab";
const STATE: &str = r#"{"user_id":"\"ferris\"","n":"1"}"#;
/// As its development branch writes it.
const NEW_STATE: &str = r#"{"v":1,"state":{"user_id":"ferris","n":1}}"#;

fn strict(security: CookieContentSecurity) -> SessionCookie {
    cookie_with(fixed_key(), |settings| {
        settings.cookie_content_security = security;
        settings.accept_actix_session_cookies = false;
    })
}

/// The cookie in which actix-session seals a content: it uses the jars of the `cookie` crate.
fn sealed(security: CookieContentSecurity, content: &str) -> String {
    let key = Key::from(&std::array::from_fn::<u8, 64, _>(|index| index as u8));
    let mut jar = CookieJar::new();
    let cookie = Cookie::new("id", content.to_owned());
    match security {
        Private => jar.private_mut(&key).add(cookie),
        Signed => jar.signed_mut(&key).add(cookie),
    }
    let value = jar.get("id").unwrap().value();
    format!("id={}", utf8_percent_encode(value, ESCAPED))
}

/// Both ways in which it seals a content.
fn both(content: &str) -> [(CookieContentSecurity, String); 2] {
    [Signed, Private].map(|security| (security, sealed(security, content)))
}

#[test]
fn a_key_is_unsealed() {
    for (security, header) in both(KEY) {
        let Some(Content::Key(key)) = read(&cookie(security), &header) else {
            panic!("it is a key");
        };
        assert_eq!(key.id.actix_session_key(), Some(KEY));
        assert!(key.secret.is_none() && key.hint.is_none());
    }
}

#[test]
fn a_state_is_unsealed() {
    for state in [STATE, NEW_STATE] {
        for (security, header) in both(state) {
            let Some(Content::Record(stored)) = read(&cookie(security), &header) else {
                panic!("it is a state");
            };
            let Record { state, undated, .. } = &stored.record;
            assert_eq!(state.get("user_id"), Ok(Some("ferris".to_owned())));
            assert_eq!(state.get("n"), Ok(Some(1)));
            assert!(undated);
        }
    }
}

#[test]
fn its_cookies_are_outdated_until_they_are_issued_again() {
    for content in [KEY, STATE] {
        for (security, header) in both(content) {
            let cookie = cookie(security);
            let unsealed = |header: &str| {
                let value = header.strip_prefix("id=").unwrap();
                let value = percent_encoding::percent_decode_str(value).collect::<Vec<_>>();
                cookie.unseal(&value, || ISSUED_AT).unwrap().unwrap()
            };
            let theirs = unsealed(&header);
            assert!(theirs.is_outdated);
            let issued = sent_back(&issue(&cookie, &theirs.content));
            assert!(!unsealed(&issued).is_outdated);
            assert_eq!(read(&strict(security), &issued), read(&cookie, &issued));
        }
    }
}

#[test]
fn nothing_of_it_is_accepted_where_that_is_turned_off() {
    for content in [KEY, STATE, NEW_STATE, "{}"] {
        for (security, header) in both(content) {
            assert!(read(&cookie(security), &header).is_some());
            assert_eq!(read(&strict(security), &header), None, "{content}");
        }
    }
    // Ours is.
    for security in [Private, Signed] {
        let content = a_key();
        let header = sent_back(&issue(&strict(security), &content));
        assert_eq!(read(&strict(security), &header), Some(content));
    }
}

/// Any text may be a key: the store decides whether it opens a session.
#[test]
fn nothing_else_passes_for_a_state() {
    for content in [
        "{",
        "{}x",
        r#"{"n":1}"#,
        r#"{"e":9999999999999,"r":{"v":2,"c":1,"t":1,"s":{}}}"#,
        r#"{"v":3,"s":{}}"#,
    ] {
        for (security, header) in both(content) {
            let opened = read(&cookie(security), &header);
            assert!(!matches!(opened, Some(Content::Record(..))), "{opened:?}");
        }
    }
}

#[test]
fn a_content_of_ours_that_the_application_sealed_is_not_ours() {
    let record = a_record("v");
    let text = record.to_text(ISSUED_AT);
    let (head, tail) = record.to_bytes(ISSUED_AT);
    let bytes = String::from_utf8_lossy(&head).into_owned() + &tail;
    for content in [text.clone(), format!("id={text}"), bytes] {
        for (security, header) in both(&content) {
            let opened = read(&cookie(security), &header);
            assert!(!matches!(opened, Some(Content::Record(..))), "{opened:?}");
            assert_eq!(read(&strict(security), &header), None);
        }
    }
}
