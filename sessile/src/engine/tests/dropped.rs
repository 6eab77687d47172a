//! Clients that disconnect: each future is dropped at each of its awaits. After that the stored record is
//! consistent, and another attempt works.

use std::{pin::Pin, task::Poll};

use super::*;

/// The output of `future` if it needs at most so many polls. The future is dropped after that.
pub(super) async fn within_polls<T>(polls: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..polls {
        if let Poll::Ready(output) = poll_once(future.as_mut()).await {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    std::future::poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

/// Runs `case` with more polls each time, until it reports that its future was ready.
pub(super) async fn at_each_await(mut case: impl AsyncFnMut(usize) -> bool) {
    const ENOUGH: usize = 100;
    for polls in 0..ENOUGH {
        if case(polls).await {
            assert!(polls > 2, "it never waited");
            return;
        }
    }
    panic!("it is never ready");
}

#[tokio::test]
async fn an_open_that_is_dropped_changes_nothing() {
    at_each_await(async |polls| {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        let opening = world.manager.open([cookie.as_bytes()]);
        let opened = within_polls(polls, opening).await;
        assert_eq!(world.n(&cookie).await, Some(1));
        opened.is_some()
    })
    .await;
}

#[tokio::test]
async fn a_load_that_is_dropped_can_be_repeated() {
    at_each_await(async |polls| {
        let world = World::new(load_lazily);
        let session = world.open(&world.stored().await).await;
        let loaded = within_polls(polls, session.load()).await;
        session.load().await.unwrap();
        assert_eq!(session.get("n").unwrap(), Some(1));
        loaded.is_some()
    })
    .await;
}

/// A session that was opened before another request incremented it, if there `is_another`.
async fn opened(is_another: bool) -> (World, String, Session) {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (session, other) = (world.open(&cookie).await, world.open(&cookie).await);
    if is_another {
        increment(&other);
        world.commit(&other).await;
    }
    (world, cookie, session)
}

/// What the session is without and with so many increments by the request, `after` another request.
async fn assert_counted(world: &World, cookie: &str, after: bool, counted: u32) {
    assert_eq!(world.n(cookie).await, Some(1 + u32::from(after) + counted));
    let next = world.open(cookie).await;
    increment(&next);
    world.commit(&next).await;
    assert_eq!(world.n(cookie).await, Some(2 + u32::from(after) + counted));
}

/// Whether the outcome of a dropped write is unknown to the commit, because another request's write is stored.
fn is_unknown<T>(committed: &Result<T, SessionFailure>) -> bool {
    let failure = committed.as_ref().err();
    failure.is_some_and(|it| matches!(cause(it), CommitError::Unknown))
}

#[tokio::test]
async fn a_commit_that_is_dropped_stores_all_or_nothing() {
    for is_another in [false, true] {
        at_each_await(async |polls| {
            let (world, cookie, session) = opened(is_another).await;
            increment(&session);
            session.insert("m", 1).unwrap();
            let committed = within_polls(polls, world.answer(&session, "POST")).await;
            let before = world.n(&cookie).await.unwrap() - 1 - u32::from(is_another);
            assert_eq!(world.open(&cookie).await.contains_key("m"), before == 1);
            // The handle settles the outcome of the dropped write, or reports that it can't.
            let counted = match session.reload().await {
                Ok(()) => 1,
                Err(SessionReloadError::Unknown) if is_another => before,
                Err(error) => panic!("{error:?}"),
            };
            session.save().await.unwrap();
            assert_counted(&world, &cookie, is_another, counted).await;
            committed.is_some()
        })
        .await;
    }
}

#[tokio::test]
async fn a_save_that_is_dropped_is_made_once_by_the_commit() {
    for is_another in [false, true] {
        at_each_await(async |polls| {
            let (world, cookie, session) = opened(is_another).await;
            increment(&session);
            let saved = within_polls(polls, session.save()).await;
            increment(&session);
            let committed = world.answer(&session, "POST").await;
            let is_unknown = is_another && is_unknown(&committed);
            assert!(is_unknown || committed.is_ok());
            let counted = if is_unknown { 0 } else { 2 };
            assert_counted(&world, &cookie, is_another, counted).await;
            saved.is_some()
        })
        .await;
    }
}

#[tokio::test]
async fn a_save_that_is_dropped_after_a_merge_is_made_once_by_the_commit() {
    let mut known = 0;
    at_each_await(async |polls| {
        let (world, cookie, session) = opened(true).await;
        increment(&session);
        let saved = within_polls(polls, session.save()).await;
        // The first write has conflicted, and the current record is loaded.
        if world.store.take_counts().0 > 2 {
            world.commit(&session).await;
            assert_counted(&world, &cookie, true, 1).await;
            known += 1;
        }
        saved.is_some()
    })
    .await;
    assert!(known > 2);
}

#[tokio::test]
async fn two_saves_that_are_dropped_are_made_once_by_the_commit() {
    at_each_await(async |polls| {
        let (world, cookie, session) = opened(false).await;
        let mut saved = None;
        for _ in 0..2 {
            increment(&session);
            saved = within_polls(polls, session.save()).await;
        }
        world.commit(&session).await;
        assert_counted(&world, &cookie, false, 2).await;
        saved.is_some()
    })
    .await;
}

#[tokio::test]
async fn a_new_session_whose_save_is_dropped_is_stored_once() {
    at_each_await(async |polls| {
        let world = World::new(|_| {});
        let session = world.open("").await;
        session.insert("n", 1).unwrap();
        let saved = within_polls(polls, session.save()).await;
        let cookie = world.commit(&session).await.unwrap();
        assert_eq!(world.n(&cookie).await, Some(1));
        assert_eq!(world.store.memory.len(), 1, "{polls}");
        saved.is_some()
    })
    .await;
}

#[tokio::test]
async fn a_renewal_whose_save_is_dropped_is_made_once() {
    for is_another in [false, true] {
        at_each_await(async |polls| {
            let (world, old, session) = opened(is_another).await;
            increment(&session);
            session.renew();
            let id = session.id();
            let saved = within_polls(polls, session.save()).await;
            let committed = world.answer(&session, "POST").await;
            if is_another && is_unknown(&committed) {
                // It is neither made nor acknowledged.
                assert_counted(&world, &old, true, 0).await;
                return false;
            }
            let new = committed.unwrap().unwrap();
            assert_eq!((world.id(&old).await, world.id(&new).await), (None, id));
            assert_counted(&world, &new, is_another, 1).await;
            saved.is_some()
        })
        .await;
    }
}

#[tokio::test]
async fn a_renewal_whose_commit_is_dropped_leaves_a_session_that_can_be_ended() {
    at_each_await(async |polls| {
        let (world, old, session) = opened(false).await;
        session.insert("user", "ferris").unwrap();
        session.renew();
        let committed = within_polls(polls, world.answer(&session, "POST")).await;
        // The old cookie opens what was there before, or nothing.
        let state = json(&world.open(&old).await);
        assert!([r#"{"n":1}"#, "{}"].contains(&&*state), "{state}");
        let out = world.open(&old).await;
        out.purge();
        world.commit(&out).await;
        assert_eq!(world.store.memory.len(), 0);
        committed.is_some()
    })
    .await;
}

#[tokio::test]
async fn a_purge_whose_save_is_dropped_is_made_by_the_commit() {
    at_each_await(async |polls| {
        let (world, cookie, session) = opened(true).await;
        session.purge();
        let saved = within_polls(polls, session.save()).await;
        assert_eq!(world.commit(&session).await.as_deref(), Some("id="));
        assert_eq!(world.id(&cookie).await, None);
        saved.is_some()
    })
    .await;
}

#[tokio::test]
async fn a_restart_whose_save_is_dropped_is_made_by_the_commit() {
    at_each_await(async |polls| {
        let (world, old, session) = opened(true).await;
        session.restart().unwrap();
        session.insert("m", 1).unwrap();
        let saved = within_polls(polls, session.save()).await;
        let new = world.commit(&session).await.unwrap();
        assert_eq!(world.id(&old).await, None);
        assert_eq!(json(&world.open(&new).await), r#"{"m":1}"#);
        assert_eq!(world.store.memory.len(), 1, "{polls}");
        saved.is_some()
    })
    .await;
}

#[tokio::test]
async fn a_reload_that_is_dropped_loses_nothing() {
    for fault in [None, Some(Fault::Fail), Some(Fault::DoAndFail)] {
        at_each_await(async |polls| {
            let (world, cookie, session) = opened(fault.is_none()).await;
            increment(&session);
            if let Some(fault) = fault {
                world.store.inject(fault);
                assert!(session.save().await.is_err());
            }
            let reloaded = within_polls(polls, session.reload()).await;
            world.commit(&session).await;
            assert_counted(&world, &cookie, fault.is_none(), 1).await;
            reloaded.is_some()
        })
        .await;
    }
}
