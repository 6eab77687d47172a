//! Handles that save before the response, and that outlive it.

use std::sync::Arc;

use serde_json::json;
use sessile::{
    CookieContentSecurity::Private, Session, SessionClosedError, SessionReloadError,
    SessionSaveError, WriteError,
};
use tokio::sync::Barrier;

use crate::{
    client::Server,
    setup::{InCookie, Kind, Memory, Setup, Sqlite, in_time, seconds},
    watched::{
        Fault::{Fail, Unsaid},
        Operation::{Create, Delete, Load, Update},
    },
};

/// A session `{"a": 1}` with its cookie, and a handle of it whose response has been sent.
struct Scene<K: Kind> {
    setup: Setup<K>,
    server: Server,
    cookie: String,
    handle: Session,
}

impl<K: Kind> Scene<K> {
    async fn new() -> Self {
        let mut setup = Setup::<K>::new(Private).await;
        let server = setup.start();
        let cookie = server.get("/set:a:1").await.cookie();
        server.get_as(&cookie, "/hand_out").await;
        let handle = setup.handles.recv().await.unwrap();
        setup.watch.seen();
        Self {
            setup,
            server,
            cookie,
            handle,
        }
    }

    async fn assert_state(&self, expected: serde_json::Value) {
        let reply = self.server.get_as(&self.cookie, "/").await;
        assert_eq!(reply.state(), expected);
    }
}

#[track_caller]
fn assert_closed<T>(saved: Result<T, SessionSaveError>, expected: SessionClosedError) {
    match saved {
        Err(SessionSaveError::Closed(why)) => assert_eq!(why, expected),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was saved"),
    }
}

#[track_caller]
fn assert_refuses_writes(session: &Session, expected: SessionClosedError) {
    let closed = WriteError::Closed(expected);
    assert_eq!(session.insert("late", 1).unwrap_err().source, closed);
    let added = session.update_or("late", 1, |n: u32| n + 1);
    assert_eq!(added.unwrap_err().source, closed);
    let updated = session.update("a", |n: u32| n + 1);
    assert_eq!(updated.unwrap_err().source, closed);
    assert_eq!(session.remove("a"), None);
    session.clear();
    session.renew();
    session.purge();
}

#[track_caller]
fn assert_sent_already(saved: Result<(), SessionSaveError>) {
    assert!(
        matches!(saved, Err(SessionSaveError::ResponseSent)),
        "{saved:?}"
    );
}

async fn seen_before_the_response<K: Kind>() {
    let mut setup = Setup::<K>::new(Private).await;
    setup.meeting = Arc::new(Barrier::new(2));
    let server = setup.start_with(setup.builder().store_timeout(seconds(100)));
    let cookie = server.get("/set:a:1").await.cookie();
    setup.watch.seen();
    let long_request = server.get_as(&cookie, "/set:b:2/save/meet/meet/add:n");
    let meanwhile = async {
        setup.meeting.wait().await;
        let saved = server.get_as(&cookie, "/").await.state();
        let changed = server.get_as(&cookie, "/set:c:3/add:n").await;
        setup.meeting.wait().await;
        (saved, changed.status)
    };
    let (reply, (saved, changed)) = tokio::join!(long_request, meanwhile);
    assert_eq!(saved, json!({"a": 1, "b": 2}));
    assert_eq!((reply.status, changed), (200, 200));
    let merged = json!({"a": 1, "b": 2, "c": 3, "n": 2});
    assert_eq!(server.get_as(&reply.cookie(), "/").await.state(), merged);
}

#[tokio::test]
async fn what_is_saved_is_seen_before_the_response() {
    in_time(async {
        seen_before_the_response::<Memory>().await;
        seen_before_the_response::<Sqlite>().await;
    })
    .await;
}

#[tokio::test]
async fn saving_costs_what_it_stores_and_the_response_has_one_cookie() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = setup.start();

        // Before the cookie goes out, a look at the store tells whether the session still lives.
        let cookie = server.get("/set:a:1/save").await.cookie();
        assert_eq!(setup.watch.seen(), [Create, Load]);
        assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"a": 1}));
        setup.watch.seen();
        let cookie = server.get("/set:a:1/save/set:b:2").await.cookie();
        assert_eq!(setup.watch.seen(), [Create, Update]);
        let cookie = server.get_as(&cookie, "/renew/save/set:c:3").await.cookie();
        let state = json!({"a": 1, "b": 2, "c": 3});
        assert_eq!(server.get_as(&cookie, "/").await.state(), state);
        setup.watch.seen();

        server
            .get_as(&cookie, "/purge/save")
            .await
            .assert_removes_cookie();
        assert_eq!(setup.watch.seen(), [Load, Delete]);
        assert_eq!(server.get_as(&cookie, "/").await.state(), json!({}));
        setup.watch.seen();
        server.get("/save").await.assert_sets_no_cookie();
        assert_eq!(setup.watch.seen(), []);
    })
    .await;
}

