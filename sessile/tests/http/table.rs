//! The table of what the middleware does, row by row, on every store and with both content policies.

use std::time::Duration;

use serde_json::json;
use sessile::config::{BrowserSession, PersistentSession, TtlExtensionPolicy::OnEveryRequest};

use crate::{
    setup::{Kind, Setup, on_every_store, pass, persistent, seconds},
    watched::Operation::{Create, Load, Update},
};

on_every_store![
    an_unused_session_is_not_stored,
    a_session_that_is_left_empty_is_not_stored,
    a_new_session_is_stored_and_sets_the_cookie,
    renewing_a_new_session_stores_it_once,
    reading_sets_no_cookie,
    reading_does_not_extend_the_life,
    reading_under_on_every_request_extends_the_cookie_and_the_state,
    reading_under_on_every_request_extends_a_browser_session,
    a_change_is_stored_under_the_same_key,
    a_change_extends_the_life,
    emptied_sessions_stay_stored,
    the_absolute_timeout_ends_the_session,
];

on_every_store![on the server: a_change_of_a_browser_session_sends_no_cookie];

async fn an_unused_session_is_not_stored<K: Kind>(setup: &Setup<K>) {
    let reply = setup.start().get("/").await;
    assert_eq!(reply.state(), json!({}));
    reply.assert_sets_no_cookie();
    setup.assert_asked(&[]);
}

async fn a_session_that_is_left_empty_is_not_stored<K: Kind>(setup: &Setup<K>) {
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

async fn a_new_session_is_stored_and_sets_the_cookie<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let cookie = server.get("/set:a:1/add:n").await.cookie();
    setup.assert_asked(&[Create]);
    let reply = server.get_as(&cookie, "/").await;
    assert_eq!(reply.state(), json!({"a": 1, "n": 1}));
    // A request without the cookie gets a new session.
    assert_eq!(server.get("/").await.state(), json!({}));
    if K::ON_SERVER {
        assert_ne!(server.get("/set:a:1/add:n").await.cookie(), cookie);
    }
}

async fn renewing_a_new_session_stores_it_once<K: Kind>(setup: &Setup<K>) {
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

async fn reading_does_not_extend_the_life<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(persistent(setup));
    let cookie = server.get("/set:a:1").await.cookie();
    pass(setup, 99);
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"a": 1}));
    pass(setup, 1);
    let reply = server.get_as(&cookie, "/").await;
    assert_eq!(reply.state(), json!({}));
    reply.assert_sets_no_cookie();
}

async fn reading_under_on_every_request_extends_the_cookie_and_the_state<K: Kind>(
    setup: &Setup<K>,
) {
    let lifecycle = PersistentSession::default()
        .session_ttl(seconds(100))
        .session_ttl_extension_policy(OnEveryRequest);
    let server = setup.start_with(setup.builder().session_lifecycle(lifecycle));
    let mut cookie = server.get("/set:a:1").await.cookie();
    // Once at the same moment, and then each time near the end of its life.
    for wait in [0, 99, 99, 99] {
        pass(setup, wait);
        let reply = server.get_as(&cookie, "/").await;
        assert_eq!(reply.state(), json!({"a": 1}));
        assert_eq!(reply.set_cookie().max_age(), Some(seconds(100)));
        cookie = reply.cookie();
    }
    // The life is 5 % longer, since not every request writes to the store.
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

/// The browser already has a cookie without `Max-Age` whose key stays the same. If the response arrived late, the
/// cookie would replace a newer one.
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

async fn emptied_sessions_stay_stored<K: Kind>(setup: &Setup<K>) {
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

async fn the_absolute_timeout_ends_the_session<K: Kind>(setup: &Setup<K>) {
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
