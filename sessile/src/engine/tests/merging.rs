//! Requests that overlap.

use super::*;

#[tokio::test]
async fn requests_that_overlap_lose_nothing() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    one.insert("one", 1).unwrap();
    increment(&one);
    other.insert("other", 2).unwrap();
    increment(&other);
    world.commit(&one).await;
    world.commit(&other).await;

    let merged = world.open(&cookie).await;
    assert_eq!(merged.get("one").unwrap(), Some(1));
    assert_eq!(merged.get("other").unwrap(), Some(2));
    assert_eq!(merged.get("n").unwrap(), Some(3));
    // What was committed last sees what it was merged with.
    assert_eq!(other.get("one").unwrap(), Some(1));
}

/// Requests that conflict join a queue for the session, and later ones join it too.
#[tokio::test]
async fn of_many_that_overlap_each_loses_once_at_most() {
    const MANY: u32 = 50;
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    world.store.take_counts();
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..MANY {
        let (manager, cookie) = (world.manager.clone(), cookie.clone());
        requests.spawn(async move {
            let session = manager.open([cookie.as_bytes()]).await.unwrap();
            increment(&session);
            let committed = manager.commit(&session, &ResponseHead::to("POST")).await;
            committed.unwrap();
        });
    }
    requests.join_all().await;
    let (loads, writes) = world.store.take_counts();
    assert_eq!(world.n(&cookie).await, Some(1 + MANY));
    assert!(writes < 2 * MANY, "{writes}");
    assert!(loads < 2 * MANY, "{loads}");

    // The queue is empty.
    world.store.take_counts();
    let session = world.open(&cookie).await;
    increment(&session);
    world.commit(&session).await;
    assert_eq!(world.store.take_counts(), (1, 1));
}

#[tokio::test]
async fn the_last_insert_of_one_name_wins() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    one.insert("n", 10).unwrap();
    other.insert("n", 20).unwrap();
    world.commit(&other).await;
    world.commit(&one).await;
    assert_eq!(world.n(&cookie).await, Some(10));
}

#[tokio::test]
async fn an_update_that_no_longer_fits_is_refused_and_stores_nothing() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    one.insert("n", "text").unwrap();
    world.commit(&one).await;
    increment(&other);
    other.insert("m", 1).unwrap();
    let failure = world.failure(&other).await;
    assert!(matches!(cause(&failure), CommitError::Merge(_)));
    assert_eq!(failure.status(), 500);
    assert!(!world.open(&cookie).await.contains_key("m"));
}

#[tokio::test]
async fn a_state_that_only_merging_makes_too_large_is_refused() {
    let world = World::new(|settings| settings.max_state_bytes = 40);
    let cookie = world.stored().await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    one.insert("one", "x".repeat(20)).unwrap();
    other.insert("other", "x".repeat(20)).unwrap();
    world.commit(&one).await;
    let failure = world.failure(&other).await;
    assert!(matches!(cause(&failure), CommitError::StateTooLarge(_)));
    assert_eq!(failure.status(), 500);
}

#[tokio::test]
async fn two_handles_that_save_at_once_make_one_session() {
    let world = World::new(|_| {});
    let session = world.open("").await;
    let other = session.clone();
    session.insert("one", 1).unwrap();
    other.insert("other", 2).unwrap();
    let (one, two) = tokio::join!(session.save(), other.save());
    one.unwrap();
    two.unwrap();
    let (_, writes) = world.store.take_counts();
    assert_eq!(writes, 1);
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.open(&cookie).await.entries().len(), 2);
}

/// Saves an increment after another request changed the session. A request to another server makes `change` after the
/// increment was merged, and before it is stored.
async fn overtaken_twice(change: fn(&Session)) -> (World, Session, SessionSaveError) {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (session, quick) = (world.open(&cookie).await, world.open(&cookie).await);
    let server = world.beside(&world.clock, |_| {});
    let third = server.open(&cookie).await;
    increment(&quick);
    world.commit(&quick).await;
    world.store.take_counts();
    increment(&session);
    let (saved, ()) = tokio::join!(session.save(), async {
        while world.store.take_counts().0 == 0 {
            tokio::task::yield_now().await;
        }
        world.store.inject(Fault::Wait);
        while world.store.take_counts().1 == 0 {
            tokio::task::yield_now().await;
        }
        change(&third);
        server.commit(&third).await;
        world.store.go_on.notify_one();
    });
    (world, session, saved.unwrap_err())
}

#[tokio::test]
async fn a_renewal_after_a_merge_supersedes_the_request() {
    let (world, session, error) = overtaken_twice(Session::renew).await;
    let superseded = SessionClosedError::Superseded;
    assert!(matches!(error, SessionSaveError::Closed(reason) if reason == superseded));
    let refused = session.insert("m", 1).unwrap_err().source;
    assert_eq!(refused, WriteError::Closed(superseded));
    world.refused(&session, superseded).await;
}

#[tokio::test]
async fn an_end_after_a_merge_ends_the_session_for_the_request() {
    let (world, session, error) = overtaken_twice(Session::purge).await;
    let ended = SessionClosedError::Ended;
    assert!(matches!(error, SessionSaveError::Closed(reason) if reason == ended));
    world.refused(&session, ended).await;
    assert_eq!(world.store.memory.len(), 0);
}
