//! Ending a session, by `purge` and `restart`.

use serde_json::json;
use sessile::config::Loading::Lazy;

use crate::{
    setup::{Kind, Setup, on_every_store, pass},
    watched::{
        Fault::Fail,
        Operation::{Create, Delete, Load},
    },
};

on_every_store![
    purging_deletes_and_removes_the_cookie,
    purging_wins_over_writes,
    writes_after_a_purge_fail,
    purging_removes_cookies_that_were_not_verifiable,
    purging_without_a_cookie_stores_nothing,
    a_restart_leaves_a_message,
    a_restart_that_leaves_nothing_removes_the_cookie,
    a_restart_without_a_session_begins_one,
    purging_and_restarting_can_follow_each_other,
];

on_every_store![on the server:
    purging_ends_every_session_that_a_cookie_names,
    a_foreign_cookie_does_not_keep_a_session_alive,
    a_cookie_from_before_a_renewal_can_end_the_session,
    a_restart_whose_session_cannot_be_deleted_changes_nothing,
    a_restart_whose_new_session_cannot_be_created_removes_the_cookie,
];

async fn purging_deletes_and_removes_the_cookie<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let first = server.get("/set:a:1").await.cookie();
    let second = server.get_as(&first, "/set:b:2").await.cookie_or(&first);
    setup.watch.seen();
    let reply = server.get_as(&second, "/purge").await;
    setup.assert_asked(&[Load, Delete]);
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

async fn purging_wins_over_writes<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for script in [
        "/set:b:2/purge",
        "/renew/purge",
        "/purge/clear",
        "/purge/remove:a",
        "/purge/renew",
        "/purge/discard",
        "/purge/purge",
    ] {
        let cookie = server.get("/set:a:1").await.cookie();
        setup.watch.seen();
        let reply = server.get_as(&cookie, script).await;
        assert_eq!(reply.state(), json!({}), "{script}");
        reply.assert_removes_cookie();
        setup.assert_asked_for(script, &[Load, Delete]);
    }
}

/// The writes would be lost, so they are not acknowledged. The session ends nevertheless.
async fn writes_after_a_purge_fail<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for script in ["/purge/set:b:2", "/purge/add:a", "/purge/update:a"] {
        let cookie = server.get("/set:a:1").await.cookie();
        setup.watch.seen();
        let reply = server.post_as(&cookie, script).await;
        assert_eq!((reply.status, reply.body.as_str()), (500, ""), "{script}");
        reply.assert_removes_cookie();
        setup.assert_asked_for(script, &[Load, Delete]);
    }
}

async fn purging_removes_cookies_that_were_not_verifiable<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for cookie in ["id=garbage", "id=", "id=\"\"", "id=a; id=b", "id=%ff%fe"] {
        let reply = server.get_as(cookie, "/purge").await;
        assert_eq!(reply.state(), json!({}));
        reply.assert_removes_cookie();
        setup.assert_asked_for(cookie, &[]);
    }
    let cookie = server.get("/set:a:1").await.cookie();
    // It has expired, but a request that opened it before could still extend its life. A cached answer is not enough.
    pass(setup, 24 * 60 * 60);
    for asked in [&[Load, Load, Delete][..], &[Load]] {
        setup.watch.seen();
        let reply = server.get_as(&cookie, "/purge").await;
        reply.assert_removes_cookie();
        setup.assert_asked(asked);
    }
}

async fn purging_without_a_cookie_stores_nothing<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for script in ["/purge", "/set:a:1/purge"] {
        server.get(script).await.assert_sets_no_cookie();
        server
            .get_as("other=1", script)
            .await
            .assert_sets_no_cookie();
    }
    setup.assert_asked(&[]);
}

/// The request that signs out has two session cookies, of different paths or domains. Both sessions end.
async fn purging_ends_every_session_that_a_cookie_names<K: Kind>(setup: &Setup<K>) {
    for builder in [setup.builder(), setup.builder().loading(Lazy)] {
        let server = setup.start_with(builder);
        for path in ["/purge", "/handle/purge", "/restart"] {
            let first = server.get("/set:a:1").await.cookie();
            let second = server.get("/set:b:2").await.cookie();
            let both = [first.as_bytes(), second.as_bytes()];
            let reply = server.send("POST", path, &both).await;
            assert_eq!(reply.status, 200, "{path}");
            reply.assert_removes_cookie();
            for ended in both {
                let reply = server.get_with("/", &[ended]).await;
                assert_eq!(reply.state(), json!({}), "{path}");
            }
        }
    }
}

