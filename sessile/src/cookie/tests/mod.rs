//! What is sealed is unsealed, and nothing else.

mod actix_session;
mod finding;

use std::time::Duration;

use super::*;
use crate::{
    config::CookieContentSecurity::{Private, Signed},
    record::{
        Record,
        id::{SessionId, SessionKey, SubjectDigest},
    },
};

const ISSUED_AT: Timestamp = Timestamp::from_unix_millis(1_800_000_000_000);

/// The 64 bytes 0, 1, 2, … 63.
fn fixed_key() -> SealingKey {
    SealingKey::from(std::array::from_fn(|index| index as u8))
}

fn cookie_with(key: SealingKey, change: impl FnOnce(&mut Settings)) -> SessionCookie {
    let mut settings = Settings::default();
    change(&mut settings);
    SessionCookie::new(key.into(), &settings)
}

fn cookie(security: CookieContentSecurity) -> SessionCookie {
    cookie_with(fixed_key(), |s| s.cookie_content_security = security)
}

fn a_key() -> Content {
    Content::Key(SessionKey::generate())
}

/// A record with this value in it.
fn a_record(value: &str) -> Content {
    let mut record = Record::new(ISSUED_AT);
    record.state.insert("value", value).unwrap();
    Content::record(SessionId::generate(), record)
}

fn issue(cookie: &SessionCookie, content: &Content) -> SetCookie {
    cookie.issue(content, ISSUED_AT, None).unwrap()
}

/// What a browser sends back for `set_cookie`.
fn sent_back(set_cookie: &SetCookie) -> String {
    set_cookie.as_str().split(';').next().unwrap().to_owned()
}

/// The content of the one cookie in `header`.
fn read(cookie: &SessionCookie, header: &str) -> Option<Content> {
    let NamedCookies::Values(values) = cookie.find([header.as_bytes()]) else {
        return None;
    };
    assert_eq!(values.len(), 1);
    let unsealed = cookie.unseal(&values[0], || ISSUED_AT)?;
    Some(unsealed.unwrap().content)
}

fn private_value(name: &str, content: impl AsRef<[u8]>) -> String {
    let mut value = String::new();
    fixed_key().encrypt(name, [content.as_ref(), b""], &mut value);
    value
}

fn signed_value(name: &str, content: &str) -> String {
    let mut value = String::new();
    fixed_key().sign(name, content, &mut value);
    value + content
}

/// The values are from Python's package `cryptography`, an independent implementation of the derivation and the
/// ciphers.
#[test]
fn the_construction_is_the_documented_one() {
    const SIGNED: &str = "u5CZ2znjv7xPiIKbD5kQXhUVRsNxoZ3dgkXr58pvW50a value";
    const PRIVATE: &str = "AAECAwQFBgcICQoLSAyeSF05yLsFVu9LORJKp9jzuzQ7lNc";
    assert_eq!(signed_value("name", "a value"), SIGNED);
    let key = fixed_key();
    let verified = key.verify("name", SIGNED.as_bytes());
    assert_eq!(verified, Some(&b"a value"[..]));
    let opened = |name| key.decrypt(name, PRIVATE.as_bytes(), |content| Some(content.to_vec()));
    assert_eq!(opened("name").as_deref(), Some(&b"a value"[..]));
    assert_eq!(opened("eman"), None);
}

#[test]
fn no_nonce_is_used_twice() {
    assert_ne!(
        private_value("name", "a value"),
        private_value("name", "a value")
    );
}

#[test]
fn a_content_survives_the_way_to_the_browser_and_back() {
    let mut hinted = SessionKey::generate();
    hinted.hint = Some(SubjectDigest::of("ferris"));
    let record = a_record("b;c, d\\ %41\"ü\u{1f980}");
    for security in [Private, Signed] {
        let cookie = cookie(security);
        for content in [a_key(), Content::Key(hinted.clone()), record.clone()] {
            let issued = issue(&cookie, &content);
            let is_visible = |byte| matches!(byte, b' '..=b'~');
            assert!(issued.as_str().bytes().all(is_visible));
            assert_eq!(read(&cookie, &sent_back(&issued)), Some(content));
        }
    }
}

#[test]
fn the_time_of_issue_is_unsealed_as_well() {
    let cookie = cookie(Private);
    let header = sent_back(&issue(&cookie, &a_key()));
    let value = header.strip_prefix("id=").unwrap();
    let unsealed = cookie.unseal(value.as_bytes(), || Timestamp::MAX).unwrap();
    assert_eq!(unsealed.unwrap().issued_at, ISSUED_AT);
}

