use super::*;
use crate::config::CookieContentSecurity::{Private, Signed};

/// The 64 bytes 0, 1, 2, … 63.
fn fixed_key() -> SealingKey {
    SealingKey::from(std::array::from_fn(|index| index as u8))
}

fn cookie_with(key: SealingKey, change: impl FnOnce(&mut Settings)) -> SessionCookie {
    let mut settings = Settings::default();
    change(&mut settings);
    SessionCookie::new(key, &settings)
}

fn cookie(security: CookieContentSecurity) -> SessionCookie {
    cookie_with(fixed_key(), |s| s.cookie_content_security = security)
}

fn session_key(text: &str) -> SessionKey {
    SessionKey::try_from(text.to_owned()).unwrap()
}

/// What a browser sends back for `set_cookie`.
fn sent_back(set_cookie: &SetCookie) -> String {
    set_cookie.as_str().split(';').next().unwrap().to_owned()
}

fn read(cookie: &SessionCookie, header: &str) -> Option<String> {
    cookie.read([header.as_bytes()]).map(Into::into)
}

/// `[MAC | content]`.
fn signed_value(content: &str) -> String {
    let mut value = String::new();
    fixed_key().sign(&[content], &mut value);
    value + content
}

fn private_value(name: &str, content: &str) -> String {
    let mut value = String::new();
    fixed_key().encrypt(name, content, &mut value);
    value
}

fn decrypted(name: &str, value: &str) -> Option<String> {
    fixed_key().decrypt(name, value, |content| Some(content.to_owned()))
}

#[test]
fn a_key_survives_the_way_to_the_browser_and_back() {
    for security in [Private, Signed] {
        let cookie = cookie(security);
        for text in ["k", "{\"a\":\"b;c, d\\ %41\",\"ü\":\"\u{1f980}\"}", "a=b"] {
            let issued = cookie.issue(&session_key(text), None).unwrap();
            assert!(
                issued
                    .as_str()
                    .bytes()
                    .all(|byte| matches!(byte, b' '..=b'~'))
            );
            assert_eq!(read(&cookie, &sent_back(&issued)).as_deref(), Some(text));
        }
    }
}

#[test]
fn a_value_that_is_as_today_goes_back_as_it_came() {
    for security in [Private, Signed] {
        let cookie = cookie(security);
        let key = session_key("a b");
        let issued = cookie.issue(&key, None).unwrap();
        let header = sent_back(&issued);
        let Found::Value(value) = cookie.find([header.as_bytes()]) else {
            panic!("it is there");
        };
        let max_age = Some(Duration::from_secs(60));
        let again = cookie.issue_again(&value, &key, max_age).unwrap();
        assert_eq!(sent_back(&again), header);
        assert!(again.as_str().ends_with("; Max-Age=60"));
    }
}

#[test]
fn only_the_name_and_key_it_was_made_for_open_it() {
    for security in [Private, Signed] {
        let issued = cookie(security).issue(&session_key("k"), None).unwrap();
        let value = sent_back(&issued).split_once('=').unwrap().1.to_owned();

        let other_name = cookie_with(fixed_key(), |settings| {
            settings.cookie_content_security = security;
            settings.cookie_name = "i".into();
        });
        let other_key = cookie_with(SealingKey::generate(), |settings| {
            settings.cookie_content_security = security;
        });
        let other_security = cookie(if security == Private { Signed } else { Private });
        assert_eq!(read(&other_name, &format!("i={value}")), None);
        assert_eq!(read(&other_key, &format!("id={value}")), None);
        assert_eq!(read(&other_security, &format!("id={value}")), None);
    }
}

#[test]
fn every_changed_byte_and_every_truncation_is_noticed() {
    for security in [Private, Signed] {
        let cookie = cookie(security);
        let header = sent_back(&cookie.issue(&session_key("abcdefgh"), None).unwrap());
        for index in "id=".len()..header.len() {
            assert_eq!(read(&cookie, &header[..index]), None);
            for replacement in ["A", "B", "=", "~"] {
                let mut changed = header.clone();
                changed.replace_range(index..=index, replacement);
                if changed != header {
                    assert_eq!(read(&cookie, &changed), None, "{security:?} {index}");
                }
            }
        }
    }
}

#[test]
fn values_that_are_not_sealed_at_all_are_rejected() {
    let digest_of_nothing_like_ours = format!("id={}", "é".repeat(30));
    for security in [Private, Signed] {
        let cookie = cookie(security);
        for header in [
            "id=x",
            "id=%00",
            &digest_of_nothing_like_ours,
            &format!("id={}", "A".repeat(44)),
            &format!("id={}", "A".repeat(8192)),
        ] {
            assert!(cookie.read([header.as_bytes()]).is_none());
        }
    }
}

#[test]
fn attributes_and_removal() {
    let cookie = cookie_with(fixed_key(), |settings| {
        settings.cookie_domain = Some("example.org".into());
        settings.cookie_path = "/app".into();
    });
    let attributes = "; Path=/app; Domain=example.org; Secure; HttpOnly; SameSite=Lax";
    assert_eq!(
        cookie.removal().as_str(),
        format!("id={attributes}; Max-Age=0")
    );
    let kept = cookie
        .issue(&session_key("k"), Some(Duration::from_millis(59_001)))
        .unwrap();
    assert!(
        kept.as_str()
            .ends_with(&format!("{attributes}; Max-Age=60"))
    );
    let forgotten = cookie.issue(&session_key("k"), None).unwrap();
    assert!(forgotten.as_str().ends_with(attributes));
}

