//! Several cookies of our name, as browsers send them that were set for different paths or domains.

use std::time::Duration;

use serde_json::json;

use crate::{
    bad_cookies::{assert_intact, assert_no_session, with_session},
    setup::{Kind, Setup, on_every_store},
    watched::Operation::{Load, Update},
};

on_every_store![
    identical_cookies_count_once,
    cookies_that_are_not_ours_do_not_hide_the_session,
    of_two_sessions_neither_is_served,
    of_two_cookies_of_one_session_the_later_counts,
    at_most_three_sessions_are_looked_up,
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

async fn cookies_that_are_not_ours_do_not_hide_the_session<K: Kind>(setup: &Setup<K>) {
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

/// A page of a sibling domain may have planted the one or the other.
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
    // A renewal where the store can tell its key from the old one, and else another state.
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

/// However many cookies a client sends, and whatever they name.
async fn at_most_three_sessions_are_looked_up<K: Kind>(setup: &Setup<K>) {
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
