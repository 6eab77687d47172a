//! Cookies that were sealed, and not by the middleware for its own session.

use actix_web::cookie::{Cookie, CookieJar, Key};
use base64_simd::URL_SAFE_NO_PAD;
use serde_json::json;
use sessile::CookieContentSecurity;

use crate::{
    bad_cookies::{assert_intact, assert_no_session, value_of, with_session},
    setup::{Kind, Setup, on_every_store},
    watched::Operation::Load,
};

on_every_store![
    sealed_with_a_foreign_key,
    sealed_for_another_name,
    sealed_garbage,
];

async fn sealed_with_a_foreign_key<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    let foreign = sessile::SessionMiddleware::builder(setup.store.clone(), Key::generate())
        .cookie_content_security(setup.security)
        .clock(setup.clock.clone());
    let foreign = setup.start_with(foreign);
    let foreign_cookie = foreign.get("/set:x:1").await.cookie();
    assert_no_session(setup, &server, &[foreign_cookie.as_bytes()], &[]).await;
    assert_intact(&server, &cookie).await;
}

async fn sealed_for_another_name<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    let named = |name: &str| setup.start_with(setup.builder().cookie_name(name.to_owned()));
    for name in ["sid", "i", "idx", "ID"] {
        let other = named(name);
        let other_cookie = other.get("/set:x:1").await.cookie();
        let (_, value) = other_cookie.split_once('=').unwrap();
        let moved = format!("id={value}");
        assert_no_session(setup, &server, &[moved.as_bytes()], &[]).await;
        // Nor does it matter under its own name, here or ours there.
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

/// What the application can seal for our name with its key.
fn sealed<K: Kind>(setup: &Setup<K>, content: &str) -> String {
    let mut jar = CookieJar::new();
    match setup.security {
        CookieContentSecurity::Private => {
            let cookie = Cookie::new("id", content.to_owned());
            jar.private_mut(&setup.key).add(cookie);
        }
        CookieContentSecurity::Signed => {
            let cookie = Cookie::new("id", format!("id={content}"));
            jar.signed_mut(&setup.key).add(cookie);
        }
    }
    jar.get("id").unwrap().encoded().to_string()
}

/// What a key of ours has in a cookie: its form and zeros, so many bytes.
fn sealed_key<K: Kind>(setup: &Setup<K>, form: u8, len: usize) -> String {
    let mut bytes = vec![0; len];
    bytes[0] = form;
    let content = match setup.security {
        CookieContentSecurity::Private => String::from_utf8(bytes).unwrap(),
        CookieContentSecurity::Signed => URL_SAFE_NO_PAD.encode_to_string(bytes),
    };
    sealed(setup, &content)
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
        // A key of actix-session's, where its sessions can't be.
        &"aB3".repeat(22)[..64],
        &"k".repeat(5000),
    ] {
        let cookie = sealed(setup, content);
        assert_no_session(setup, &server, &[cookie.as_bytes()], &[]).await;
    }
    // A key of ours with a byte less, a byte more, and of another form.
    for (form, len) in [(1, 40), (1, 42), (3, 41)] {
        let cookie = sealed_key(setup, form, len);
        assert_no_session(setup, &server, &[cookie.as_bytes()], &[]).await;
    }
    let unknown = sealed_key(setup, 1, 41);
    assert_no_session(setup, &server, &[unknown.as_bytes()], &[Load]).await;
}
