//! Several cookies of the session's name, as browsers send them if they were set for different paths or domains.

use std::time::Duration;

use serde_json::json;
use sessile::{
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionManager},
    storage::MemorySessionStore,
};

use crate::{
    bad_cookies::{assert_intact, assert_no_session, with_session},
    log::Log,
    setup::{Kind, Setup, on_every_store},
    watched::Operation::{Delete, Load, Update},
};

on_every_store![
    identical_cookies_count_once,
    cookies_that_do_not_verify_do_not_hide_the_session,
    of_two_sessions_neither_is_served,
    of_two_cookies_of_one_session_the_later_counts,
    at_most_three_sessions_are_loaded,
    a_sign_out_ends_at_most_16_sessions,
    the_session_is_found_among_dozens_of_foreign_cookies,
    of_dozens_of_cookies_of_one_session_the_newest_counts,
    a_cookie_from_before_a_change_of_path_or_domain_does_no_harm,
];

/// Both cookies, in one header and in two, in both orders.
fn together<'c>(one: &'c str, other: &'c str) -> [Vec<String>; 4] {
    [
        vec![format!("{one}; {other}")],
        vec![format!("{other}; {one}")],
        vec![one.to_owned(), other.to_owned()],
        vec![other.to_owned(), "x=1".to_owned(), one.to_owned()],
    ]
}

fn bytes(headers: &[String]) -> Vec<&[u8]> {
    headers.iter().map(String::as_bytes).collect()
}

async fn identical_cookies_count_once<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    for headers in together(&cookie, &cookie) {
        let reply = server.get_with("/", &bytes(&headers)).await;
        assert_eq!(reply.state(), json!({"a": 1}));
        setup.assert_asked(&[Load]);
        let reply = server
            .send("POST", "/add:a/set:a:1", &bytes(&headers))
            .await;
        assert_eq!(reply.status, 200);
        setup.assert_asked(&[Load, Update]);
    }
    assert_intact(&server, &cookie).await;
}

async fn cookies_that_do_not_verify_do_not_hide_the_session<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    let long = format!("id={}", "A".repeat(20_000));
    for other in ["id=planted", "id=", "id=\"\"", "id=%ff", &long] {
        for headers in together(&cookie, other) {
            let reply = server.get_with("/", &bytes(&headers)).await;
            assert_eq!(reply.state(), json!({"a": 1}), "{other}");
            setup.assert_asked_for(other, &[Load]);
        }
    }
    assert_intact(&server, &cookie).await;
}

/// A page of a sibling domain may have planted either of them.
async fn of_two_sessions_neither_is_served<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    let second = server.get("/set:a:2").await.cookie();
    for headers in together(&cookie, &second) {
        assert_no_session(setup, &server, &bytes(&headers), &[Load, Load]).await;
    }
    assert_intact(&server, &cookie).await;
    assert_eq!(server.get_as(&second, "/").await.state(), json!({"a": 2}));
}

async fn of_two_cookies_of_one_session_the_later_counts<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let first = server.get("/set:a:1").await.cookie();
    setup.clock.advance(Duration::from_millis(1));
    // A renewal if the store is on the server, and another state otherwise.
    let script = if K::ON_SERVER {
        "/set:a:2/renew"
    } else {
        "/set:a:2"
    };
    let second = server.post_as(&first, script).await.cookie();
    setup.watch.seen();
    for headers in together(&first, &second) {
        let reply = server.get_with("/", &bytes(&headers)).await;
        assert_eq!(reply.state(), json!({"a": 2}));
        setup.assert_asked(&[Load]);
    }
}

/// A client may send any number of cookies.
async fn at_most_three_sessions_are_loaded<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let mut headers = Vec::new();
    for _ in 0..10 {
        headers.push(server.get("/set:a:1").await.cookie());
    }
    setup.watch.seen();
    let reply = server.get_with("/", &bytes(&headers)).await;
    assert_eq!(reply.state(), json!({}));
    setup.assert_asked(&[Load, Load, Load]);
}

async fn a_sign_out_ends_at_most_16_sessions<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let mut headers = Vec::new();
    for _ in 0..20 {
        setup.clock.advance(Duration::from_secs(1));
        headers.push(server.get("/set:a:1").await.cookie());
    }
    setup.watch.seen();
    let reply = server.send("POST", "/purge", &bytes(&headers)).await;
    reply.assert_removes_cookie();
    let deleted = setup.watch.seen();
    let deleted = deleted.iter().filter(|it| **it == Delete).count();
    assert_eq!(deleted, if K::ON_SERVER { 16 } else { 0 });
    if K::ON_SERVER {
        // Those that were issued last.
        for (index, cookie) in headers.iter().enumerate() {
            let state = server.get_as(cookie, "/").await.state();
            assert_eq!(state == json!({}), index >= 4, "{index}");
        }
    }
}

