//! How long sessions live: guests, signed-in users, "remember me", and requests that do not extend the life.

use std::time::Duration;

use actix_web::{dev::Service as _, web};
use serde_json::json;
use sessile::{
    CookieContentSecurity::Private,
    SessionExt as _,
    config::{AbsoluteTimeoutFrom, BrowserSession, PersistentSession, TtlExtensionPolicy},
    extract::Unextended,
};

use crate::{
    client::{Reply, Server},
    setup::{Kind, Memory, Setup, in_time, on_every_store, pass, persistent, seconds},
};

on_every_store![
    a_remembered_session_outlives_the_settings_in_the_cookie_and_in_the_store,
    a_session_that_is_no_longer_remembered_lives_as_the_settings_say,
    a_remembered_session_is_not_longer_than_the_maximum,
    the_absolute_timeout_counts_from_the_sign_in,
    the_absolute_timeout_counts_from_the_creation_if_the_application_says_so,
    users_and_guests_have_timeouts_of_their_own,
    without_a_touch_fraction_the_idle_timeout_is_exact,
    a_request_may_leave_the_life_of_the_session_as_it_is,
];

/// The `Max-Age` of the only cookie that the response sets, in seconds.
#[track_caller]
fn max_age(reply: &Reply) -> Option<i64> {
    Some(reply.set_cookie().max_age()?.whole_seconds())
}

/// Whether the session of this cookie is live.
async fn is_live(server: &Server, cookie: &str) -> bool {
    server.get_as(cookie, "/unextended").await.state() != json!({})
}

const DAY: u64 = 24 * 3600;

async fn a_remembered_session_outlives_the_settings_in_the_cookie_and_in_the_store<K: Kind>(
    setup: &Setup<K>,
) {
    let server = setup.start();
    let month = 30 * DAY;
    let reply = server
        .post("/set:a:1/sign_in:ferris/remember:2592000")
        .await;
    assert_eq!(max_age(&reply), Some(30 * 24 * 3600));
    let cookie = reply.cookie();
    pass(setup, month - 1);
    let reply = server.post_as(&cookie, "/set:a:2").await;
    assert_eq!(max_age(&reply), Some(30 * 24 * 3600));
    let cookie = reply.cookie();
    pass(setup, month - 1);
    assert!(is_live(&server, &cookie).await);
    pass(setup, 1);
    assert!(!is_live(&server, &cookie).await);
}

async fn a_session_that_is_no_longer_remembered_lives_as_the_settings_say<K: Kind>(
    setup: &Setup<K>,
) {
    let server = setup.start();
    let remembered = server.post("/set:a:1/remember:2592000").await.cookie();
    pass(setup, 3 * DAY);
    let reply = server.post_as(&remembered, "/forget").await;
    assert_eq!(max_age(&reply), None);
    let cookie = reply.cookie();
    pass(setup, DAY - 1);
    assert!(is_live(&server, &cookie).await);
    pass(setup, 1);
    assert!(!is_live(&server, &cookie).await);
}

async fn a_remembered_session_is_not_longer_than_the_maximum<K: Kind>(setup: &Setup<K>) {
    let builder = setup.builder();
    let server = setup.start_with(builder.max_persistence(Duration::from_secs(2 * DAY)));
    let reply = server.post("/set:a:1/remember:2592000").await;
    assert_eq!(max_age(&reply), Some(2 * 24 * 3600));
    let cookie = reply.cookie();
    pass(setup, DAY);
    // What is left of the absolute timeout.
    let reply = server.post_as(&cookie, "/set:a:2").await;
    assert_eq!(max_age(&reply), Some(24 * 3600));
    let cookie = reply.cookie();
    pass(setup, DAY - 1);
    assert!(is_live(&server, &cookie).await);
    pass(setup, 1);
    assert!(!is_live(&server, &cookie).await);
}

async fn the_absolute_timeout_counts_from_the_sign_in<K: Kind>(setup: &Setup<K>) {
    let absolute = Some(Duration::from_secs(1000));
    let server = setup.start_with(setup.builder().absolute_timeout(absolute));
    let guest = server.post("/set:a:1").await.cookie();
    pass(setup, 900);
    let user = server.post_as(&guest, "/sign_in:ferris").await.cookie();
    pass(setup, 500);
    let user = server.post_as(&user, "/reauthenticate").await.cookie();
    pass(setup, 499);
    assert!(is_live(&server, &user).await);
    pass(setup, 1);
    assert!(!is_live(&server, &user).await);

    let guest = server.post("/set:a:1").await.cookie();
    pass(setup, 999);
    assert!(is_live(&server, &guest).await);
    pass(setup, 1);
    assert!(!is_live(&server, &guest).await);
}

