//! Sessions that travel in a header instead of a cookie.

use serde_json::json;

use crate::{
    client::{Client, Reply, Server},
    setup::{Kind, Setup, on_every_store, pass, persistent},
};

on_every_store![
    a_header_carries_the_session,
    a_renewal_sends_the_header_and_a_purge_empties_it,
    a_cookie_beside_the_header_has_no_effect,
    a_value_that_was_sealed_for_a_cookie_opens_nothing,
    invalid_values_open_nothing,
    several_values_are_chosen_from_as_several_cookies,
    the_limits_of_the_server_hold_without_a_max_age,
];
on_every_store![on the server: a_renewed_value_opens_nothing];

/// A server whose sessions are in the header `X-Session`.
fn start<K: Kind>(setup: &Setup<K>) -> Server {
    setup.start_with(setup.builder().session_header(Some("X-Session".to_owned())))
}

/// A `POST` with these lines of headers.
async fn post(client: &Client, path: &str, headers: &[&str]) -> Reply {
    let mut request = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n"
    );
    for header in headers {
        request.extend([*header, "\r\n"]);
    }
    client.exchange((request + "\r\n").as_bytes()).await
}

/// The header that the client sends after this response.
#[track_caller]
fn header_of(reply: &Reply) -> String {
    reply.assert_sets_no_cookie();
    match reply.headers("x-session")[..] {
        [value] => format!("x-session: {value}"),
        ref values => panic!("one header: {values:?}"),
    }
}

#[track_caller]
fn assert_sets_nothing(reply: &Reply) {
    reply.assert_sets_no_cookie();
    assert_eq!(reply.headers("x-session"), [""; 0]);
}

async fn a_header_carries_the_session<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let reply = post(&server, "/", &[]).await;
    assert_eq!(reply.state(), json!({}));
    assert_sets_nothing(&reply);

    let reply = post(&server, "/set:a:1", &[]).await;
    let header = header_of(&reply);
    assert_eq!(reply.headers("vary"), ["X-Session"]);
    let no_cache = "private, no-cache=\"X-Session\"";
    assert_eq!(reply.headers("cache-control"), [no_cache]);

    let reply = post(&server, "/", &[&header]).await;
    assert_eq!(reply.state(), json!({"a": 1}));
    assert_sets_nothing(&reply);
    assert_eq!(reply.headers("vary"), ["X-Session"]);
    assert_eq!(reply.headers("cache-control"), ["private"]);
}

async fn a_renewal_sends_the_header_and_a_purge_empties_it<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let first = header_of(&post(&server, "/set:a:1", &[]).await);
    let reply = post(&server, "/renew", &[&first]).await;
    let second = header_of(&reply);
    assert_ne!(second, first);
    let reply = post(&server, "/", &[&second]).await;
    assert_eq!(reply.state(), json!({"a": 1}));
    let reply = post(&server, "/purge", &[&second]).await;
    assert_eq!(header_of(&reply), "x-session: ");
    // A client that stores the empty value sends it.
    let reply = post(&server, "/", &["X-Session:"]).await;
    assert_eq!(reply.state(), json!({}));
    assert_sets_nothing(&reply);
}

async fn a_renewed_value_opens_nothing<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let first = header_of(&post(&server, "/set:a:1", &[]).await);
    let second = header_of(&post(&server, "/renew", &[&first]).await);
    let reply = post(&server, "/", &[&first]).await;
    assert_eq!(reply.state(), json!({}));
    assert_sets_nothing(&reply);
    post(&server, "/purge", &[&second]).await;
    let reply = post(&server, "/", &[&second]).await;
    assert_eq!(reply.state(), json!({}));
}

/// The cookie is one of a middleware with the same store and key.
async fn a_cookie_beside_the_header_has_no_effect<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let cookie = setup.start().get("/set:from:cookie").await.cookie();
    let cookie = format!("Cookie: {cookie}");
    let header = header_of(&post(&server, "/set:from:header", &[]).await);

    let reply = post(&server, "/", &[&cookie, &header]).await;
    assert_eq!(reply.state(), json!({"from": "header"}));
    let reply = post(&server, "/", &[&cookie]).await;
    assert_eq!(reply.state(), json!({}));
    let reply = post(&server, "/purge", &[&cookie]).await;
    assert_sets_nothing(&reply);
    let reply = setup.start().get_as(&cookie["Cookie: ".len()..], "/").await;
    assert_eq!(reply.state(), json!({"from": "cookie"}));
}

async fn a_value_that_was_sealed_for_a_cookie_opens_nothing<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    for name in ["id", "X-Session", "x-session"] {
        let with_cookies = setup.start_with(setup.builder().cookie_name(name.to_owned()));
        let cookie = with_cookies.get("/set:a:1").await.cookie();
        let (_, value) = cookie.split_once('=').unwrap();
        let reply = post(&server, "/", &[&format!("X-Session: {value}")]).await;
        assert_eq!(reply.state(), json!({}));

        let header = header_of(&post(&server, "/set:a:1", &[]).await);
        let value = &header["x-session: ".len()..];
        let reply = with_cookies.get_as(&format!("{name}={value}"), "/").await;
        assert_eq!(reply.state(), json!({}));
    }
}

async fn invalid_values_open_nothing<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let header = header_of(&post(&server, "/set:a:1", &[]).await);
    let long = format!("X-Session: {}", "A".repeat(20_000));
    for invalid in [
        "X-Session:",
        "X-Session: ,,",
        "X-Session: \"\"",
        "X-Session: forged",
        "X-Session: %00%ff%",
        &long,
        &header[..header.len() - 1],
    ] {
        let reply = post(&server, "/", &[invalid]).await;
        assert_eq!(reply.state(), json!({}), "{invalid}");
        assert_sets_nothing(&reply);
        // A purge tells the client to forget it.
        let reply = post(&server, "/purge", &[invalid]).await;
        assert_eq!(header_of(&reply), "x-session: ");
    }
    let reply = post(&server, "/", &[&header]).await;
    assert_eq!(reply.state(), json!({"a": 1}));
}

async fn several_values_are_chosen_from_as_several_cookies<K: Kind>(setup: &Setup<K>) {
    let server = start(setup);
    let header = header_of(&post(&server, "/set:a:1", &[]).await);
    let another = header_of(&post(&server, "/set:b:2", &[]).await);
    let joined = format!("{header}, forged");
    for headers in [&["X-Session: forged", &header][..], &[&joined]] {
        let reply = post(&server, "/", headers).await;
        assert_eq!(reply.state(), json!({"a": 1}), "{headers:?}");
    }
    let reply = post(&server, "/", &[&header, &another]).await;
    assert_eq!(reply.state(), json!({}));
}

async fn the_limits_of_the_server_hold_without_a_max_age<K: Kind>(setup: &Setup<K>) {
    let in_header = persistent(setup).session_header(Some("X-Session".to_owned()));
    let server = setup.start_with(in_header);
    let header = header_of(&post(&server, "/set:a:1", &[]).await);
    assert!(!header.contains("Max-Age"));
    pass(setup, 99);
    let reply = post(&server, "/", &[&header]).await;
    assert_eq!(reply.state(), json!({"a": 1}));
    pass(setup, 1);
    let reply = post(&server, "/", &[&header]).await;
    assert_eq!(reply.state(), json!({}));
}
