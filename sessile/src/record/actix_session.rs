//! What actix-session left: cookies that it sealed, its session keys, and the text of its states, up to version
//! 0.11 and as its development branch writes them since.
//!
//! Such a state has no times (`Record::undated`). The time of the load counts as the time of creation and of use. If
//! reading extends the lifetime, the first request touches the record.
//!
//! In cookies, the form of the content distinguishes a state from a key, and the store decides which keys it opens
//! (`opens_actix_session_key`). The `cookie` crate, which sealed these cookies, opens them.

use cookie::{Cookie, CookieJar, Key};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    clock::Timestamp,
    config::CookieContentSecurity,
    record::{
        Record,
        json::{self, JsonError},
        state::State,
    },
};

/// The content that was sealed with `key` as this `value` of the cookie `name`.
///
/// Encryption binds the value to the name, and signing does not.
pub(crate) fn unseal(
    key: &Key,
    name: &str,
    value: &str,
    security: CookieContentSecurity,
) -> Option<String> {
    let mut jar = CookieJar::new();
    jar.add_original(Cookie::new(name.to_owned(), value.to_owned()));
    let opened = match security {
        CookieContentSecurity::Private => jar.private(key).get(name),
        CookieContentSecurity::Signed => jar.signed(key).get(name),
    };
    opened.map(|cookie| cookie.value().to_owned())
}

/// Whether `text` has the form of its session keys.
#[cfg(any(test, feature = "redis-rs-session"))]
pub(crate) fn is_key(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The record of `text`, one of its states, as created and used at `now`.
pub(crate) fn record(text: &str, now: Timestamp) -> Result<Record, JsonError> {
    state(text).map(|state| Record::undated(state, now))
}

/// Up to 0.11 it wrote an object of JSON texts in strings; what it writes later is an object with
/// its version and the state.
fn state(text: &str) -> Result<State, JsonError> {
    let Object(outer) = json::parse(text)?;
    match (outer.text("v"), outer.text("state")) {
        (Some(version), Some(state)) if version == "1" && outer.len() == 2 => {
            json::parse::<Object>(state).map(|Object(state)| state)
        }
        _ => {
            let mut state = State::default();
            for (name, text) in outer.iter() {
                let text: String = json::parse(text)?;
                set(&mut state, name, &text)?;
            }
            Ok(state)
        }
    }
}

/// Puts `text`, which has to be JSON, into `state`.
pub(crate) fn set(state: &mut State, name: &str, text: &str) -> Result<(), JsonError> {
    json::parse::<&RawValue>(text)?;
    state.set(&name.into(), text.into());
    Ok(())
}

/// An object, with its values as they stand there.
#[derive(Deserialize)]
#[serde(transparent)]
struct Object(#[serde(deserialize_with = "crate::record::state::deserialize")] State);

#[cfg(test)]
mod tests {
    use super::*;

    fn entries<'a>(entries: &[(&'a str, &'a str)]) -> State {
        let mut state = State::default();
        for (name, text) in entries {
            state.set(&(*name).into(), (*text).into());
        }
        state
    }

    #[test]
    fn both_forms_of_a_state_are_read() {
        let expected = entries(&[("user_id", "\"ferris\""), ("n", "1")]);
        for text in [
            r#"{"user_id":"\"ferris\"","n":"1"}"#,
            r#"{"v":1,"state":{"user_id":"ferris","n":1}}"#,
        ] {
            assert_eq!(state(text).as_ref(), Ok(&expected));
        }
        assert!(state("{}").unwrap().is_empty());
        // Names that look like those of the later form.
        let named = state(r#"{"v":"1","state":"{}"}"#);
        assert_eq!(named, Ok(entries(&[("v", "1"), ("state", "{}")])));
    }

    #[test]
    fn everything_else_is_no_state() {
        for text in [
            "",
            "null",
            "[]",
            "{",
            "hello",
            r#" {"n":"1"} x"#,
            r#"{"n":1}"#,
            r#"{"n":"ferris"}"#,
            r#"{"n":"1 2"}"#,
            r#"{"v":2,"state":{"n":1}}"#,
            r#"{"v":1,"state":[]}"#,
            r#"{"e":1000,"r":{"v":2,"c":1,"t":1,"s":{}}}"#,
        ] {
            assert!(state(text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_are_recognized_by_their_form() {
        assert!(is_key(&"aB3".repeat(22)[..64]));
        for text in ["", &"a".repeat(63), &"a".repeat(65), &"a-".repeat(32)] {
            assert!(!is_key(text), "{text}");
        }
        assert!(!is_key(&"é".repeat(32)));
    }
}
