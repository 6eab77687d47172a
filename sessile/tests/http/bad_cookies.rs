//! Any content of a `Cookie` header is served: with the session if the cookie verifies, and with an empty one
//! otherwise.

use std::{fmt::Write as _, time::Duration};

use actix_web::cookie::Cookie;
use serde_json::json;
use sessile::CookieContentSecurity;

use crate::{
    client::Server,
    setup::{Builder, Kind, Setup, on_every_store, seconds},
    watched::Operation::{Create, Load},
};

on_every_store![
    tampered,
    truncated,
    a_cookie_of_the_other_content_policy_opens_nothing,
    empty,
    overlong,
    not_utf_8,
    garbage,
    a_cookie_of_an_ended_session_opens_nothing,
    the_session_is_found_in_every_form_of_the_cookie_header,
];

/// A server, and the cookie of a session `{"a": 1}` on it.
pub(crate) async fn with_session<K: Kind>(setup: &Setup<K>) -> (Server, String) {
    let server = setup.start();
    let cookie = server.get("/set:a:1").await.cookie();
    setup.watch.seen();
    (server, cookie)
}

/// Checks that requests with these `Cookie` headers have a new, empty session, and that the store gets only the
/// operations `asked` before.
pub(crate) async fn assert_no_session<K: Kind>(
    setup: &Setup<K>,
    server: &Server,
    headers: &[&[u8]],
    asked: &[crate::watched::Operation],
) {
    let shown: Vec<_> = headers
        .iter()
        .map(|header| header.escape_ascii().to_string())
        .collect();
    let shown = format!("{shown:?}");
    setup.watch.seen();
    let reply = server.get_with("/", headers).await;
    assert_eq!(reply.state(), json!({}), "{shown}");
    reply.assert_sets_no_cookie();
    setup.assert_asked_for(&shown, asked);

    let reply = server.send("POST", "/set:b:2", headers).await;
    assert_eq!(reply.state(), json!({"b": 2}), "{shown}");
    setup.assert_asked_for(&shown, &[asked, &[Create]].concat());
    let cookie = reply.cookie();
    assert!(!headers.contains(&cookie.as_bytes()), "{shown}");
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"b": 2}));
    // The key of the new session is not the one of the planted cookie.
    let reply = server.get_with("/", headers).await;
    assert_eq!(reply.state(), json!({}), "{shown}");
}

pub(crate) async fn assert_intact(server: &Server, cookie: &str) {
    assert_eq!(server.get_as(cookie, "/").await.state(), json!({"a": 1}));
}

pub(crate) fn value_of(cookie: &str) -> &str {
    cookie.strip_prefix("id=").unwrap()
}

async fn tampered<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    let value = value_of(&cookie);
    for position in (0..value.len()).step_by(3).chain([value.len() - 1]) {
        let mut bytes = value.as_bytes().to_vec();
        bytes[position] = match bytes[position] {
            b'A' | b'a' => b'B',
            _ => b'A',
        };
        let header = [b"id=", &bytes[..]].concat();
        let reply = server.get_with("/", &[&header]).await;
        assert_eq!(reply.state(), json!({}), "{position} of {value}");
        reply.assert_sets_no_cookie();
    }
    assert_eq!(setup.watch.seen(), []);
    for longer in [
        format!("{cookie}A"),
        format!("{cookie}="),
        format!("id=A{value}"),
    ] {
        assert_no_session(setup, &server, &[longer.as_bytes()], &[]).await;
    }
    assert_intact(&server, &cookie).await;
}

async fn truncated<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    for length in [
        1,
        2,
        11,
        12,
        13,
        28,
        43,
        44,
        45,
        value_of(&cookie).len() - 1,
    ] {
        let start = &cookie[.."id=".len() + length];
        assert_no_session(setup, &server, &[start.as_bytes()], &[]).await;
    }
    for skipped in [1, 4, 44] {
        let end = format!("id={}", &value_of(&cookie)[skipped..]);
        assert_no_session(setup, &server, &[end.as_bytes()], &[]).await;
    }
    assert_intact(&server, &cookie).await;
}

async fn a_cookie_of_the_other_content_policy_opens_nothing<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    let other = match setup.security {
        CookieContentSecurity::Private => CookieContentSecurity::Signed,
        CookieContentSecurity::Signed => CookieContentSecurity::Private,
    };
    let other = setup.start_with(setup.builder().cookie_content_security(other));
    let other_cookie = other.get("/set:x:1").await.cookie();
    assert_no_session(setup, &server, &[other_cookie.as_bytes()], &[]).await;
    assert_intact(&server, &cookie).await;
}

async fn empty<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    for header in [
        "id=", "id", "id=\"\"", "id= ", "id=%20", "", "=", ";", "id=;",
    ] {
        assert_no_session(setup, &server, &[header.as_bytes()], &[]).await;
    }
    assert_intact(&server, &cookie).await;
}

