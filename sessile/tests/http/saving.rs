//! Handlers that save before the response.

use std::{sync::Arc, time::Duration};

use serde_json::json;
use sessile::{CookieContentSecurity::Private, error::SessionSaveError};
use tokio::sync::Barrier;

use crate::{
    setup::{InCookie, Kind, Memory, Setup, Sqlite, in_time},
    watched::{
        Fault::Fail,
        Operation::{Create, Delete, Load, Update},
    },
};

async fn seen_before_the_response<K: Kind>() {
    let mut setup = Setup::<K>::new(Private).await;
    setup.meeting = Arc::new(Barrier::new(2));
    let server = setup.start_with(setup.builder().store_timeout(Duration::from_secs(100)));
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
    assert_eq!(server.get_as(&cookie, "/").await.state(), merged);
}

#[tokio::test]
async fn saved_changes_are_visible_before_the_response() {
    in_time(async {
        seen_before_the_response::<Memory>().await;
        seen_before_the_response::<Sqlite>().await;
    })
    .await;
}

#[tokio::test]
async fn a_save_is_one_operation_and_the_response_has_one_cookie() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = setup.start();

        // Before the cookie is sent, a load tells whether the session still lives.
        let cookie = server.get("/set:a:1/save").await.cookie();
        assert_eq!(setup.watch.seen(), [Create, Load]);
        assert_eq!(server.get_as(&cookie, "/").await.state(), json!({"a": 1}));
        setup.watch.seen();
        let cookie = server.get("/set:a:1/save/set:b:2").await.cookie();
        assert_eq!(setup.watch.seen(), [Create, Update]);
        // The browser already has the cookie.
        let reply = server.get_as(&cookie, "/set:b:2/save").await;
        reply.assert_sets_no_cookie();
        assert_eq!(setup.watch.seen(), [Load, Update]);
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
async fn a_save_of_a_state_in_the_cookie_sends_the_cookie() {
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
async fn the_commit_stores_changes_that_a_save_could_not_store() {
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
