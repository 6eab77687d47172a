//! Renewing a session, and requests with the cookie from before the renewal.

use serde_json::json;
use sessile::config::SupersededPolicy;

use crate::{
    client::{Reply, Server},
    setup::{Kind, Setup, on_every_store, pass, persistent, seconds},
    watched::Operation::{Create, Load, Update},
};

on_every_store![renewal_moves_the_whole_state];

on_every_store![on the server:
    a_cookie_from_before_a_renewal_opens_nothing,
    a_late_change_is_refused_unless_the_method_is_safe,
    a_late_change_is_dropped_under_the_policy_ignore,
    after_the_grace_period_a_request_with_the_old_cookie_begins_a_new_session,
    the_grace_period_can_be_configured,
    a_second_sign_in_with_the_old_cookie_succeeds,
];

async fn renewal_moves_the_whole_state<K: Kind>(setup: &Setup<K>) {
    let server = setup.start_with(persistent(setup));
    for (script, state) in [
        ("/renew", json!({"a": 1, "b": 2})),
        ("/set:c:3/renew/remove:b", json!({"a": 1, "c": 3})),
        ("/renew/set:c:3/discard", json!({"a": 1, "b": 2})),
    ] {
        let old = server.get("/set:a:1/set:b:2").await.cookie();
        setup.watch.seen();
        let reply = server.post_as(&old, script).await;
        setup.assert_asked_for(script, &[Load, Update]);
        assert_eq!(reply.set_cookie().max_age(), Some(seconds(100)));
        let new = reply.cookie();
        assert_ne!(new, old);
        assert_eq!(server.get_as(&new, "/").await.state(), state, "{script}");
        let through_old = server.get_as(&old, "/").await;
        through_old.assert_sets_no_cookie();
        if K::ON_SERVER {
            assert_eq!(through_old.state(), json!({}));
        } else {
            assert_eq!(through_old.state(), json!({"a": 1, "b": 2}));
        }
    }
}

/// A session `{"user": "ferris"}` that was renewed: the cookies from before and after the renewal.
async fn renewed(server: &Server) -> (String, String) {
    let old = server.get("/set:cart:3").await.cookie();
    let login = server.post_as(&old, "/set:user:ferris/renew").await;
    (old, login.cookie())
}

async fn assert_signed_in(server: &Server, cookie: &str) {
    let state = json!({"cart": 3, "user": "ferris"});
    assert_eq!(server.get_as(cookie, "/").await.state(), state);
}

async fn a_cookie_from_before_a_renewal_opens_nothing<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let (old, new) = renewed(&server).await;
    setup.watch.seen();
    for method in ["GET", "POST"] {
        let reply = server.send(method, "/", &[old.as_bytes()]).await;
        assert_eq!(reply.state(), json!({}));
        reply.assert_sets_no_cookie();
        // A current load precedes the rejection, so that no cache decides.
        setup.assert_asked(&[Load, Load]);
    }
    assert_signed_in(&server, &new).await;
}

const CHANGES: [&str; 5] = [
    "/set:secret:late",
    "/add:n",
    "/clear",
    "/set:a:1/remove:a",
    "/set:secret:late/try_save",
];

/// A request of a page from before the sign-in: a new session for it would replace the cookie of the sign-in.
async fn a_late_change_is_refused_unless_the_method_is_safe<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let (old, new) = renewed(&server).await;
    for script in CHANGES {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let reply = server.send(method, script, &[old.as_bytes()]).await;
            reply.assert_failure(409);
        }
        for method in ["GET", "OPTIONS", "TRACE", "HEAD"] {
            setup.watch.seen();
            let reply = server.send(method, script, &[old.as_bytes()]).await;
            assert_eq!(reply.status, 200, "{method} {script}");
            reply.assert_sets_no_cookie();
            setup.assert_asked(&[Load, Load]);
        }
    }
    assert_signed_in(&server, &new).await;
}

async fn a_late_change_is_dropped_under_the_policy_ignore<K: Kind>(setup: &Setup<K>) {
    let builder = setup.builder().on_superseded(SupersededPolicy::Ignore);
    let server = setup.start_with(builder);
    let (old, new) = renewed(&server).await;
    for script in CHANGES {
        for method in ["GET", "POST"] {
            let reply = server.send(method, script, &[old.as_bytes()]).await;
            assert_eq!(reply.status, 200, "{method} {script}");
            reply.assert_sets_no_cookie();
        }
    }
    assert_signed_in(&server, &new).await;
    // What the handler itself asked for is still answered.
    let reply = server.post_as(&old, "/set:secret:late/save").await;
    reply.assert_failure(409);
}

async fn assert_begins_a_session(server: &Server, old: &str, new: &str) {
    let other = server.post_as(old, "/set:d:4").await.cookie();
    assert_eq!(server.get_as(&other, "/").await.state(), json!({"d": 4}));
    assert_eq!(server.get_as(old, "/").await.state(), json!({}));
    assert_signed_in(server, new).await;
}

async fn after_the_grace_period_a_request_with_the_old_cookie_begins_a_new_session<K: Kind>(
    setup: &Setup<K>,
) {
    let server = setup.start();
    let (old, new) = renewed(&server).await;
    // The grace period, and the allowance for clocks that differ.
    pass(setup, 59);
    server.post_as(&old, "/set:d:4").await.assert_failure(409);
    pass(setup, 1);
    assert_begins_a_session(&server, &old, &new).await;
}

async fn the_grace_period_can_be_configured<K: Kind>(setup: &Setup<K>) {
    use std::time::Duration;
    let builder = setup.builder().renewal_grace(Duration::from_secs(5));
    let server = setup.start_with(builder.clock_allowance(Duration::from_secs(2)));
    let (old, new) = renewed(&server).await;
    pass(setup, 6);
    server.post_as(&old, "/set:d:4").await.assert_failure(409);
    pass(setup, 1);
    assert_begins_a_session(&server, &old, &new).await;
}

/// A double click, whose second request comes after the response to the first one.
async fn a_second_sign_in_with_the_old_cookie_succeeds<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let (old, first) = renewed(&server).await;
    setup.watch.seen();
    let reply: Reply = server.post_as(&old, "/set:user:ferris/renew").await;
    setup.assert_asked(&[Load, Load, Create]);
    let second = reply.cookie();
    assert_ne!(second, first);
    // The earlier state belongs to the session of the first sign-in, which the old cookie does not open.
    let state = json!({"user": "ferris"});
    assert_eq!(server.get_as(&second, "/").await.state(), state);
    assert_signed_in(&server, &first).await;
    assert_eq!(server.get_as(&old, "/").await.state(), json!({}));
}
