//! Sealed cookies that the middleware did not seal for its session.

use actix_web::cookie::{Cookie, CookieJar, Key};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::json;
use sessile::CookieContentSecurity;

use crate::{
    bad_cookies::{assert_intact, assert_no_session, value_of, with_session},
    setup::{Kind, Setup, on_every_store},
};

on_every_store![
    a_cookie_that_was_sealed_with_another_key_opens_nothing,
    a_cookie_that_was_sealed_for_another_name_opens_nothing,
    sealed_garbage,
    a_cookie_that_the_application_sealed_with_the_same_key,
];

async fn a_cookie_that_was_sealed_with_another_key_opens_nothing<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    let foreign = sessile::SessionMiddleware::builder(setup.store.clone(), Key::generate())
        .cookie_content_security(setup.security)
        .clock(setup.clock.clone());
    let foreign = setup.start_with(foreign);
    let foreign_cookie = foreign.get("/set:x:1").await.cookie();
    assert_no_session(setup, &server, &[foreign_cookie.as_bytes()], &[]).await;
    assert_intact(&server, &cookie).await;
}

async fn a_cookie_that_was_sealed_for_another_name_opens_nothing<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    let named = |name: &str| setup.start_with(setup.builder().cookie_name(name.to_owned()));
    for name in ["sid", "i", "idx", "ID"] {
        let other = named(name);
        let other_cookie = other.get("/set:x:1").await.cookie();
        let (_, value) = other_cookie.split_once('=').unwrap();
        let moved = format!("id={value}");
        assert_no_session(setup, &server, &[moved.as_bytes()], &[]).await;
        // Under its own name it has no effect either, and the session's cookie has none under the other name.
        assert_no_session(setup, &server, &[other_cookie.as_bytes()], &[]).await;
        let ours = format!("{name}={}", value_of(&cookie));
        assert_eq!(other.get_as(&ours, "/").await.state(), json!({}));
        assert_eq!(
            other.get_as(&other_cookie, "/").await.state(),
            json!({"x": 1})
        );
    }
    assert_intact(&server, &cookie).await;
}

/// The application signs or encrypts a cookie of the session's name with the same key.
fn sealed<K: Kind>(setup: &Setup<K>, content: &str) -> String {
    let mut jar = CookieJar::new();
    let cookie = Cookie::new("id", content.to_owned());
    match setup.security {
        CookieContentSecurity::Private => jar.private_mut(&setup.key).add(cookie),
        CookieContentSecurity::Signed => jar.signed_mut(&setup.key).add(cookie),
    }
    jar.get("id").unwrap().encoded().to_string()
}

async fn sealed_garbage<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for content in [
        "",
        "no key",
        "[]",
        "{\"a\":1}",
        "\u{0}",
        "\"",
        "ключ",
        "{\"e\":1,\"r\":null}",
        // A key of actix-session, for a store that has no sessions of actix-session.
        &"aB3".repeat(22)[..64],
        &"k".repeat(5000),
    ] {
        let cookie = sealed(setup, content);
        assert_no_session(setup, &server, &[cookie.as_bytes()], &[]).await;
    }
}

/// A visitor may choose the value that the application seals. No value is accepted as a session.
async fn a_cookie_that_the_application_sealed_with_the_same_key<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for form in 1..=3 {
        let mut key = vec![0; 41];
        key[0] = form;
        let record = [&key, &[0; 16][..], b"{}}"].concat();
        for bytes in [key, record] {
            let text = URL_SAFE_NO_PAD.encode_to_string(&bytes);
            for content in [
                String::from_utf8(bytes).unwrap(),
                format!("id={text}"),
                text,
            ] {
                let cookie = sealed(setup, &content);
                assert_no_session(setup, &server, &[cookie.as_bytes()], &[]).await;
            }
        }
    }
}