async fn the_session_is_found_among_dozens_of_foreign_cookies<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    let foreign = setup.builder().cookie_name("other".to_owned());
    let foreign = setup.start_with(foreign);
    let mut cookies = Vec::new();
    for number in 0..30 {
        let sealed = foreign.get("/set:a:2").await.cookie();
        cookies.push(sealed.replace("other=", "id="));
        cookies.push(format!("id=garbage-{number}"));
    }
    for place in [0, 30, 60] {
        let mut cookies = cookies.clone();
        cookies.insert(place, cookie.clone());
        setup.watch.seen();
        let reply = server.get_as(&cookies.join("; "), "/").await;
        assert_eq!(reply.state(), json!({"a": 1}));
        setup.assert_asked(&[Load]);
        let reply = server.get_with("/", &bytes(&cookies)).await;
        assert_eq!(reply.state(), json!({"a": 1}));
    }
    assert_intact(&server, &cookie).await;
}

async fn of_dozens_of_cookies_of_one_session_the_newest_counts<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let mut cookies = vec![server.get("/set:a:0").await.cookie()];
    for value in 1..40 {
        setup.clock.advance(Duration::from_millis(1));
        let script = if K::ON_SERVER {
            format!("/set:a:{value}/renew")
        } else {
            format!("/set:a:{value}")
        };
        let reply = server.post_as(cookies.last().unwrap(), &script).await;
        cookies.push(reply.cookie());
    }
    for _ in 0..2 {
        setup.watch.seen();
        let reply = server.get_as(&cookies.join("; "), "/").await;
        assert_eq!(reply.state(), json!({"a": 39}));
        setup.assert_asked(&[Load]);
        cookies.reverse();
    }
}

/// The browser sends both cookies until the first one expires.
async fn a_cookie_from_before_a_change_of_path_or_domain_does_no_harm<K: Kind>(setup: &Setup<K>) {
    let before = setup.builder().cookie_path("/a".to_owned());
    let before = setup.start_with(before);
    let after = setup.builder().cookie_domain(Some("localhost".to_owned()));
    let after = setup.start_with(after);
    let old = before.get("/set:a:1").await.cookie();
    assert_eq!(after.get_as(&old, "/").await.state(), json!({"a": 1}));
    // A change of privilege sets the new cookie beside the old one.
    setup.clock.advance(Duration::from_millis(1));
    let new = after.post_as(&old, "/set:a:2/renew").await.cookie();
    if K::ON_SERVER {
        let reply = after.post_as(&format!("{old}; {new}"), "/add:a").await;
        assert_eq!(reply.state(), json!({"a": 3}));
    }
    // A sign-out ends the sessions of both cookies, and the next session is a new one.
    let reply = after.post_as(&format!("{old}; {new}"), "/purge").await;
    reply.assert_removes_cookie();
    if K::ON_SERVER {
        let next = after.post_as(&old, "/set:b:1").await;
        assert_eq!(next.state(), json!({"b": 1}));
        let reply = after
            .get_as(&format!("{old}; {}", next.cookie()), "/")
            .await;
        assert_eq!(reply.state(), json!({"b": 1}));
    }
}

/// Any client can send such requests.
#[tokio::test]
async fn cookies_of_several_sessions_log_one_warning() {
    let log = Log::of_warnings();
    let store = MemorySessionStore::default();
    let manager = SessionManager::new(store, SealingKey::generate(), Settings::default()).unwrap();
    let mut cookies = Vec::new();
    for number in 0..2 {
        let session = manager.open([]).await.unwrap();
        session.insert("n", number).unwrap();
        let headers = manager.commit(&session, &ResponseHead::to("POST")).await;
        let cookie = headers.unwrap().set_cookie.unwrap();
        cookies.push(cookie.as_str().split(';').next().unwrap().to_owned());
    }
    let cookies = cookies.join("; ");
    for _ in 0..3 {
        let session = manager.open([cookies.as_bytes()]).await.unwrap();
        assert!(session.entries().is_empty());
    }
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("several live sessions"), "{lines:?}");
}