#[tokio::test]
async fn saving_sends_the_cookie_where_the_state_is_in_it() {
    in_time(async {
        let setup = Setup::<InCookie>::new(Private).await;
        let server = setup.start();
        let cookie = server.get("/set:a:1/save").await.cookie();
        let cookie = server.get_as(&cookie, "/set:b:2/save").await.cookie();
        let cookie = server.get_as(&cookie, "/add:n/save/add:n").await.cookie();
        let state = json!({"a": 1, "b": 2, "n": 2});
        assert_eq!(server.get_as(&cookie, "/").await.state(), state);
    })
    .await;
}

#[tokio::test]
async fn what_could_not_be_saved_is_tried_again_at_the_end() {
    in_time(async {
        let mut setup = Setup::<Memory>::new(Private).await;
        setup.meeting = Arc::new(Barrier::new(2));
        let server = setup.start();
        let cookie = server.get("/set:a:1").await.cookie();
        let request = server.get_as(&cookie, "/set:b:2/hand_out/meet/meet");
        let meanwhile = async {
            setup.meeting.wait().await;
            let handle = setup.handles.recv().await.unwrap();
            setup.watch.inject(Update, Fail);
            let saved = handle.save().await;
            assert!(
                matches!(saved, Err(SessionSaveError::Commit(_))),
                "{saved:?}"
            );
            setup.watch.heal();
            setup.meeting.wait().await;
        };
        let (reply, ()) = tokio::join!(request, meanwhile);
        assert_eq!(reply.status, 200);
        let state = server.get_as(&cookie, "/").await.state();
        assert_eq!(state, json!({"a": 1, "b": 2}));
    })
    .await;
}

#[tokio::test]
async fn after_the_response_a_handle_reads_and_does_not_write() {
    in_time(async {
        let scene = Scene::<Memory>::new().await;
        let handle = &scene.handle;
        assert_eq!(handle.get("a").unwrap(), Some(1));
        assert_eq!(handle.entries()["a"], 1);
        assert_refuses_writes(handle, SessionClosedError::Committed);
        assert_closed(handle.save().await, SessionClosedError::Committed);
        assert_eq!(handle.get("a").unwrap(), Some(1));
        assert_eq!(scene.setup.watch.seen(), []);
        scene.assert_state(json!({"a": 1})).await;
    })
    .await;
}

async fn written_after_a_reload<K: Kind>() {
    let scene = Scene::<K>::new().await;
    let handle = &scene.handle;
    scene.server.get_as(&scene.cookie, "/set:b:2").await;
    assert!(!handle.contains_key("b"));
    handle.reload().await.unwrap();
    assert_eq!(handle.get("b").unwrap(), Some(2));
    handle.insert("c", 3).unwrap();
    handle.update_or("n", 1, |n: u32| n + 1).unwrap();
    // What others do meanwhile is merged.
    scene.server.get_as(&scene.cookie, "/add:n/remove:b").await;
    handle.save().await.unwrap();
    scene.assert_state(json!({"a": 1, "c": 3, "n": 2})).await;
    assert_eq!(handle.get("n").unwrap(), Some(2));
    // And it goes on.
    handle.insert("c", 4).unwrap();
    handle.save().await.unwrap();
    scene.assert_state(json!({"a": 1, "c": 4, "n": 2})).await;
}

#[tokio::test]
async fn after_a_reload_a_handle_writes_again() {
    in_time(async {
        written_after_a_reload::<Memory>().await;
        written_after_a_reload::<Sqlite>().await;
    })
    .await;
}

/// The answer to a `save` was lost, so that its caller can't know whether it was done.
#[tokio::test]
async fn what_may_have_been_saved_is_not_done_once_more_after_a_reload() {
    in_time(async {
        let scene = Scene::<Memory>::new().await;
        let (handle, watch) = (&scene.handle, &scene.setup.watch);
        handle.reload().await.unwrap();
        handle.update("a", |n: u32| n + 1).unwrap();
        watch.inject(Update, Unsaid);
        assert!(handle.save().await.is_err());
        watch.heal();
        // It may refuse to go on, and may not count twice.
        if handle.reload().await.is_ok() {
            let _ = handle.save().await;
        }
        scene.assert_state(json!({"a": 2})).await;
    })
    .await;
}

