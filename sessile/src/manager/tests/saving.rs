//! Saving in the midst of a request and after it.

use super::*;

#[tokio::test]
async fn what_is_saved_mid_request_is_there_for_others_and_committed_once() {
    let world = World::new(|_| {});
    let session = world.open("").await;
    session.insert("n", 1).unwrap();
    session.save().await.unwrap();
    assert_eq!(session.status(), SessionStatus::Unchanged);
    assert_eq!(world.store.counts(), (0, 1));

    // The commit has nothing to store, and the cookie of what was saved to send if it still lives.
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.store.counts(), (1, 0));
    assert_eq!(world.n(&cookie).await, Some(1));
}

#[tokio::test]
async fn a_handle_outlives_its_response() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let handle = world.open(&cookie).await;
    world.commit(&handle).await;

    let closed = handle.insert("m", 1).unwrap_err().source;
    assert_eq!(
        closed,
        crate::WriteError::Closed(SessionClosedError::Committed)
    );
    let save = handle.save().await;
    assert!(matches!(
        save,
        Err(SessionSaveError::Closed(SessionClosedError::Committed))
    ));

    let other = world.open(&cookie).await;
    increment(&other);
    world.commit(&other).await;
    handle.reload().await.unwrap();
    assert_eq!(handle.get("n").unwrap(), Some(2));
    increment(&handle);
    handle.save().await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(3));

    // What needs a cookie is refused, and can still be seen to be pending.
    handle.renew();
    assert!(matches!(
        handle.save().await,
        Err(SessionSaveError::ResponseSent)
    ));
    assert_eq!(handle.status(), SessionStatus::Renewed);
}

#[tokio::test]
async fn reloading_puts_unsaved_changes_on_top() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (session, other) = (world.open(&cookie).await, world.open(&cookie).await);
    increment(&session);
    increment(&other);
    other.insert("other", 1).unwrap();
    world.commit(&other).await;
    session.reload().await.unwrap();
    assert_eq!(session.get("n").unwrap(), Some(3));
    assert_eq!(session.get("other").unwrap(), Some(1));
    assert_eq!(session.status(), SessionStatus::Changed);
    world.commit(&session).await;
    assert_eq!(world.n(&cookie).await, Some(3));
}

#[tokio::test]
async fn a_handle_of_a_request_that_renewed_can_save_later() {
    let world = World::new(|_| {});
    let session = world.open(&world.stored().await).await;
    session.renew();
    let cookie = world.commit(&session).await.unwrap();
    session.reload().await.unwrap();
    assert_eq!(session.status(), SessionStatus::Unchanged);
    increment(&session);
    session.save().await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(2));
}
