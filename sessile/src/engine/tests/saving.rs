//! Saving in the midst of a request and after it.

use super::*;

#[tokio::test]
async fn a_save_within_a_request_is_visible_to_others_and_committed_once() {
    let world = World::new(|_| {});
    let session = world.open("").await;
    session.insert("n", 1).unwrap();
    session.save().await.unwrap();
    assert_eq!(session.status(), SessionStatus::Unchanged);
    assert_eq!(world.store.take_counts(), (0, 1));

    // The commit has nothing to store, and the cookie of what was saved to send if it still lives.
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.store.take_counts(), (1, 0));
    assert_eq!(world.n(&cookie).await, Some(1));
}

#[tokio::test]
async fn a_handle_outlives_its_response() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let handle = world.open(&cookie).await;
    world.commit(&handle).await;

    let closed = handle.insert("m", 1).unwrap_err().source;
    assert_eq!(closed, WriteError::Closed(SessionClosedError::Committed));
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

#[tokio::test]
async fn a_renewal_that_was_saved_while_there_was_nothing_to_store_still_begins_a_session() {
    for superseded in [false, true] {
        let Renewed {
            world,
            old,
            session,
            ..
        } = Renewed::new().await;
        let session = match superseded {
            true => session,
            false => world.open(&old).await,
        };
        session.renew();
        session.save().await.unwrap();
        session.insert("a", 1).unwrap();
        let cookie = world.commit(&session).await.unwrap();
        let expected = if superseded {
            r#"{"a":1,"n":1}"#
        } else {
            r#"{"a":1}"#
        };
        assert_eq!(json(&world.open(&cookie).await), expected);
    }
}

#[tokio::test]
async fn changes_that_are_discarded_during_a_save_that_fails_are_not_tried_again() {
    for fault in [Fault::NotSent, Fault::Fail] {
        for (renews, is_another) in [(false, false), (false, true), (true, false), (true, true)] {
            let world = World::new(|_| {});
            let old = world.stored().await;
            let session = world.open(&old).await;
            session.insert("a", 1).unwrap();
            if renews {
                session.renew();
            }
            world.store.inject(fault);
            let discarding = async {
                session.discard();
                session.insert("b", 1).unwrap();
            };
            let (saved, ()) = tokio::join!(session.save(), discarding);
            assert!(saved.is_err());
            assert_eq!(json(&session), r#"{"b":1,"n":1}"#);
            let mut expected = r#"{"b":1,"n":1}"#;
            if is_another && (fault == Fault::NotSent || !renews) {
                let other = world.open(&old).await;
                other.insert("c", 1).unwrap();
                world.commit(&other).await;
                expected = r#"{"b":1,"c":1,"n":1}"#;
            }
            let cookie = world.commit(&session).await;
            assert_eq!(cookie.is_some(), renews);
            let cookie = cookie.unwrap_or(old);
            assert_eq!(
                json(&world.open(&cookie).await),
                expected,
                "{fault:?} {renews}"
            );
        }
    }
}
