//! Which session accepts which token, and for how long.

use sessile::{CookieContentSecurity::Private, config::KeyRing, engine::SealingKey};

use super::*;
use crate::setup::{Memory, on_every_store, pass};

on_every_store![
    a_token_of_another_session_is_refused,
    every_token_is_masked_differently,
    garbage_is_refused,
    a_token_made_after_a_renewal_of_the_same_request_is_accepted,
    a_guest_who_opened_the_login_page_can_sign_in,
    a_token_is_worthless_after_signing_out,
    tokens_survive_the_replacement_of_the_key_that_made_them,
];

on_every_store![on the server:
    a_form_that_was_open_is_accepted_until_the_grace_period_passes,
    a_second_click_on_the_login_button_is_accepted,
];

async fn a_form_that_was_open_is_accepted_until_the_grace_period_passes<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let (mut browser, token) = Browser::with_form(&server).await;
    let renewed = browser.get("/renew").await.body;
    assert_eq!(browser.status_with(&token).await, 200);
    // The grace period, and the allowance for clocks.
    pass(setup, 59);
    assert_eq!(browser.status_with(&token).await, 200);
    pass(setup, 1);
    assert_eq!(browser.status_with(&token).await, 403);
    assert_eq!(browser.status_with(&renewed).await, 200);
    // Only the last renewal is remembered.
    browser.get("/renew").await;
    browser.get("/renew").await;
    assert_eq!(browser.status_with(&renewed).await, 403);
}

async fn a_second_click_on_the_login_button_is_accepted<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let (browser, token) = Browser::with_form(&server).await;
    let header = format!("X-CSRF-Token: {token}");
    for _click in 0..2 {
        // The browser has not received the new cookie yet.
        let reply = browser.send("/sign-in", &[&header], "").await;
        assert_eq!((reply.status, &*reply.body), (200, "ferris"));
    }
    pass(setup, 60);
    let reply = browser.send("/sign-in", &[&header], "").await;
    reply.assert_failure(403);
}

async fn a_token_of_another_session_is_refused<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let (one, of_one) = Browser::with_form(&server).await;
    let (other, of_other) = Browser::with_form(&server).await;
    assert_eq!(one.status_with(&of_one).await, 200);
    assert_eq!(one.status_with(&of_other).await, 403);
    assert_eq!(other.status_with(&of_one).await, 403);
    assert_eq!(other.status_with(&of_other).await, 200);
}

async fn every_token_is_masked_differently<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let (mut browser, first) = Browser::with_form(&server).await;
    let mut tokens = vec![first];
    for _ in 0..20 {
        tokens.push(browser.get("/token").await.body);
    }
    for token in &tokens {
        assert_eq!(browser.status_with(token).await, 200);
    }
    // No part is the same in all of them.
    for place in 0..tokens[0].len() {
        let part = |token: &String| token.as_bytes()[place];
        let first = part(&tokens[0]);
        assert!(tokens.iter().any(|it| part(it) != first), "{place}");
    }
}

async fn garbage_is_refused<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let (browser, token) = Browser::with_form(&server).await;
    assert_eq!(token.len(), 43);
    let other_end = match token.ends_with('A') {
        true => "E",
        false => "A",
    };
    let changed = format!("{}{other_end}", &token[..42]);
    let long = "A".repeat(5000);
    for garbage in [
        "",
        "A",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "===========================================",
        "\u{e4}",
        &changed,
        &token[..42],
        &format!("{token}="),
        &format!("{token}A"),
        &format!("A{token}"),
        &token.to_uppercase(),
        &long,
    ] {
        assert_eq!(browser.status_with(garbage).await, 403, "{garbage}");
    }
    assert_eq!(browser.status_with(&token).await, 200);
}

async fn a_token_made_after_a_renewal_of_the_same_request_is_accepted<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let (mut browser, _) = Browser::with_form(&server).await;
    for path in ["/renew", "/restart"] {
        let token = browser.get(path).await.body;
        assert_eq!(browser.status_with(&token).await, 200, "{path}");
    }
    // Without a session before.
    for path in ["/renew", "/restart"] {
        let reply = server.get(path).await;
        let cookie = reply.cookie();
        let browser = Browser {
            server: &server,
            cookie,
        };
        assert_eq!(browser.status_with(&reply.body).await, 200, "{path}");
    }
}

async fn a_guest_who_opened_the_login_page_can_sign_in<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let (mut browser, token) = Browser::with_form(&server).await;
    let before = browser.cookie.clone();
    let reply = browser.post("/sign-in", &token).await;
    assert_eq!((reply.status, &*reply.body), (200, "ferris"));
    assert_ne!(browser.cookie, before);
    let token = browser.get("/token").await.body;
    assert_eq!(browser.status_with(&token).await, 200);
}

async fn a_token_is_worthless_after_signing_out<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let (mut browser, token) = Browser::with_form(&server).await;
    let reply = browser.post("/sign-out", &token).await;
    assert_eq!(reply.status, 200);
    let (browser, _) = Browser::with_form(&server).await;
    assert_eq!(browser.status_with(&token).await, 403);
}

async fn tokens_survive_the_replacement_of_the_key_that_made_them<K: Kind>(setup: &Setup<K>) {
    let (old, new) = (SealingKey::generate(), SealingKey::generate());
    let ring = KeyRing::from(old.clone());
    let builder = SessionMiddleware::builder(setup.store.clone(), ring.clone());
    let builder = builder.cookie_content_security(setup.security);
    let sessions = builder.clock(setup.clock.clone()).build();
    let server = start_with(sessions, CsrfGuard::new());
    let (mut browser, of_old) = Browser::with_form(&server).await;
    ring.replace([new.clone(), old]).unwrap();
    let of_new = browser.get("/token").await.body;
    assert_eq!(browser.status_with(&of_old).await, 200);
    assert_eq!(browser.status_with(&of_new).await, 200);
    ring.replace([new]).unwrap();
    assert_eq!(browser.status_with(&of_old).await, 403);
    assert_eq!(browser.status_with(&of_new).await, 200);
}

#[tokio::test]
async fn a_token_of_a_session_in_a_header_is_accepted() {
    let setup = Setup::<Memory>::new(Private).await;
    let sessions = setup
        .builder()
        .session_header(Some("X-Session".to_owned()))
        .build();
    let server = start_with(sessions, CsrfGuard::new());
    let reply = server.get("/token").await;
    let session = format!("X-Session: {}", reply.headers("x-session")[0]);
    let token = format!("X-CSRF-Token: {}", reply.body);
    let accepted = send(&server, "POST /body", &[&session, &token], "").await;
    assert_eq!(accepted.status, 200);
    send(&server, "POST /body", &[&session], "")
        .await
        .assert_failure(403);
}
