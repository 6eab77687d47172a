//! Strict settings, clearing of site data, and plain HTTP for development.

use std::time::Duration;

use actix_web::{
    HttpResponse,
    cookie::{Key, SameSite},
    web,
};
use serde_json::json;
use sessile::{
    CookieContentSecurity::Private,
    Session, SessionMiddleware, SessionMiddlewareBuilder,
    error::SignInError,
    storage::{MemorySessionStore, SessionStore},
};

use crate::{
    client::{Reply, Server},
    log::Log,
    setup::{Kind, Memory, Setup, in_time, on_every_store, pass},
};

on_every_store![
    strict_settings_are_those_of_their_documentation,
    a_strict_session_ends_after_a_day,
    signing_out_clears_site_data,
    plain_http_has_cookies_without_secure,
    plain_http_has_cookies_for_this_site,
    a_partitioned_cookie_is_removed_as_one,
];

fn strict<K: Kind>(setup: &Setup<K>) -> SessionMiddlewareBuilder<impl SessionStore + use<K>> {
    SessionMiddleware::strict(setup.store.clone(), setup.key.clone())
        .cookie_content_security(setup.security)
        .clock(setup.clock.clone())
}

async fn strict_settings_are_those_of_their_documentation<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(strict(setup));
    let reply = server.post("/set:a:1").await;
    let set_cookie = reply.only_set_cookie();
    let (pair, attributes) = set_cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-id="));
    assert_eq!(attributes, "Path=/; Secure; HttpOnly; SameSite=Lax");
    let reply = server.get_as(&reply.cookie(), "/").await;
    assert_eq!(reply.state(), json!({"a": 1}));
}

async fn a_strict_session_ends_after_a_day<K: Kind>(setup: &Setup<K>) {
    const HOUR: Duration = Duration::from_secs(3600);
    let server = setup.start_with(strict(setup));
    let mut cookie = server.post("/set:a:1").await.cookie();
    for _ in 0..23 {
        pass(setup, HOUR.as_secs());
        let reply = server.post_as(&cookie, "/add:n").await;
        assert_eq!(reply.state()["a"], 1);
        cookie = reply.cookie_or(&cookie);
    }
    pass(setup, HOUR.as_secs());
    let reply = server.get_as(&cookie, "/").await;
    assert_eq!(reply.state(), json!({}));
}

#[tokio::test]
async fn no_cache_stores_the_strict_pages_of_a_signed_in_user() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = Server::start(strict(&setup).build(), |config| {
            let show = async |session: Session| HttpResponse::Ok().json(session.entries());
            let sign_in = async |session: Session| {
                session.sign_in("ferris").await?;
                Ok::<_, SignInError>("")
            };
            config
                .route("/", web::to(show))
                .route("/sign-in", web::to(sign_in));
        });
        let reply = server.get("/").await;
        assert_eq!(reply.headers("cache-control"), ["private"]);
        let cookie = server.post("/sign-in").await.cookie();
        let reply = server.get_as(&cookie, "/").await;
        assert_eq!(reply.headers("cache-control"), ["no-store"]);
    })
    .await;
}

fn clear_site_data(reply: &Reply) -> Vec<&str> {
    reply.headers("clear-site-data")
}

async fn signing_out_clears_site_data<K: Kind>(setup: &Setup<K>) {
    const CLEARS: [&str; 1] = ["\"cache\", \"storage\""];
    let server = setup.start_with(setup.builder().clear_site_data(true));
    for (end, clears) in [
        ("/purge", &CLEARS[..]),
        ("/restart/set:b:1", &CLEARS),
        ("/renew", &[]),
        ("/clear", &[]),
        ("/", &[]),
    ] {
        let reply = server.post("/set:a:1").await;
        assert_eq!(clear_site_data(&reply), [""; 0]);
        let reply = server.post_as(&reply.cookie(), end).await;
        assert_eq!(clear_site_data(&reply), clears, "{end}");
    }
    // Another site can send such a request, without the cookie.
    for cookie in ["x=1", "id=garbage"] {
        for end in ["/purge", "/restart/set:b:1"] {
            let reply = server.post_as(cookie, end).await;
            assert_eq!(clear_site_data(&reply), [""; 0], "{cookie} {end}");
        }
    }
    let off = setup.start();
    let cookie = off.post("/set:a:1").await.cookie();
    let reply = off.post_as(&cookie, "/purge").await;
    assert_eq!(clear_site_data(&reply), [""; 0]);
}

async fn plain_http_has_cookies_without_secure<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(strict(setup).allow_plain_http(true));
    let reply = server.post("/set:a:1").await;
    let set_cookie = reply.only_set_cookie();
    let (pair, attributes) = set_cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("id="));
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
    let reply = server.get_as(&reply.cookie(), "/").await;
    assert_eq!(reply.state(), json!({"a": 1}));
}

/// Browsers refuse `SameSite=None` and `Partitioned` without `Secure`.
async fn plain_http_has_cookies_for_this_site<K: Kind>(setup: &Setup<K>) {
    let embedded = strict(setup)
        .cookie_same_site(SameSite::None)
        .cookie_partitioned(true);
    let server = setup.start_with(embedded.allow_plain_http(true));
    let reply = server.post("/set:a:1").await;
    let set_cookie = reply.only_set_cookie();
    let (_, attributes) = set_cookie.split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; HttpOnly; SameSite=Lax");
    let reply = server.get_as(&reply.cookie(), "/").await;
    assert_eq!(reply.state(), json!({"a": 1}));
}

async fn a_partitioned_cookie_is_removed_as_one<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(setup.builder().cookie_partitioned(true));
    let reply = server.post("/set:a:1").await;
    assert!(
        reply
            .only_set_cookie()
            .ends_with("; SameSite=Lax; Partitioned")
    );
    let reply = server.post_as(&reply.cookie(), "/purge").await;
    reply.assert_removes_cookie();
    assert!(reply.only_set_cookie().contains("; Partitioned;"));
    let insecure = SessionMiddleware::builder(setup.store.clone(), Key::generate())
        .cookie_partitioned(true)
        .cookie_secure(false);
    assert!(insecure.try_build().is_err());
}

#[test]
fn plain_http_logs_a_warning() {
    let log = Log::of_warnings();
    let builder = || SessionMiddleware::strict(MemorySessionStore::default(), Key::generate());
    drop(builder().allow_plain_http(false).build());
    assert_eq!(log.lines(), [""; 0]);
    drop(builder().allow_plain_http(true).build());
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("plain HTTP"), "{lines:?}");
}