async fn a_foreign_cookie_does_not_keep_a_session_alive<K: Kind>(setup: &Setup<K>) {
    for builder in [setup.builder(), setup.builder().loading(Lazy)] {
        let server = setup.start_with(builder);
        for foreign in ["id=planted", "id=", "id=%ff"] {
            let cookie = server.get("/set:a:1").await.cookie();
            let reply = server
                .post_as(&format!("{foreign}; {cookie}"), "/purge")
                .await;
            assert_eq!(reply.status, 200, "{foreign}");
            reply.assert_removes_cookie();
            assert_eq!(server.get_as(&cookie, "/").await.state(), json!({}));
        }
    }
}

/// The sign-out button of a page from before the sign-in works.
async fn a_cookie_from_before_a_renewal_can_end_the_session<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let old = server.get("/set:a:1").await.cookie();
    let new = server.post_as(&old, "/renew").await.cookie();
    let reply = server.post_as(&old, "/purge").await;
    assert_eq!(reply.status, 200);
    reply.assert_removes_cookie();
    assert_eq!(server.get_as(&new, "/").await.state(), json!({}));
}

async fn a_restart_leaves_a_message<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let cookie = server.get("/set:user:ferris").await.cookie();
    setup.watch.seen();
    let reply = server.post_as(&cookie, "/restart/set:message:bye").await;
    setup.assert_asked(&[Load, Delete, Create]);
    let message = json!({"message": "bye"});
    assert_eq!(reply.state(), message);
    let new = reply.cookie();
    assert_ne!(new, cookie);
    assert_eq!(server.get_as(&new, "/").await.state(), message);
    if K::ON_SERVER {
        assert_eq!(server.get_as(&cookie, "/").await.state(), json!({}));
        assert_eq!(server.post_as(&cookie, "/add:n").await.status, 200);
        assert_eq!(server.get_as(&new, "/").await.state(), message);
    }
}

async fn a_restart_that_leaves_nothing_removes_the_cookie<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for script in ["/restart", "/restart/set:b:2/clear", "/set:b:2/restart"] {
        let cookie = server.get("/set:a:1").await.cookie();
        setup.watch.seen();
        let reply = server.post_as(&cookie, script).await;
        assert_eq!(reply.state(), json!({}), "{script}");
        reply.assert_removes_cookie();
        setup.assert_asked_for(script, &[Load, Delete]);
    }
}

async fn a_restart_without_a_session_begins_one<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for cookie in ["other=1", "id=garbage"] {
        setup.watch.seen();
        let reply = server.post_as(cookie, "/set:a:1/restart/set:b:2").await;
        setup.assert_asked(&[Create]);
        let state = server.get_as(&reply.cookie(), "/").await.state();
        assert_eq!(state, json!({"b": 2}));
    }
}

async fn purging_and_restarting_can_follow_each_other<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    for (script, asked, left) in [
        ("/restart/set:b:2/purge", &[Load, Delete][..], None),
        ("/purge/restart/set:b:2", &[Load, Delete, Create], Some(2)),
        ("/restart/restart/set:b:2", &[Load, Delete, Create], Some(2)),
        ("/restart/set:b:2/renew", &[Load, Delete, Create], Some(2)),
        (
            "/restart/set:b:2/save/purge",
            &[Load, Delete, Create, Delete],
            None,
        ),
    ] {
        let cookie = server.get("/set:a:1").await.cookie();
        setup.watch.seen();
        let reply = server.post_as(&cookie, script).await;
        setup.assert_asked_for(script, asked);
        match left {
            Some(b) => {
                let state = server.get_as(&reply.cookie(), "/").await.state();
                assert_eq!(state, json!({ "b": b }), "{script}");
            }
            None => reply.assert_removes_cookie(),
        }
        if K::ON_SERVER {
            assert_eq!(server.get_as(&cookie, "/").await.state(), json!({}));
        }
    }
}

async fn a_restart_whose_session_cannot_be_deleted_changes_nothing<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let cookie = server.get("/set:a:1").await.cookie();
    setup.watch.inject(Delete, Fail);
    setup.watch.seen();
    let reply = server.post_as(&cookie, "/restart/set:b:2").await;
    reply.assert_failure(503);
    setup.assert_asked(&[Load, Delete]);
    setup.watch.heal();
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"a": 1}));
}

/// The old session has ended, so the browser must delete its cookie.
async fn a_restart_whose_new_session_cannot_be_created_removes_the_cookie<K: Kind>(
    setup: &Setup<K>,
) {
    let server = setup.start();
    let cookie = server.get("/set:a:1").await.cookie();
    setup.watch.inject(Create, Fail);
    let reply = server.post_as(&cookie, "/restart/set:b:2").await;
    assert_eq!((reply.status, reply.body.as_str()), (503, ""));
    reply.assert_removes_cookie();
    reply.assert_failure_headers();
    setup.watch.heal();
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({}));
}
