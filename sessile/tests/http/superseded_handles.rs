//! Handles whose session another request has ended or renewed.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use sessile::{
    CookieContentSecurity::Private,
    error::{
        SessionClosedError::{self, Ended, Superseded},
        SessionReloadError,
    },
};
use tokio::sync::Barrier;

use crate::{
    client::{Reply, Server},
    handles::{Scene, assert_closed, assert_refuses_values},
    setup::{Memory, Setup, in_time, pass, persistent},
};

/// What another request does to the session, and the error that the session's handles return then.
const ENDINGS: [(&str, SessionClosedError); 3] = [
    ("/purge", Ended),
    ("/restart/set:b:1", Ended),
    ("/renew", Superseded),
];

#[tokio::test]
async fn superseded_sessions_cannot_be_reloaded() {
    in_time(async {
        for (ending, reason) in ENDINGS {
            let scene = Scene::<Memory>::new().await;
            scene.server.post_as(&scene.cookie, ending).await;
            for _ in 0..2 {
                match scene.handle.reload().await {
                    Err(SessionReloadError::Closed(why)) => assert_eq!(why, reason, "{ending}"),
                    other => panic!("{ending}: {other:?}"),
                }
            }
            assert_refuses_values(&scene.handle, SessionClosedError::Committed);
            assert_closed(scene.handle.save().await, SessionClosedError::Committed);
            scene.assert_state(json!({})).await;
        }
    })
    .await;
}

#[tokio::test]
async fn superseded_sessions_cannot_be_saved() {
    in_time(async {
        for (ending, reason) in ENDINGS {
            let scene = Scene::<Memory>::new().await;
            scene.handle.reload().await.unwrap();
            scene.handle.insert("secret", 1).unwrap();
            let ended = scene.server.post_as(&scene.cookie, ending).await;
            for _ in 0..2 {
                assert_closed(scene.handle.save().await, reason);
                assert_refuses_values(&scene.handle, reason);
            }
            scene.assert_state(json!({})).await;
            let left = scene.server.get_as(&ended.cookie(), "/").await.state();
            assert_eq!(left.get("secret"), None, "{ending}");
            // Without the changes, the commit succeeds.
            scene.handle.discard();
            scene.handle.save().await.unwrap();
        }
    })
    .await;
}

/// A sign-out also ends the session under the key of a later renewal.
#[tokio::test]
async fn superseded_handles_can_still_end_the_session() {
    in_time(async {
        let scene = Scene::<Memory>::new().await;
        scene.handle.reload().await.unwrap();
        scene.handle.insert("b", 2).unwrap();
        let renewed = scene.server.post_as(&scene.cookie, "/renew").await;
        assert_closed(scene.handle.save().await, Superseded);
        scene.handle.purge();
        scene.handle.save().await.unwrap();
        let state = scene.server.get_as(&renewed.cookie(), "/").await.state();
        assert_eq!(state, json!({}));
    })
    .await;
}

/// Runs `script` with `method` in a session `{"a": 1}`, and runs `meanwhile` when the script waits for the test.
async fn overtaken(method: &str, script: &str, meanwhile: &str) -> (Server, Reply, Reply) {
    let mut setup = Setup::<Memory>::new(Private).await;
    setup.meeting = Arc::new(Barrier::new(2));
    let server = setup.start_with(setup.builder().store_timeout(Duration::from_secs(100)));
    let cookie = server.get("/set:a:1").await.cookie();
    let cookies = [cookie.as_bytes()];
    let request = server.send(method, script, &cookies);
    let between = async {
        setup.meeting.wait().await;
        let reply = server.post_as(&cookie, meanwhile).await;
        setup.meeting.wait().await;
        reply
    };
    let (reply, between) = tokio::join!(request, between);
    assert_eq!(server.get_as(&cookie, "/").await.state(), json!({}));
    (server, reply, between)
}

#[tokio::test]
async fn a_refused_save_makes_the_response_409_without_a_cookie() {
    in_time(async {
        for (ending, _) in ENDINGS {
            let script = "/set:b:2/meet/meet/save/set:c:3";
            for method in ["GET", "POST"] {
                let (_, reply, _) = overtaken(method, script, ending).await;
                reply.assert_failure(409);
            }
        }
    })
    .await;
}

/// The commit refuses the changes that a save refused.
#[tokio::test]
async fn a_save_whose_error_was_ignored_is_not_acknowledged() {
    in_time(async {
        for (ending, _) in ENDINGS {
            let script = "/set:b:2/meet/meet/try_save";
            let (_, reply, _) = overtaken("POST", script, ending).await;
            reply.assert_failure(409);
            let (_, reply, _) = overtaken("GET", script, ending).await;
            assert_eq!(reply.status, 200, "the method is safe");
            reply.assert_sets_no_cookie();
        }
    })
    .await;
}

#[tokio::test]
async fn a_save_that_was_refused_can_be_discarded() {
    in_time(async {
        for (ending, _) in ENDINGS {
            let script = "/set:b:2/meet/meet/try_save/discard";
            let (_, reply, _) = overtaken("POST", script, ending).await;
            assert_eq!(reply.status, 200, "{ending}");
            reply.assert_sets_no_cookie();
        }
    })
    .await;
}

#[tokio::test]
async fn a_purge_after_a_refused_save_ends_the_session() {
    in_time(async {
        let script = "/set:b:2/meet/meet/try_save/purge";
        let (server, reply, renewed) = overtaken("POST", script, "/renew").await;
        assert_eq!(reply.state(), json!({}));
        reply.assert_removes_cookie();
        let state = server.get_as(&renewed.cookie(), "/").await.state();
        assert_eq!(state, json!({}));
    })
    .await;
}

/// The session was live when the request opened it.
#[tokio::test]
async fn a_session_that_expires_while_a_request_runs_can_be_committed_for_a_minute() {
    in_time(async {
        for (wait, status) in [(59, 200), (61, 409)] {
            let mut setup = Setup::<Memory>::new(Private).await;
            setup.meeting = Arc::new(Barrier::new(2));
            let builder = persistent(&setup).store_timeout(Duration::from_secs(1000));
            let server = setup.start_with(builder);
            let cookie = server.get("/set:a:1").await.cookie();
            pass(&setup, 99);
            let request = server.post_as(&cookie, "/meet/meet/set:b:2");
            let waiting = async {
                setup.meeting.wait().await;
                pass(&setup, 1 + wait);
                setup.meeting.wait().await;
            };
            let (reply, ()) = tokio::join!(request, waiting);
            assert_eq!(reply.status, status, "after {wait} s");
            if status == 200 {
                let state = server.get_as(&reply.cookie(), "/").await.state();
                assert_eq!(state, json!({"a": 1, "b": 2}));
            } else {
                reply.assert_failure(409);
            }
        }
    })
    .await;
}