#[test]
fn only_the_name_and_key_that_sealed_it_open_it() {
    for security in [Private, Signed] {
        for content in [a_key(), a_record("v")] {
            let issued = issue(&cookie(security), &content);
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
}

#[test]
fn every_changed_byte_and_every_truncation_is_noticed() {
    for security in [Private, Signed] {
        let cookie = cookie(security);
        for content in [a_key(), a_record("v")] {
            let header = sent_back(&issue(&cookie, &content));
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
}

#[test]
fn values_that_are_not_sealed_are_rejected() {
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
            assert_eq!(read(&cookie, header), None);
        }
    }
}

#[test]
fn a_record_of_a_later_version_is_distinguished_from_other_data() {
    let later = |text: &str| text.replace("}}", r#"},"crit":["later"],"later":1}"#);
    let newer = a_record("v");
    let (head, tail) = newer.to_bytes(ISSUED_AT);
    let value = private_value("id", [&head, later(&tail).as_bytes()].concat());
    let unsealed = cookie(Private)
        .unseal(value.as_bytes(), || ISSUED_AT)
        .unwrap();
    assert!(unsealed.unwrap_err().is_newer());
    let value = signed_value("id", &later(&newer.to_text(ISSUED_AT)));
    let unsealed = cookie(Signed)
        .unseal(value.as_bytes(), || ISSUED_AT)
        .unwrap();
    assert!(unsealed.unwrap_err().is_newer());
}

#[test]
fn a_cookie_has_the_attributes_of_the_settings() {
    let cookie = cookie_with(fixed_key(), |settings| {
        settings.cookie_domain = Some("example.org".into());
        settings.cookie_path = "/app".into();
    });
    let attributes = "; Path=/app; Domain=example.org; Secure; HttpOnly; SameSite=Lax";
    let removal = cookie.removal();
    let gone = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
    assert_eq!(removal.as_str(), format!("id={attributes}{gone}"));
    let kept = cookie.issue(&a_key(), ISSUED_AT, Some(Duration::from_millis(59_001)));
    let expected = format!("{attributes}; Max-Age=60");
    assert!(kept.unwrap().as_str().ends_with(&expected));
    assert!(issue(&cookie, &a_key()).as_str().ends_with(attributes));
}

#[test]
fn the_size_is_that_of_what_is_sent() {
    for security in [Private, Signed] {
        let cookie = cookie(security);
        let issue = |len: usize| cookie.issue(&a_record(&"k".repeat(len)), ISSUED_AT, None);
        let largest = (1..=4096)
            .rev()
            .find_map(|len| issue(len).ok())
            .expect("something fits");
        assert!((4090..=4096).contains(&largest.as_str().len()));

        let error = issue(4096).unwrap_err();
        assert_eq!(error.name, "id");
        assert!(error.len > 4096);
        let over = format!("{} more", error.len - 4096);
        assert!(error.to_string().contains(&over));
    }
}

#[test]
fn a_cookie_of_another_key_of_the_ring_is_sealed_again() {
    let (old, new) = (fixed_key(), SealingKey::generate());
    for security in [Private, Signed] {
        let ring = KeyRing::from(old.clone());
        let settings = Settings {
            cookie_content_security: security,
            ..Settings::default()
        };
        let cookie = SessionCookie::new(ring.clone(), &settings);
        let is_outdated = |header: &str| {
            let value = header.strip_prefix("id=").unwrap().as_bytes();
            let unsealed = cookie.unseal(value, || ISSUED_AT)?;
            Some(unsealed.unwrap().is_outdated)
        };
        let old_header = sent_back(&issue(&cookie, &a_key()));
        assert_eq!(is_outdated(&old_header), Some(false));

        // Before it seals, the new key only opens.
        ring.replace([old.clone(), new.clone()]).unwrap();
        assert_eq!(is_outdated(&old_header), Some(false));

        ring.replace([new.clone(), old.clone()]).unwrap();
        let new_header = sent_back(&issue(&cookie, &a_key()));
        assert_eq!(is_outdated(&old_header), Some(true));
        assert_eq!(is_outdated(&new_header), Some(false));

        ring.replace([new.clone()]).unwrap();
        assert_eq!(is_outdated(&old_header), None);
        assert_eq!(is_outdated(&new_header), Some(false));
    }
}
