//! The jars of the `cookie` crate open what we seal, and we open what they seal.

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