#[tokio::test]
async fn a_handle_can_end_the_session_after_the_response() {
    in_time(async {
        let scene = Scene::<Memory>::new().await;
        scene.handle.reload().await.unwrap();
        scene.handle.purge();
        scene.assert_state(json!({"a": 1})).await;
        scene.handle.save().await.unwrap();
        scene.assert_state(json!({})).await;
    })
    .await;
}

#[tokio::test]
async fn what_needs_a_cookie_comes_too_late_after_the_response() {
    in_time(async {
        let scene = Scene::<Memory>::new().await;
        scene.handle.reload().await.unwrap();
        scene.handle.renew();
        scene.setup.watch.seen();
        assert_sent_already(scene.handle.save().await);
        assert_eq!(scene.setup.watch.seen(), []);
        scene.assert_state(json!({"a": 1})).await;

        let scene = Scene::<InCookie>::new().await;
        scene.handle.reload().await.unwrap();
        scene.handle.insert("b", 2).unwrap();
        assert_sent_already(scene.handle.save().await);
    })
    .await;
}

#[tokio::test]
async fn a_session_that_was_never_stored_cannot_be_begun_after_the_response() {
    in_time(async {
        let mut setup = Setup::<Memory>::new(Private).await;
        let server = setup.start();
        server.get("/hand_out").await.assert_sets_no_cookie();
        let handle = setup.handles.recv().await.unwrap();
        assert_refuses_writes(&handle, SessionClosedError::Committed);
        assert_closed(handle.save().await, SessionClosedError::Committed);
        let reloaded = handle.reload().await;
        assert!(
            matches!(reloaded, Err(SessionReloadError::NotStored)),
            "{reloaded:?}"
        );
        assert_eq!(setup.watch.seen(), []);
    })
    .await;
}

/// The session ended by another request, in each way there is.
const ENDINGS: [&str; 2] = ["/purge", "/renew"];

#[tokio::test]
async fn a_handle_of_a_session_that_ended_cannot_be_reloaded() {
    in_time(async {
        for ending in ENDINGS {
            let scene = Scene::<Memory>::new().await;
            scene.server.get_as(&scene.cookie, ending).await;
            for _ in 0..2 {
                let reloaded = scene.handle.reload().await;
                let ended = SessionReloadError::Closed(SessionClosedError::Ended);
                assert_eq!(reloaded.unwrap_err().to_string(), ended.to_string());
            }
            assert_refuses_writes(&scene.handle, SessionClosedError::Ended);
            assert_closed(scene.handle.save().await, SessionClosedError::Ended);
            scene.assert_state(json!({})).await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_handle_of_a_session_that_ended_cannot_be_saved() {
    in_time(async {
        for ending in ENDINGS {
            let scene = Scene::<Memory>::new().await;
            scene.handle.reload().await.unwrap();
            scene.handle.insert("secret", 1).unwrap();
            let ended = scene.server.get_as(&scene.cookie, ending).await;
            assert_closed(scene.handle.save().await, SessionClosedError::Ended);
            assert_refuses_writes(&scene.handle, SessionClosedError::Ended);
            assert_closed(scene.handle.save().await, SessionClosedError::Ended);
            scene.assert_state(json!({})).await;
            let left = scene.server.get_as(&ended.cookie(), "/").await.state();
            assert_eq!(left.get("secret"), None);
        }
    })
    .await;
}

#[tokio::test]
async fn saving_a_session_that_ended_meanwhile_answers_an_error_and_no_cookie() {
    in_time(async {
        for ending in ENDINGS {
            let mut setup = Setup::<Memory>::new(Private).await;
            setup.meeting = Arc::new(Barrier::new(2));
            let server = setup.start();
            let cookie = server.get("/set:a:1").await.cookie();
            let request = server.get_as(&cookie, "/set:b:2/meet/meet/save/set:c:3");
            let meanwhile = async {
                setup.meeting.wait().await;
                server.get_as(&cookie, ending).await;
                setup.meeting.wait().await;
            };
            let (reply, ()) = tokio::join!(request, meanwhile);
            reply.assert_opaque(409);
            assert_eq!(server.get_as(&cookie, "/").await.state(), json!({}));
        }
    })
    .await;
}

#[tokio::test]
async fn sessions_made_by_hand_have_no_store() {
    let session = Session::new();
    session.insert("a", 1).unwrap();
    let saved = session.save().await;
    assert!(matches!(saved, Err(SessionSaveError::NoStore)), "{saved:?}");
    let reloaded = session.reload().await;
    assert!(
        matches!(reloaded, Err(SessionReloadError::NoStore)),
        "{reloaded:?}"
    );
}
