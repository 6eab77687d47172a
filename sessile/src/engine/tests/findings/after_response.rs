//! Handles that outlive the response, when no cookie can be sent.
//!
//! | fault | tests |
//! | --- | --- |
//! | in a cookie, a purge after the response is acknowledged without effect | `a_purge_of_a_session_in_a_cookie_is_an_error`, `a_purge_of_a_session_that_the_response_sent_is_an_error`, `a_restart_of_a_session_in_a_cookie_is_an_error`, `a_change_of_a_session_in_a_cookie_is_an_error`, `a_renewal_is_an_error` |
//! | … while a store deletes the session | `a_purge_in_a_store_ends_the_session` |
//! | a save that is under way when the client leaves is acknowledged | `a_new_session_that_is_saved_while_the_client_leaves_is_an_error`, `a_renewal_that_is_saved_while_the_client_leaves_is_an_error`, `a_restart_that_is_saved_while_the_client_leaves_is_an_error` |
//! | where each change refreshes the cookie, a save after the response is refused and made twice | `a_change_is_saved_once_where_it_would_refresh_the_cookie`, `a_change_that_is_saved_while_the_client_leaves_is_made_once` |

use super::*;
use crate::storage::CookieSessionStore;

/// Saves of a session in a cookie fail after the response.
async fn assert_needs_a_cookie(stored: bool, change: fn(&Session)) {
    let clock = ManualClock::default();
    let world = World::over(CookieSessionStore::default(), clock, |_| {});
    let session = if stored {
        world.open(&world.stored().await).await
    } else {
        let session = world.open("").await;
        session.insert("n", 1).unwrap();
        session
    };
    world.commit(&session).await;
    session.reload().await.unwrap();
    change(&session);
    let saved = session.save().await;
    assert!(
        matches!(saved, Err(SessionSaveError::ResponseSent)),
        "{saved:?}"
    );
}

#[tokio::test]
async fn a_purge_of_a_session_in_a_cookie_is_an_error() {
    assert_needs_a_cookie(true, Session::purge).await;
}

#[tokio::test]
async fn a_purge_of_a_session_that_the_response_sent_is_an_error() {
    assert_needs_a_cookie(false, Session::purge).await;
}

#[tokio::test]
async fn a_restart_of_a_session_in_a_cookie_is_an_error() {
    for stored in [false, true] {
        assert_needs_a_cookie(stored, |session| session.restart().unwrap()).await;
    }
}

#[tokio::test]
async fn a_change_of_a_session_in_a_cookie_is_an_error() {
    assert_needs_a_cookie(true, increment).await;
}

#[tokio::test]
async fn a_renewal_is_an_error() {
    assert_needs_a_cookie(true, Session::renew).await;
}

#[tokio::test]
async fn a_purge_in_a_store_ends_the_session() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    world.commit(&session).await;
    session.reload().await.unwrap();
    session.purge();
    session.save().await.unwrap();
    assert_eq!(world.id(&cookie).await, None);
}

/// Saves the session, and closes it while the store is asked.
async fn save_while_the_client_leaves(
    world: &World,
    session: &Session,
) -> Result<(), SessionSaveError> {
    world.store.inject(Fault::Wait);
    let (saved, ()) = tokio::join!(session.save(), async {
        session.machine().close();
        world.store.go_on.notify_one();
    });
    saved
}

#[tokio::test]
async fn a_new_session_that_is_saved_while_the_client_leaves_is_an_error() {
    let world = World::new(|_| {});
    let session = world.open("").await;
    session.insert("n", 1).unwrap();
    let saved = save_while_the_client_leaves(&world, &session).await;
    assert!(matches!(saved, Err(SessionSaveError::ResponseSent)));
    // The new session is deleted again.
    assert_eq!(world.store.take_counts(), (0, 2));
    assert_eq!(session.id(), None);
}

#[tokio::test]
async fn a_renewal_that_is_saved_while_the_client_leaves_is_an_error() {
    let world = World::new(|_| {});
    let session = world.open(&world.stored().await).await;
    increment(&session);
    session.renew();
    let mut events = world.manager.events();
    let saved = save_while_the_client_leaves(&world, &session).await;
    assert!(matches!(saved, Err(SessionSaveError::ResponseSent)));
    let event = clock::within(Duration::ZERO, events.next()).await.unwrap();
    assert_eq!(event.unwrap().unwrap().kind, EventKind::Renewed);
    // The handle continues with the stored session.
    session.reload().await.unwrap();
    assert_eq!(session.get("n").unwrap(), Some(2));
    increment(&session);
    session.save().await.unwrap();
    let record = world.record(&session.id().unwrap()).await.unwrap();
    assert_eq!(record.state.get("n"), Ok(Some(3)));
}

#[tokio::test]
async fn a_restart_that_is_saved_while_the_client_leaves_is_an_error() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let session = world.open(&old).await;
    session.restart().unwrap();
    session.insert("m", 1).unwrap();
    let saved = save_while_the_client_leaves(&world, &session).await;
    assert!(matches!(saved, Err(SessionSaveError::ResponseSent)));
    assert_eq!(world.id(&old).await, None);
    assert_eq!(session.id(), None);
}

#[tokio::test]
async fn a_change_is_saved_once_where_it_would_refresh_the_cookie() {
    let world = World::new(persistent);
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    world.commit(&session).await;
    session.reload().await.unwrap();
    increment(&session);
    session.save().await.unwrap();
    session.reload().await.unwrap();
    session.save().await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(2));
}

#[tokio::test]
async fn a_change_that_is_saved_while_the_client_leaves_is_made_once() {
    let world = World::new(persistent);
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    save_while_the_client_leaves(&world, &session)
        .await
        .unwrap();
    session.reload().await.unwrap();
    session.save().await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(2));
}
