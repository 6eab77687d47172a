//! Handles of sessions that were not loaded, and whose response has been sent.

use serde_json::json;
use sessile::{
    CookieContentSecurity::Private,
    Session,
    error::{SessionClosedError, SessionReloadError, WriteError},
};

use crate::{
    lazy_loading::{builder, cookie, stored},
    setup::{InCookie, Kind, Memory, Setup, Sqlite, in_time},
    watched::Operation::{Load, Update},
};

/// A handle of the session `{"a": 1}` that was not loaded, and whose response has been sent.
async fn handed_out<K: Kind>() -> (Setup<K>, String, Session) {
    let mut setup = Setup::<K>::new(Private).await;
    let server = setup.start_with(builder(&setup));
    let cookie = cookie(&setup).await;
    server.get_as(&cookie, "/handle/hand_out").await;
    let handle = setup.handles.recv().await.unwrap();
    setup.assert_asked(&[]);
    (setup, cookie, handle)
}

async fn read_after_the_response<K: Kind>() {
    let (setup, cookie, handle) = handed_out::<K>().await;
    assert!(!handle.is_loaded());
    handle.load().await.unwrap();
    assert_eq!(handle.get("a").unwrap(), Some(1));
    let closed = WriteError::Closed(SessionClosedError::Committed);
    assert_eq!(handle.insert("b", 2).unwrap_err().source, closed);
    setup.assert_asked(&[Load]);
    assert_eq!(stored(&setup, &cookie).await, json!({"a": 1}));
}

#[tokio::test]
async fn after_the_response_a_session_can_be_loaded_for_reading() {
    in_time(async {
        read_after_the_response::<Memory>().await;
        read_after_the_response::<InCookie>().await;
    })
    .await;
}

async fn written_after_the_response<K: Kind>() {
    let (setup, cookie, handle) = handed_out::<K>().await;
    handle.reload().await.unwrap();
    handle.update("a", |n: u32| n + 1).unwrap();
    handle.save().await.unwrap();
    // The session of the cookie, with its current state.
    setup.assert_asked(&[Load, Load, Update]);
    assert_eq!(stored(&setup, &cookie).await, json!({"a": 2}));
}

#[tokio::test]
async fn after_the_response_a_session_can_be_reloaded_for_writing() {
    in_time(async {
        written_after_the_response::<Memory>().await;
        written_after_the_response::<Sqlite>().await;

        let (setup, cookie, handle) = handed_out::<Memory>().await;
        setup.start().get_as(&cookie, "/purge").await;
        let reloaded = handle.reload().await;
        assert!(matches!(reloaded, Err(SessionReloadError::NotStored)));
    })
    .await;
}
