//! What the middleware does, row by row, on every store and with both content policies.

use std::time::Duration;

use actix_web::cookie::SameSite;
use serde_json::json;
use sessile::{
    SessionLength,
    config::{BrowserSession, PersistentSession, TtlExtensionPolicy::OnEveryRequest},
};

use crate::{
    client::Reply,
    setup::{Builder, Kind, Setup, on_every_store, seconds},
    watched::Operation::{Create, Delete, Load, Renew, Update},
};

on_every_store![
    untouched_leaves_no_trace,
    left_empty_leaves_no_trace,
    first_state_is_stored_and_sets_the_cookie,
    renewed_first_state_is_like_any_first_state,
    default_attributes,
    configured_attributes,
    max_age_is_for_persistent_sessions,
    reading_sets_no_cookie,
    reading_extends_nothing,
    reading_under_on_every_request_extends_cookie_and_state,
    reading_under_on_every_request_extends_a_browser_session,
    a_change_is_stored_under_the_same_key,
    a_change_extends_the_life,
    emptied_sessions_go_on,
    renewal_moves_the_whole_state,
    purging_deletes_and_removes_the_cookie,
    removal_cookies_have_the_attributes_of_the_cookie,
    purging_wins_over_writes,
    purging_removes_cookies_that_were_not_verifiable,
    purging_without_a_cookie_leaves_no_trace,
    caches_are_told_of_cookies_only,
    what_the_handler_says_about_caching_stands,
    absolute_time_bounds_the_life,
];

fn persistent<K: Kind>(setup: &Setup<K>) -> Builder<K> {
    let lifecycle = PersistentSession::default().session_ttl(seconds(100));
    setup.builder().session_lifecycle(lifecycle)
}

fn pass<K: Kind>(setup: &Setup<K>, seconds: u64) {
    setup.clock.advance(Duration::from_secs(seconds));
}

async fn untouched_leaves_no_trace<K: Kind>(setup: &Setup<K>) {
    let reply = setup.start().get("/").await;
    assert_eq!(reply.state(), json!({}));
    reply.assert_sets_no_cookie();
    assert_eq!(setup.watch.seen(), []);
}

async fn left_empty_leaves_no_trace<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for script in [
        "/set:a:1/remove:a",
        "/set:a:1/clear",
        "/clear",
        "/renew",
        "/set:a:1/renew/remove:a",
        "/remove:a",
        "/update:a",
    ] {
        let reply = server.get(script).await;
        assert_eq!(reply.state(), json!({}), "{script}");
        reply.assert_sets_no_cookie();
    }
    assert_eq!(setup.watch.seen(), []);
}

async fn first_state_is_stored_and_sets_the_cookie<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let cookie = server.get("/set:a:1/add:n").await.cookie();
    assert_eq!(setup.watch.seen(), [Create]);
    let reply = server.get_as(&cookie, "/").await;
    assert_eq!(reply.state(), json!({"a": 1, "n": 1}));
    // Whoever brings none has none, and gets another one.
    assert_eq!(server.get("/").await.state(), json!({}));
    if K::ON_SERVER {
        assert_ne!(server.get("/set:a:1/add:n").await.cookie(), cookie);
    }
}

async fn renewed_first_state_is_like_any_first_state<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let cookie = server.get("/set:a:1/renew").await.cookie();
    assert_eq!(setup.watch.seen(), [Create]);
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"a": 1}));
}

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
    let browser = |state_ttl| SessionLength::BrowserSession { state_ttl };
    let predetermined = |max_session_length| SessionLength::Predetermined { max_session_length };
    for (length, max_age) in [
        (browser(None), None),
        (browser(Some(seconds(100))), None),
        (predetermined(None), day),
        (predetermined(Some(seconds(100))), Some(seconds(100))),
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

async fn reading_sets_no_cookie<K: Kind>(setup: &Setup<K>) {
    for builder in [setup.builder(), persistent(setup)] {
        let server = setup.start_with(builder);
        let cookie = server.get("/set:a:1").await.cookie();
        setup.watch.seen();
        for script in ["/", "/number:a", "/remove:missing", "/update:missing"] {
            let reply = server.get_as(&cookie, script).await;
            assert_eq!(reply.state(), json!({"a": 1}));
            reply.assert_sets_no_cookie();
            assert_eq!(setup.watch.seen(), [Load], "{script}");
        }
    }
}

async fn reading_extends_nothing<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(persistent(setup));
    let cookie = server.get("/set:a:1").await.cookie();
    pass(setup, 99);
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"a": 1}));
    pass(setup, 1);
    let reply = server.get_as(&cookie, "/").await;
    assert_eq!(reply.state(), json!({}));
    reply.assert_sets_no_cookie();
}