async fn overlong<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    let value = value_of(&cookie);
    for long in [
        format!("id={}", "A".repeat(8192)),
        format!("id={}", "%41".repeat(8192 / 3)),
        format!("id={}", "%".repeat(8192)),
        format!("id={value}{}", "A".repeat(8192)),
        format!("id={}{value}", "A".repeat(8192)),
        format!("id={}", "A".repeat(20_000)),
    ] {
        assert_no_session(setup, &server, &[long.as_bytes()], &[]).await;
    }
    // The length of another cookie does not matter.
    let beside = format!("x={}; {cookie}", "A".repeat(8192));
    assert_intact(&server, &beside).await;
}

async fn not_utf_8<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    let cookie = cookie.as_bytes();
    for header in [
        &b"id=\xff\xfe\x80"[..],
        &[cookie, b"\xff"].concat(),
        b"id=%ff%fe",
        b"id=\xc3",
        b"\xff\xff",
        b"\xffid=1",
    ] {
        assert_no_session(setup, &server, &[header], &[]).await;
    }
    for beside in [
        [b"x=\xff\xfe; ", cookie].concat(),
        [b"\xff\xfe=1; ", cookie, b"; \x80"].concat(),
    ] {
        let reply = server.get_with("/", &[&beside]).await;
        assert_eq!(reply.state(), json!({"a": 1}));
    }
}

async fn garbage<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for header in [
        "id=garbage",
        "id=====",
        "id={\"e\":99999999999999,\"r\":{\"v\":2,\"c\":1,\"t\":99999999999999,\"s\":{\"a\":1}}}",
        "id=id=id=id",
        "id=%",
        "id=%2",
        "id=%zz",
        "id=../../etc/passwd",
        "id=' OR 1=1 --",
        "id=\"",
        "id=null",
        "$Version=1; id=1; $Path=/",
    ] {
        assert_no_session(setup, &server, &[header.as_bytes()], &[]).await;
    }
}

fn of_a_minute<K: Kind>(setup: &Setup<K>) -> Builder<K> {
    let lifecycle = sessile::config::PersistentSession::default().session_ttl(seconds(60));
    setup.builder().session_lifecycle(lifecycle)
}

/// If the state is in the cookie, an attacker can replay a cookie that the browser has deleted.
async fn a_cookie_of_an_ended_session_opens_nothing<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(of_a_minute(setup));
    let cookie = server.get("/set:a:1").await.cookie();
    setup.clock.advance(Duration::from_millis(59_999));
    assert_intact(&server, &cookie).await;
    setup.clock.advance(Duration::from_millis(1));
    let asked = &[Load, Load];
    assert_no_session(setup, &server, &[cookie.as_bytes()], asked).await;
    // A server with a longer timeout does not open it either.
    let patient = setup.start();
    assert_no_session(setup, &patient, &[cookie.as_bytes()], asked).await;
    setup.clock.advance(Duration::from_secs(60));
    assert_no_session(setup, &patient, &[cookie.as_bytes()], &[Load]).await;
}

async fn the_session_is_found_in_every_form_of_the_cookie_header<K: Kind>(setup: &Setup<K>) {
    let (server, cookie) = with_session(setup).await;
    let raw = value_of(&cookie);
    let value = Cookie::parse_encoded(&cookie).unwrap().value().to_owned();
    let everything_encoded = value.bytes().fold(String::new(), |mut text, byte| {
        write!(text, "%{byte:02x}").unwrap();
        text
    });
    for headers in [
        vec![cookie.clone()],
        vec![format!("a=b; {cookie}; c=d")],
        vec![format!("a=b;{cookie};c=d;")],
        vec!["a=b".to_owned(), cookie.clone(), "c=d".to_owned()],
        vec![format!("xid=1; ID=2; {cookie}; id2=3; =id")],
        vec![format!("id=\"{raw}\"")],
        vec![format!("id={everything_encoded}")],
        vec![format!("id={}", everything_encoded.to_uppercase())],
        vec![Cookie::new("id", value.clone()).encoded().to_string()],
        vec![format!("  id = {raw} ")],
        vec![format!("novalue; ;; {cookie}; bad\"=\"; {{}}=[]")],
        // The form of RFC 2965.
        vec![format!(
            "$Version=\"1\"; id=\"{raw}\"; $Path=\"/\"; $Domain=\"localhost\""
        )],
    ] {
        let headers: Vec<_> = headers.iter().map(String::as_bytes).collect();
        let reply = server.get_with("/", &headers).await;
        let shown: Vec<_> = headers.iter().map(|header| header.escape_ascii()).collect();
        assert_eq!(reply.state(), json!({"a": 1}), "{shown:?}");
    }
}
