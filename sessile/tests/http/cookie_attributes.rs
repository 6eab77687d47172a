//! The attributes of cookies, and the cache headers beside them.

use actix_web::cookie::SameSite;
use sessile::{
    SessionLength,
    config::{BrowserSession, PersistentSession},
};

use crate::{
    client::Reply,
    setup::{Builder, Kind, Setup, on_every_store, persistent, seconds},
};

on_every_store![
    default_attributes,
    configured_attributes,
    max_age_is_for_persistent_sessions,
    removal_cookies_have_the_attributes_of_the_cookie,
];

async fn default_attributes<K: Kind>(setup: &Setup<K>) {
    let reply = setup.start().get("/set:a:1").await;
    let cookie = reply.set_cookie();
    assert_eq!(cookie.name(), "id");
    assert_eq!(cookie.path(), Some("/"));
    assert_eq!(cookie.domain(), None);
    assert_eq!(cookie.secure(), Some(true));
    assert_eq!(cookie.http_only(), Some(true));
    assert_eq!(cookie.same_site(), Some(SameSite::Lax));
    assert_eq!((cookie.max_age(), cookie.expires()), (None, None));
}

fn configured<K: Kind>(setup: &Setup<K>) -> Builder<K> {
    persistent(setup)
        .cookie_name("sid".to_owned())
        .cookie_path("/app".to_owned())
        .cookie_domain(Some("example.org".to_owned()))
        .cookie_secure(false)
        .cookie_http_only(false)
        .cookie_same_site(SameSite::Strict)
}

#[track_caller]
fn assert_configured(reply: &Reply) {
    let cookie = reply.set_cookie();
    assert_eq!(cookie.name(), "sid");
    assert_eq!(cookie.path(), Some("/app"));
    assert_eq!(cookie.domain(), Some("example.org"));
    assert_eq!(cookie.secure(), None);
    assert_eq!(cookie.http_only(), None);
    assert_eq!(cookie.same_site(), Some(SameSite::Strict));
}

async fn configured_attributes<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(configured(setup));
    let first = server.get("/set:a:1").await;
    assert_configured(&first);
    let changed = server.get_as(&first.cookie(), "/set:a:2").await;
    assert_configured(&changed);
    let renewed = server.get_as(&changed.cookie(), "/renew").await;
    assert_configured(&renewed);
}

async fn max_age_is_for_persistent_sessions<K: Kind>(setup: &Setup<K>) {
    let day = Some(time::Duration::DAY);
    let max = Some(time::Duration::DAY * 400);
    let browser = |state_ttl| SessionLength::BrowserSession { state_ttl };
    let predetermined = |max_session_length| SessionLength::Predetermined { max_session_length };
    for (length, max_age) in [
        (browser(None), None),
        (browser(Some(seconds(100))), None),
        (predetermined(None), day),
        (predetermined(Some(seconds(100))), Some(seconds(100))),
        // Browsers keep a cookie for at most this long (RFC 6265bis, section 5.5).
        (predetermined(Some(time::Duration::DAY * 400)), max),
        (predetermined(Some(time::Duration::DAY * 401)), max),
        (predetermined(Some(time::Duration::MAX)), max),
    ] {
        let server = setup.start_with(setup.builder().session_length(length));
        let reply = server.get("/set:a:1").await;
        assert_eq!(reply.set_cookie().max_age(), max_age);
    }
    let kept = [
        (
            setup.builder().session_lifecycle(BrowserSession::default()),
            None,
        ),
        (
            setup
                .builder()
                .session_lifecycle(PersistentSession::default()),
            day,
        ),
        (persistent(setup), Some(seconds(100))),
    ];
    for (builder, max_age) in kept {
        let reply = setup.start_with(builder).get("/set:a:1").await;
        assert_eq!(reply.set_cookie().max_age(), max_age);
    }
}

async fn removal_cookies_have_the_attributes_of_the_cookie<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(configured(setup));
    let cookie = server.get("/set:a:1").await.cookie();
    let reply = server.get_as(&cookie, "/purge").await;
    reply.assert_removes_cookie();
    assert_configured(&reply);

    let server = setup.start();
    let cookie = server.get("/set:a:1").await.cookie();
    let reply = server.get_as(&cookie, "/purge").await;
    reply.assert_removes_cookie();
    let removal = reply.set_cookie();
    assert_eq!(
        (removal.name(), removal.path(), removal.domain()),
        ("id", Some("/"), None)
    );
    assert_eq!(
        (removal.secure(), removal.http_only()),
        (Some(true), Some(true))
    );
    assert_eq!(removal.same_site(), Some(SameSite::Lax));
}
