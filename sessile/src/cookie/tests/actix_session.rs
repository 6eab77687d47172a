//! What `actix-session` made with the same key.

use super::*;

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

fn signed(content: &str) -> String {
    let sealed = signed_value(content);
    format!("id={}", utf8_percent_encode(&sealed, ESCAPED))
}

fn private(content: &str) -> String {
    format!("id={}", private_value("id", content))
}

/// Both ways in which it seals a content.
fn both(content: &str) -> [(CookieContentSecurity, String); 2] {
    [(Signed, signed(content)), (Private, private(content))]
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
            let Some(Content::Record(_, record)) = read(&cookie(security), &header) else {
                panic!("it is a state");
            };
            assert_eq!(record.state.get("user_id"), Ok(Some("ferris".to_owned())));
            assert_eq!(record.state.get("n"), Ok(Some(1)));
            assert!(record.undated);
        }
    }
}

#[test]
fn a_key_is_bound_to_the_name_of_the_cookie_when_it_is_issued_again() {
    let content = read(&cookie(Signed), &signed(KEY)).unwrap();
    let issued = issue(&cookie(Signed), &content);
    assert_eq!(sent_back(&issued), signed(&format!("id={KEY}")));
    assert_eq!(read(&cookie(Signed), &sent_back(&issued)), Some(content));
}

#[test]
fn nothing_of_it_is_accepted_where_that_is_turned_off() {
    for content in [KEY, STATE, NEW_STATE, "{}"] {
        for (security, header) in both(content) {
            assert!(read(&cookie(security), &header).is_some());
            assert_eq!(read(&strict(security), &header), None, "{content}");
        }
        let bound = signed(&format!("id={content}"));
        assert_eq!(read(&strict(Signed), &bound), None, "{content}");
    }
    // Ours is.
    for security in [Private, Signed] {
        let content = a_key();
        let header = sent_back(&issue(&strict(security), &content));
        assert_eq!(read(&strict(security), &header), Some(content));
    }
}

#[test]
fn nothing_else_passes_for_it() {
    for content in [
        "",
        "a value",
        &KEY[1..],
        &format!("{KEY}b"),
        &format!("ids={KEY}"),
        &format!("other={KEY}"),
        &format!("other={STATE}"),
        &format!("={KEY}"),
        r#"{"n":1}"#,
        r#"{"e":9999999999999,"r":{"v":2,"c":1,"t":1,"s":{}}}"#,
    ] {
        assert_eq!(read(&cookie(Signed), &signed(content)), None, "{content}");
        assert_eq!(read(&cookie(Private), &private(content)), None, "{content}");
    }
}

#[test]
fn a_value_of_ours_without_the_name_does_not_pass_for_it() {
    let content = a_record("v").to_text(ISSUED_AT);
    assert_eq!(read(&cookie(Signed), &signed(&content)), None);
    let bound = signed(&format!("id={content}"));
    assert!(read(&cookie(Signed), &bound).is_some());
}
