//! Handles that outlive their response.

use crate::{
    client::Server,
    setup::{InCookie, Kind, Memory, Setup, Sqlite, in_time},
    watched::{Fault::Unsaid, Operation::Update},
};
use serde_json::json;
use sessile::{
    CookieContentSecurity::Private,
    Session,
    error::{SessionClosedError, SessionReloadError, SessionSaveError, WriteError},
};

/// A session `{"a": 1}` with its cookie, and a handle of it whose response has been sent.
pub(crate) struct Scene<K: Kind> {
    pub(crate) setup: Setup<K>,
    pub(crate) server: Server,
    pub(crate) cookie: String,
    pub(crate) handle: Session,
}

impl<K: Kind> Scene<K> {
    pub(crate) async fn new() -> Self {
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

    pub(crate) async fn assert_state(&self, expected: serde_json::Value) {
        let reply = self.server.get_as(&self.cookie, "/").await;
        assert_eq!(reply.state(), expected);
    }
}

#[track_caller]
pub(crate) fn assert_closed<T>(saved: Result<T, SessionSaveError>, expected: SessionClosedError) {
    match saved {
        Err(SessionSaveError::Closed(why)) => assert_eq!(why, expected),
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("it was saved"),
    }
}

/// Checks that the session refuses values for this reason.
#[track_caller]
pub(crate) fn assert_refuses_values(session: &Session, expected: SessionClosedError) {
    let closed = WriteError::Closed(expected);
    assert_eq!(session.insert("late", 1).unwrap_err().source, closed);
    let added = session.update_or("late", 1, |n: u32| n + 1);
    assert_eq!(added.unwrap_err().source, closed);
    let updated = session.update("a", |n: u32| n + 1);
    assert_eq!(updated.unwrap_err().source, closed);
    assert_eq!(session.try_remove("a"), Err(closed));
    assert_eq!(session.try_clear(), Err(closed));
    assert_eq!(session.remove("a"), None);
    session.clear();
}

/// Checks that the session was committed, and that no change has an effect.
#[track_caller]
fn assert_committed(session: &Session) {
    assert_refuses_values(session, SessionClosedError::Committed);
    session.renew();
    session.purge();
}

#[track_caller]
pub(crate) fn assert_sent_already(saved: Result<(), SessionSaveError>) {
    assert!(
        matches!(saved, Err(SessionSaveError::ResponseSent)),
        "{saved:?}"
    );
}

#[tokio::test]
async fn after_the_response_a_handle_reads_and_does_not_write() {
    in_time(async {
        let scene = Scene::<Memory>::new().await;
        let handle = &scene.handle;
        assert_eq!(handle.get("a").unwrap(), Some(1));
        assert_eq!(handle.entries()["a"], 1);
        assert_committed(handle);
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
    // It is merged with the changes of other requests.
    scene.server.get_as(&scene.cookie, "/add:n/remove:b").await;
    handle.save().await.unwrap();
    scene.assert_state(json!({"a": 1, "c": 3, "n": 2})).await;
    assert_eq!(handle.get("n").unwrap(), Some(2));
    // It can be changed and saved again.
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

/// The store's reply to a `save` was lost, so the caller can't know whether the changes are stored.
#[tokio::test]
async fn a_save_with_an_unknown_outcome_is_not_repeated_after_a_reload() {
    in_time(async {
        let scene = Scene::<Memory>::new().await;
        let (handle, watch) = (&scene.handle, &scene.setup.watch);
        handle.reload().await.unwrap();
        handle.update("a", |n: u32| n + 1).unwrap();
        watch.inject(Update, Unsaid);
        assert!(handle.save().await.is_err());
        watch.heal();
        // It may fail, but must not count twice.
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

        // If the state is in the cookie, only the browser can delete it.
        let scene = Scene::<InCookie>::new().await;
        scene.handle.reload().await.unwrap();
        scene.handle.purge();
        assert_sent_already(scene.handle.save().await);
    })
    .await;
}

#[tokio::test]
async fn a_change_that_needs_a_cookie_fails_after_the_response() {
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
async fn a_session_cannot_begin_after_the_response() {
    in_time(async {
        let mut setup = Setup::<Memory>::new(Private).await;
        let server = setup.start();
        server.get("/hand_out").await.assert_sets_no_cookie();
        let handle = setup.handles.recv().await.unwrap();
        assert_committed(&handle);
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

#[tokio::test]
async fn a_session_without_a_middleware_has_no_store() {
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