async fn reading_under_on_every_request_extends_cookie_and_state<K: Kind>(setup: &Setup<K>) {
    let lifecycle = PersistentSession::default()
        .session_ttl(seconds(100))
        .session_ttl_extension_policy(OnEveryRequest);
    let server = setup.start_with(setup.builder().session_lifecycle(lifecycle));
    let mut cookie = server.get("/set:a:1").await.cookie();
    // Once at the same moment, then each time after nearly all of its life.
    for wait in [0, 99, 99, 99] {
        pass(setup, wait);
        let reply = server.get_as(&cookie, "/").await;
        assert_eq!(reply.state(), json!({"a": 1}));
        assert_eq!(reply.set_cookie().max_age(), Some(seconds(100)));
        cookie = reply.cookie();
    }
    // 5 % of its life are granted on top, since not every request writes to the store.
    pass(setup, 105);
    let reply = server.get_as(&cookie, "/").await;
    assert_eq!(reply.state(), json!({}));
    reply.assert_sets_no_cookie();
}

async fn reading_under_on_every_request_extends_a_browser_session<K: Kind>(setup: &Setup<K>) {
    let lifecycle = BrowserSession::default()
        .state_ttl(seconds(100))
        .state_ttl_extension_policy(OnEveryRequest);
    let server = setup.start_with(setup.builder().session_lifecycle(lifecycle));
    let mut cookie = server.get("/set:a:1").await.cookie();
    for _ in 0..3 {
        pass(setup, 99);
        let reply = server.get_as(&cookie, "/").await;
        assert_eq!(reply.state(), json!({"a": 1}));
        if K::ON_SERVER {
            // The browser has its cookie, which says nothing of time.
            reply.assert_sets_no_cookie();
        } else {
            assert_eq!(reply.set_cookie().max_age(), None);
            cookie = reply.cookie();
        }
    }
    pass(setup, 105);
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({}));
}

async fn a_change_is_stored_under_the_same_key<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(persistent(setup));
    let first = server.get("/set:a:1").await.cookie();
    setup.watch.seen();
    let reply = server.get_as(&first, "/set:a:2/set:b:3").await;
    assert_eq!(setup.watch.seen(), [Load, Update]);
    assert_eq!(reply.set_cookie().max_age(), Some(seconds(100)));
    let second = reply.cookie();
    let changed = json!({"a": 2, "b": 3});
    assert_eq!(server.get_as(&second, "/").await.state(), changed);
    let through_first = server.get_as(&first, "/").await.state();
    if K::ON_SERVER {
        assert_eq!(through_first, changed);
    } else {
        assert_eq!(through_first, json!({"a": 1}));
    }
    // Every other way to change it.
    for (script, state) in [
        ("/add:a", json!({"a": 3, "b": 3})),
        ("/update:a", json!({"a": 3, "b": 3})),
        ("/remove:a", json!({"b": 3})),
        ("/clear/set:c:1", json!({"c": 1})),
    ] {
        let restored = server
            .get_as(&second, "/clear/set:a:2/set:b:3")
            .await
            .cookie();
        let reply = server.get_as(&restored, script).await;
        assert_eq!(reply.state(), state, "{script}");
        assert_eq!(server.get_as(&reply.cookie(), "/").await.state(), state);
    }
}

async fn a_change_extends_the_life<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(persistent(setup));
    let mut cookie = server.get("/add:n").await.cookie();
    for n in 2..5 {
        pass(setup, 99);
        let reply = server.get_as(&cookie, "/add:n").await;
        assert_eq!(reply.state(), json!({"n": n}));
        assert_eq!(reply.set_cookie().max_age(), Some(seconds(100)));
        cookie = reply.cookie();
    }
    pass(setup, 100);
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({}));
}

async fn emptied_sessions_go_on<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let first = server.get("/set:a:1").await.cookie();
    setup.watch.seen();
    let emptied = server.get_as(&first, "/clear").await.cookie();
    assert_eq!(setup.watch.seen(), [Load, Update]);
    assert_eq!(server.get_as(&emptied, "/").await.state(), json!({}));
    setup.watch.seen();
    let refilled = server.get_as(&emptied, "/set:b:2").await.cookie();
    assert_eq!(setup.watch.seen(), [Load, Update]);
    assert_eq!(server.get_as(&refilled, "/").await.state(), json!({"b": 2}));
    if K::ON_SERVER {
        assert_eq!(server.get_as(&first, "/").await.state(), json!({"b": 2}));
    }
}

async fn renewal_moves_the_whole_state<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(persistent(setup));
    for (script, state) in [
        ("/renew", json!({"a": 1, "b": 2})),
        ("/set:c:3/renew/remove:b", json!({"a": 1, "c": 3})),
    ] {
        let old = server.get("/set:a:1/set:b:2").await.cookie();
        setup.watch.seen();
        // Where the state is the key, the time in it makes the difference.
        pass(setup, 1);
        let reply = server.get_as(&old, script).await;
        assert_eq!(setup.watch.seen(), [Load, Renew]);
        assert_eq!(reply.set_cookie().max_age(), Some(seconds(100)));
        let new = reply.cookie();
        assert_ne!(new, old);
        assert_eq!(server.get_as(&new, "/").await.state(), state);
        let through_old = server.get_as(&old, "/").await;
        through_old.assert_sets_no_cookie();
        if K::ON_SERVER {
            assert_eq!(through_old.state(), json!({}));
            // What is written there now is another session.
            let other = server.get_as(&old, "/set:d:4").await.cookie();
            assert_eq!(server.get_as(&other, "/").await.state(), json!({"d": 4}));
            assert_eq!(server.get_as(&old, "/").await.state(), json!({}));
            assert_eq!(server.get_as(&new, "/").await.state(), state);
        } else {
            assert_eq!(through_old.state(), json!({"a": 1, "b": 2}));
        }
    }
}