async fn the_absolute_timeout_counts_from_the_creation_if_the_application_says_so<K: Kind>(
    setup: &Setup<K>,
) {
    let builder = setup.builder();
    let builder = builder.absolute_timeout(Some(Duration::from_secs(1000)));
    let server = setup.start_with(builder.absolute_timeout_from(AbsoluteTimeoutFrom::Creation));
    let guest = server.post("/set:a:1").await.cookie();
    pass(setup, 900);
    let user = server.post_as(&guest, "/sign_in:ferris").await.cookie();
    pass(setup, 99);
    assert!(is_live(&server, &user).await);
    pass(setup, 1);
    assert!(!is_live(&server, &user).await);
}

async fn users_and_guests_have_timeouts_of_their_own<K: Kind>(setup: &Setup<K>) {
    let of_users = PersistentSession::default().session_ttl(seconds(1000));
    let of_guests = BrowserSession::default().state_ttl(seconds(100));
    let builder = setup.builder().session_lifecycle(of_guests);
    let builder = builder
        .signed_in_lifecycle(of_users)
        .signed_in_absolute_timeout(Duration::from_secs(1500));
    let server = setup.start_with(builder);
    let reply = server.post("/set:a:1").await;
    assert_eq!(max_age(&reply), None);
    let guest = reply.cookie();
    pass(setup, 99);
    assert!(is_live(&server, &guest).await);
    let reply = server.post_as(&guest, "/sign_in:ferris").await;
    assert_eq!(max_age(&reply), Some(1000));
    let user = reply.cookie();
    pass(setup, 999);
    let reply = server.post_as(&user, "/set:a:2").await;
    assert_eq!(max_age(&reply), Some(501));
    let user = reply.cookie();
    pass(setup, 500);
    assert!(is_live(&server, &user).await);
    pass(setup, 1);
    assert!(!is_live(&server, &user).await);

    let guest = server.post("/set:a:1").await.cookie();
    pass(setup, 100);
    assert!(!is_live(&server, &guest).await);
}

async fn without_a_touch_fraction_the_idle_timeout_is_exact<K: Kind>(setup: &Setup<K>) {
    let lifecycle = BrowserSession::default()
        .state_ttl(seconds(100))
        .state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
    let builder = setup.builder().session_lifecycle(lifecycle);
    let server = setup.start_with(builder.touch_fraction(0.0));
    let mut cookie = server.post("/set:a:1").await.cookie();
    for _ in 0..3 {
        pass(setup, 99);
        let reply = server.get_as(&cookie, "/").await;
        assert_eq!(reply.state(), json!({ "a": 1 }));
        cookie = reply.cookie();
    }
    pass(setup, 99);
    assert!(is_live(&server, &cookie).await);
    pass(setup, 1);
    assert!(!is_live(&server, &cookie).await);
}

async fn a_request_may_leave_the_life_of_the_session_as_it_is<K: Kind>(setup: &Setup<K>) {
    let lifecycle = PersistentSession::default()
        .session_ttl(seconds(100))
        .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
    let server = setup.start_with(
        persistent(setup)
            .session_lifecycle(lifecycle)
            .touch_fraction(0.0),
    );
    let mut cookie = server.post("/set:a:1").await.cookie();
    for _ in 0..9 {
        pass(setup, 10);
        server
            .get_as(&cookie, "/unextended")
            .await
            .assert_sets_no_cookie();
        // A store that keeps sessions in cookies stores the change in one.
        let reply = server.post_as(&cookie, "/unextended/add:b").await;
        assert_eq!(reply.headers("set-cookie").is_empty(), K::ON_SERVER);
        cookie = reply.cookie_or(&cookie);
    }
    let reply = server.get_as(&cookie, "/unextended").await;
    assert_eq!(reply.state(), json!({ "a": 1, "b": 9 }));
    pass(setup, 10);
    assert!(!is_live(&server, &cookie).await);
}

/// An extractor for one handler, and a wrapper for a scope.
#[tokio::test]
async fn a_route_may_leave_the_life_of_the_session_as_it_is() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let lifecycle = BrowserSession::default()
            .state_ttl(seconds(100))
            .state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest);
        let builder = setup.builder().session_lifecycle(lifecycle);
        let server = Server::start(builder.touch_fraction(0.0).build(), |config| {
            let poll = async |Unextended(session): Unextended| web::Json(session.entries());
            let used = async |session: sessile::Session| web::Json(session.entries());
            let begin = async |session: sessile::Session| session.insert("a", 1).map(|()| "");
            let polled = web::scope("/polled")
                .route("/used", web::get().to(used))
                .wrap_fn(|request, service| {
                    request.get_session().set_extends_life(false);
                    service.call(request)
                });
            config
                .route("/begin", web::get().to(begin))
                .route("/poll", web::get().to(poll))
                .route("/used", web::get().to(used))
                .service(polled);
        });
        let cookie = server.get("/begin").await.cookie();
        let live = json!({ "a": 1 });
        pass(&setup, 60);
        assert_eq!(server.get_as(&cookie, "/used").await.state(), live);
        for path in ["/poll", "/polled/used"] {
            pass(&setup, 49);
            assert_eq!(server.get_as(&cookie, path).await.state(), live);
        }
        pass(&setup, 2);
        assert_eq!(server.get_as(&cookie, "/used").await.state(), json!({}));
    })
    .await;
}
