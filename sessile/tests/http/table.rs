//! What the middleware does, row by row, on every store and with both content policies.

use std::time::Duration;

use serde_json::json;
use sessile::config::{BrowserSession, PersistentSession, TtlExtensionPolicy::OnEveryRequest};

use crate::{
    setup::{Kind, Setup, on_every_store, pass, persistent, seconds},
    watched::Operation::{Create, Load, Update},
};

on_every_store![
    untouched_leaves_no_trace,
    left_empty_leaves_no_trace,
    first_state_is_stored_and_sets_the_cookie,
    renewed_first_state_is_like_any_first_state,
    reading_sets_no_cookie,
    reading_extends_nothing,
    reading_under_on_every_request_extends_cookie_and_state,
    reading_under_on_every_request_extends_a_browser_session,
    a_change_is_stored_under_the_same_key,
    a_change_extends_the_life,
    emptied_sessions_go_on,
    absolute_time_bounds_the_life,
];

on_every_store![on the server: a_change_of_a_browser_session_sends_no_cookie];

async fn untouched_leaves_no_trace<K: Kind>(setup: &Setup<K>) {
    let reply = setup.start().get("/").await;
    assert_eq!(reply.state(), json!({}));
    reply.assert_sets_no_cookie();
    setup.assert_asked(&[]);
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
    setup.assert_asked(&[]);
}

async fn first_state_is_stored_and_sets_the_cookie<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let cookie = server.get("/set:a:1/add:n").await.cookie();
    setup.assert_asked(&[Create]);
    let reply = server.get_as(&cookie, "/").await;
    assert_eq!(reply.state(), json!({"a": 1, "n": 1}));
    // A request without the cookie has no session, and gets another one.
    assert_eq!(server.get("/").await.state(), json!({}));
    if K::ON_SERVER {
        assert_ne!(server.get("/set:a:1/add:n").await.cookie(), cookie);
    }
}

async fn renewed_first_state_is_like_any_first_state<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let cookie = server.get("/set:a:1/renew").await.cookie();
    setup.assert_asked(&[Create]);
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"a": 1}));
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
            setup.assert_asked_for(script, &[Load]);
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
        assert_eq!(reply.set_cookie().max_age(), None);
        cookie = reply.cookie();
    }
    pass(setup, 105);
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({}));
}

async fn a_change_is_stored_under_the_same_key<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(persistent(setup));
    let first = server.get("/set:a:1").await.cookie();
    setup.watch.seen();
    let reply = server.get_as(&first, "/set:a:2/set:b:3").await;
    setup.assert_asked(&[Load, Update]);
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

/// A cookie that names the session, and says nothing of time, tells the browser nothing new. Should the
/// response arrive late, it would replace a newer cookie.
async fn a_change_of_a_browser_session_sends_no_cookie<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let cookie = server.get("/set:a:1").await.cookie();
    for script in ["/set:a:2", "/add:n/save", "/remove:n", "/clear/set:a:2"] {
        let reply = server.post_as(&cookie, script).await;
        reply.assert_sets_no_cookie();
        let state = reply.state();
        assert_eq!(server.get_as(&cookie, "/").await.state(), state, "{script}");
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
    let emptied = server.get_as(&first, "/clear").await.cookie_or(&first);
    setup.assert_asked(&[Load, Update]);
    assert_eq!(server.get_as(&emptied, "/").await.state(), json!({}));
    setup.watch.seen();
    let refilled = server.get_as(&emptied, "/set:b:2").await;
    let refilled = refilled.cookie_or(&emptied);
    setup.assert_asked(&[Load, Update]);
    assert_eq!(server.get_as(&refilled, "/").await.state(), json!({"b": 2}));
    if K::ON_SERVER {
        assert_eq!(server.get_as(&first, "/").await.state(), json!({"b": 2}));
    }
}

async fn absolute_time_bounds_the_life<K: Kind>(setup: &Setup<K>) {
    let builder = persistent(setup).absolute_timeout(Some(Duration::from_secs(250)));
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