async fn purging_deletes_and_removes_the_cookie<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let first = server.get("/set:a:1").await.cookie();
    let second = server.get_as(&first, "/set:b:2").await.cookie();
    setup.watch.seen();
    let reply = server.get_as(&second, "/purge").await;
    assert_eq!(setup.watch.seen(), [Load, Delete]);
    assert_eq!(reply.state(), json!({}));
    reply.assert_removes_cookie();
    if K::ON_SERVER {
        for ended in [first, second] {
            let reply = server.get_as(&ended, "/").await;
            assert_eq!(reply.state(), json!({}));
            reply.assert_sets_no_cookie();
        }
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

async fn purging_wins_over_writes<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for script in [
        "/set:b:2/purge",
        "/purge/set:b:2/add:n/renew",
        "/renew/purge",
        "/purge/clear",
    ] {
        let cookie = server.get("/set:a:1").await.cookie();
        setup.watch.seen();
        let reply = server.get_as(&cookie, script).await;
        assert_eq!(reply.state(), json!({}), "{script}");
        reply.assert_removes_cookie();
        assert_eq!(setup.watch.seen(), [Load, Delete], "{script}");
    }
}

async fn purging_removes_cookies_that_were_not_verifiable<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for cookie in ["id=garbage", "id=", "id=\"\"", "id=a; id=b", "id=%ff%fe"] {
        let reply = server.get_as(cookie, "/purge").await;
        assert_eq!(reply.state(), json!({}));
        reply.assert_removes_cookie();
        assert_eq!(setup.watch.seen(), [], "{cookie}");
    }
    let cookie = server.get("/set:a:1").await.cookie();
    pass(setup, 24 * 60 * 60);
    setup.watch.seen();
    server
        .get_as(&cookie, "/purge")
        .await
        .assert_removes_cookie();
    assert_eq!(setup.watch.seen(), [Load], "it has ended already");
}

async fn purging_without_a_cookie_leaves_no_trace<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for script in ["/purge", "/set:a:1/purge"] {
        server.get(script).await.assert_sets_no_cookie();
        server
            .get_as("other=1", script)
            .await
            .assert_sets_no_cookie();
    }
    assert_eq!(setup.watch.seen(), []);
}

async fn caches_are_told_of_cookies_only<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let first = server.get("/set:a:1").await;
    let cookie = first.cookie();
    let changed = server.get_as(&cookie, "/set:a:2").await;
    let renewed = server.get_as(&changed.cookie(), "/renew").await;
    let purged = server.get_as(&renewed.cookie(), "/purge").await;
    for with_cookie in [first, changed, renewed, purged] {
        assert_eq!(with_cookie.headers("set-cookie").len(), 1);
        assert_eq!(
            with_cookie.headers("cache-control"),
            ["no-cache=\"Set-Cookie\""]
        );
        assert_eq!(with_cookie.headers("vary"), ["Cookie"]);
    }
    let cookie = server.get("/set:a:1").await.cookie();
    for without in [server.get("/").await, server.get_as(&cookie, "/").await] {
        without.assert_sets_no_cookie();
        assert_eq!(without.headers("cache-control"), [""; 0]);
        assert_eq!(without.headers("vary"), [""; 0]);
    }
}

async fn what_the_handler_says_about_caching_stands<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let reply = server
        .get("/set:a:1/header:cache-control:no-store/header:vary:Accept")
        .await;
    assert_eq!(reply.headers("set-cookie").len(), 1);
    assert_eq!(reply.headers("cache-control"), ["no-store"]);
    assert_eq!(reply.headers("vary"), ["Accept", "Cookie"]);
    let reply = server.get("/set:a:1/header:vary:cookie").await;
    assert_eq!(reply.headers("vary"), ["cookie"]);
}

async fn absolute_time_bounds_the_life<K: Kind>(setup: &Setup<K>) {
    let builder = persistent(setup).absolute_timeout(Some(seconds(250)));
    let server = setup.start_with(builder);
    let mut cookie = server.get("/add:n").await.cookie();
    for (script, max_age) in [("/add:n", 100), ("/renew", 90), ("/add:n", 10)] {
        pass(setup, 80);
        let reply = server.get_as(&cookie, script).await;
        assert_eq!(reply.set_cookie().max_age(), Some(seconds(max_age)));
        cookie = reply.cookie();
    }
    pass(setup, 9);
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"n": 3}));
    pass(setup, 1);
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({}));
}