#[test]
fn the_size_is_that_of_what_is_sent() {
    for security in [Private, Signed] {
        let cookie = cookie(security);
        let issue = |len| cookie.issue(&session_key(&"k".repeat(len)), None);
        let largest = (1..=4096)
            .rev()
            .find_map(|len| issue(len).ok())
            .expect("something fits");
        assert!((4090..=4096).contains(&largest.as_str().len()));

        let error = issue(4000 + 96).unwrap_err();
        assert_eq!(error.name, "id");
        assert!(error.len > 4096);
        assert!(
            error
                .to_string()
                .contains(&format!("{} more", error.len - 4096))
        );
    }
}

/// What version 0.16.2 of the `cookie` crate made of the same key, name and value.
mod fixed_vectors {
    use super::*;

    const SIGNED: &str = "ZDlJoLTjB/7nO5ol5wRnQ2XIaAcynhLMQb7fAbNz7rI=a value";
    const PRIVATE: &str = "9qcmT5m7R6HbyNJOz715qR6Et3cMo4R7KL0EqOZbwX5h9ow=";

    #[test]
    fn signed() {
        assert_eq!(signed_value("a value"), SIGNED);
        assert_eq!(fixed_key().verify(SIGNED), Some("a value"));
    }

    #[test]
    fn private() {
        let opened = decrypted("name", PRIVATE);
        assert_eq!(opened.as_deref(), Some("a value"));
        assert_eq!(decrypted("eman", PRIVATE), None);
        let again = private_value("name", "a value");
        assert_eq!(again.len(), PRIVATE.len());
        assert_ne!(again, PRIVATE, "a nonce was used twice");
    }
}

/// The jars of the `cookie` crate open what we seal, and we open what they seal.
mod jars {
    use ::cookie::{Cookie, CookieJar, Key};

    use super::*;

    const VALUES: [&str; 4] = ["", "v", "{\"a\": [1, 2]}", "ключ; \u{1f980}"];

    fn jar_key() -> Key {
        Key::from(&fixed_key().master)
    }

    fn jar_with(value: String) -> CookieJar {
        let mut jar = CookieJar::new();
        jar.add_original(Cookie::new("name", value));
        jar
    }

    fn value_in(jar: &CookieJar) -> String {
        jar.get("name").unwrap().value().to_owned()
    }

    #[test]
    fn signed() {
        for value in VALUES {
            let ours = jar_with(signed_value(value));
            let opened = ours.signed(&jar_key()).get("name").unwrap();
            assert_eq!(opened.value(), value);

            let mut theirs = CookieJar::new();
            theirs
                .signed_mut(&jar_key())
                .add(Cookie::new("name", value));
            assert_eq!(fixed_key().verify(&value_in(&theirs)), Some(value));
            assert_eq!(signed_value(value), value_in(&theirs));
        }
    }

    #[test]
    fn private() {
        for value in VALUES {
            let ours = jar_with(private_value("name", value));
            let opened = ours.private(&jar_key()).get("name").unwrap();
            assert_eq!(opened.value(), value);

            let mut theirs = CookieJar::new();
            theirs
                .private_mut(&jar_key())
                .add(Cookie::new("name", value));
            let opened = decrypted("name", &value_in(&theirs));
            assert_eq!(opened.as_deref(), Some(value));
        }
    }
}

/// What `actix-session` made with the same key.
mod legacy {
    use super::*;

    const KEY: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZab";
    const STATE: &str = r#"{"user_id":"\"ferris\"","n":"1"}"#;

    fn strict(security: CookieContentSecurity) -> SessionCookie {
        cookie_with(fixed_key(), |settings| {
            settings.cookie_content_security = security;
            settings.accept_legacy = false;
        })
    }

    fn signed(content: &str) -> String {
        let sealed = signed_value(content);
        format!("id={}", utf8_percent_encode(&sealed, ESCAPED))
    }

    fn private(content: &str) -> String {
        format!("id={}", private_value("id", content))
    }

    #[test]
    fn is_opened() {
        for content in [KEY, STATE, "{}", r#"{"v":1,"state":{"n":1}}"#] {
            assert_eq!(
                read(&cookie(Signed), &signed(content)).as_deref(),
                Some(content)
            );
            assert_eq!(
                read(&cookie(Private), &private(content)).as_deref(),
                Some(content)
            );
        }
    }

    #[test]
    fn is_bound_to_the_name_when_it_is_set_again() {
        let key = session_key(KEY);
        let issued = cookie(Signed).issue_again(&signed_value(KEY), &key, None);
        assert_eq!(sent_back(&issued.unwrap()), signed(&format!("id={KEY}")));
    }

    #[test]
    fn is_rejected_where_that_was_chosen() {
        for content in [KEY, STATE, "{}"] {
            assert_eq!(read(&strict(Signed), &signed(content)), None);
        }
        assert_eq!(read(&strict(Private), &private(STATE)), None);
        // Such a key looks the same as it does today, and the store knows its end.
        assert_eq!(read(&strict(Private), &private(KEY)).as_deref(), Some(KEY));
        let today = signed(&format!("id={KEY}"));
        assert_eq!(read(&strict(Signed), &today).as_deref(), Some(KEY));
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
        }
    }
}
