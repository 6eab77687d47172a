//! Sessions that are committed, closed, and opened again.

use super::*;

#[tokio::test]
async fn a_second_commit_does_nothing_and_sends_nothing() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    for change in [increment, Session::renew, Session::purge] {
        let session = world.open(&cookie).await;
        change(&session);
        world.commit(&session).await;
        world.store.take_counts();
        let head = ResponseHead::to("POST");
        let second = world.manager.commit(&session, &head).await.unwrap();
        assert_eq!(second, HeaderChanges::default());
        assert_eq!(world.store.take_counts(), (0, 0));
        if session.status() == SessionStatus::Renewed {
            break;
        }
    }
}

#[tokio::test]
async fn two_commits_at_once_store_once() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    let (one, other) = tokio::join!(
        world.answer(&session, "POST"),
        world.answer(&session, "POST")
    );
    assert_eq!((one.unwrap(), other.unwrap()), (None, None));
    assert_eq!(world.n(&cookie).await, Some(2));
}

#[tokio::test]
async fn a_second_commit_after_a_failed_one_does_nothing() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    world.store.inject(Fault::Fail);
    world.failure(&session).await;
    assert_eq!(world.commit(&session).await, None);
    assert_eq!(world.n(&cookie).await, Some(1));
    // The handle can still store what it has.
    session.reload().await.unwrap();
    session.save().await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(2));
}

#[tokio::test]
async fn a_session_of_another_manager_is_refused() {
    let world = World::new(|_| {});
    let other = world.beside(&world.clock, |_| {});
    let cookie = world.stored().await;
    for session in [world.open(&cookie).await, Session::new()] {
        session.insert("m", 1).unwrap();
        let failure = other.failure(&session).await;
        assert!(matches!(cause(&failure), CommitError::ForeignSession));
        assert_eq!(failure.status(), 500);
        assert_eq!(failure.headers().set_cookie, None);
    }
    // Its own manager commits it, and a clone of that.
    let session = world.open(&cookie).await;
    increment(&session);
    let committed = world.manager.clone();
    let committed = committed.commit(&session, &ResponseHead::to("POST")).await;
    committed.unwrap();
    assert_eq!(world.n(&cookie).await, Some(2));
}

#[tokio::test]
async fn a_session_that_is_closed_during_a_save_is_saved() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    world.store.inject(Fault::Wait);
    let (saved, ()) = tokio::join!(session.save(), async {
        session.machine().close();
        world.store.go_on.notify_one();
    });
    saved.unwrap();
    assert_eq!(world.n(&cookie).await, Some(2));
    let closed = session.insert("m", 1).unwrap_err().source;
    assert_eq!(closed, WriteError::Closed(SessionClosedError::Committed));
}

#[tokio::test]
async fn a_commit_during_a_save_waits_for_it() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    world.store.inject(Fault::Wait);
    let (saved, committed, ()) = tokio::join!(
        session.save(),
        async {
            increment(&session);
            world.answer(&session, "POST").await
        },
        async {
            tokio::task::yield_now().await;
            world.store.go_on.notify_one();
        }
    );
    saved.unwrap();
    committed.unwrap();
    assert_eq!(world.n(&cookie).await, Some(3));
}

#[tokio::test]
async fn a_purge_during_a_save_ends_the_session() {
    for created in [false, true] {
        let world = World::new(|_| {});
        let cookie = match created {
            true => String::new(),
            false => world.stored().await,
        };
        let session = world.open(&cookie).await;
        session.insert("n", 2).unwrap();
        world.store.inject(Fault::Wait);
        let (saved, ()) = tokio::join!(session.save(), async {
            session.purge();
            world.store.go_on.notify_one();
        });
        saved.unwrap();
        world.store.take_counts();
        let removal = (!created).then_some("id=");
        assert_eq!(world.commit(&session).await.as_deref(), removal);
        assert!(world.store.take_counts().1 > 0);
        assert_eq!(world.id(&cookie).await, None);
    }
}

#[tokio::test]
async fn a_restart_during_a_reload_brings_nothing_back() {
    for has_ended in [false, true] {
        let world = World::new(|_| {});
        let old = world.stored().await;
        let session = world.open(&old).await;
        let id = session.id().unwrap();
        increment(&session);
        world.store.inject_into_load(Fault::Wait);
        let (_, ()) = tokio::join!(session.reload(), async {
            tokio::task::yield_now().await;
            session.restart().unwrap();
            session.insert("m", 1).unwrap();
            if has_ended {
                world.store.memory.delete(&id).await.unwrap();
            }
            world.store.go_on.notify_one();
        });
        assert_eq!(json(&session), r#"{"m":1}"#);
        let new = world.commit(&session).await.unwrap();
        assert_eq!(world.id(&old).await, None);
        assert_eq!(json(&world.open(&new).await), r#"{"m":1}"#);
    }
}
