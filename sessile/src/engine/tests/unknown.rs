//! Writes whose outcome is unknown.

use super::*;

#[tokio::test]
async fn a_write_that_may_have_happened_is_made_once() {
    for fault in [Fault::Fail, Fault::NotSent, Fault::DoAndFail] {
        for renews in [false, true] {
            let world = World::new(|_| {});
            let old = world.stored().await;
            let session = world.open(&old).await;
            increment(&session);
            if renews {
                session.renew();
            }
            world.store.inject(fault);
            assert!(session.save().await.is_err());
            let cookie = world.commit(&session).await;
            assert_eq!(cookie.is_some(), renews, "{fault:?}");
            assert_eq!(world.n(&cookie.unwrap_or(old)).await, Some(2), "{fault:?}");
        }
    }
}

/// A session whose failed save was stored. Another request has changed the session since.
async fn overtaken(world: &World, cookie: &str) -> Session {
    let (session, other) = (world.open(cookie).await, world.open(cookie).await);
    increment(&session);
    world.store.inject(Fault::DoAndFail);
    assert!(session.save().await.is_err());
    increment(&other);
    world.commit(&other).await;
    session
}

#[tokio::test]
async fn a_write_that_may_be_underneath_another_request_s_is_unknown() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = overtaken(&world, &cookie).await;
    let failure = world.failure(&session).await;
    assert!(
        matches!(cause(&failure), CommitError::Unknown),
        "{failure:?}"
    );
    assert_eq!(failure.status(), 503);
    assert_eq!(world.n(&cookie).await, Some(3));
}

#[tokio::test]
async fn an_attempt_after_a_merge_starts_from_what_was_merged() {
    for fault in [Fault::Fail, Fault::DoAndFail] {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        let (session, other) = (world.open(&cookie).await, world.open(&cookie).await);
        increment(&other);
        world.commit(&other).await;
        increment(&session);
        // The first write conflicts, the second one fails.
        let failing = async {
            tokio::task::yield_now().await;
            while world.store.take_counts().0 == 0 {
                tokio::task::yield_now().await;
            }
            // Changes during the save are kept.
            session.insert("m", 1).unwrap();
            world.store.inject(fault);
        };
        let (saved, ()) = tokio::join!(session.save(), failing);
        assert!(saved.is_err());
        assert_eq!(json(&session), r#"{"m":1,"n":3}"#);
        world.commit(&session).await;
        assert_eq!(json(&world.open(&cookie).await), r#"{"m":1,"n":3}"#);
    }
}

#[tokio::test]
async fn a_reload_does_not_repeat_what_may_have_been_stored() {
    for fault in [Fault::Fail, Fault::DoAndFail] {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        let session = world.open(&cookie).await;
        increment(&session);
        world.store.inject(fault);
        assert!(session.save().await.is_err());
        session.reload().await.unwrap();
        assert_eq!(session.get("n").unwrap(), Some(2));
        session.save().await.unwrap();
        assert_eq!(world.n(&cookie).await, Some(2));
        increment(&session);
        world.commit(&session).await;
        assert_eq!(world.n(&cookie).await, Some(3));
    }
}

#[tokio::test]
async fn a_reload_that_cannot_tell_drops_the_changes_and_says_so() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = overtaken(&world, &cookie).await;
    let reloaded = session.reload().await;
    assert!(matches!(reloaded, Err(SessionReloadError::Unknown)));
    assert_eq!(session.status(), SessionStatus::Unchanged);
    assert_eq!(session.get("n").unwrap(), Some(3));
    increment(&session);
    world.commit(&session).await;
    assert_eq!(world.n(&cookie).await, Some(4));
}

#[tokio::test]
async fn a_renewal_that_failed_is_not_forgotten_by_a_reload() {
    for fault in [Fault::Fail, Fault::DoAndFail] {
        let world = World::new(|_| {});
        let planted = world.stored().await;
        let session = world.open(&planted).await;
        session.insert("user", "ferris").unwrap();
        session.renew();
        world.store.inject(fault);
        assert!(session.save().await.is_err());
        session.reload().await.unwrap();
        let cookie = world.commit(&session).await.unwrap();
        assert_eq!(json(&world.open(&cookie).await), RENEWED, "{fault:?}");
        assert_eq!(world.n(&planted).await, None);
    }
}

#[tokio::test]
async fn a_renewal_after_a_save_that_landed_is_made() {
    for reloads in [false, true] {
        for second_fails in [false, true] {
            let world = World::new(|_| {});
            let planted = world.stored().await;
            let session = world.open(&planted).await;
            increment(&session);
            world.store.inject(Fault::DoAndFail);
            assert!(session.save().await.is_err());
            session.renew();
            if second_fails {
                world.store.inject(Fault::Fail);
                assert!(session.save().await.is_err());
            }
            if reloads {
                session.reload().await.unwrap();
            }
            let cookie = world.commit(&session).await.expect("it is renewed");
            assert_eq!(
                (world.n(&planted).await, world.n(&cookie).await),
                (None, Some(2))
            );
        }
    }
}

#[tokio::test]
async fn a_discard_does_not_forget_a_renewal_that_landed() {
    let world = World::new(|_| {});
    let planted = world.stored().await;
    let session = world.open(&planted).await;
    increment(&session);
    session.renew();
    world.store.inject(Fault::DoAndFail);
    assert!(session.save().await.is_err());
    session.discard();
    let id = session.id();
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.id(&cookie).await, id);
    assert_eq!(world.n(&planted).await, None);
}

#[tokio::test]
async fn a_refusal_by_the_engine_leaves_nothing_uncertain() {
    let world = World::new(|settings| settings.max_state_bytes = 40);
    let cookie = world.stored().await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    one.insert("one", "x".repeat(20)).unwrap();
    other.insert("other", "x".repeat(20)).unwrap();
    world.commit(&one).await;
    assert!(other.save().await.is_err());
    other.insert("other", "x").unwrap();
    world.commit(&other).await;
    assert_eq!(world.open(&cookie).await.entries().len(), 3);
}

#[tokio::test]
async fn a_renewal_that_landed_is_not_forgotten_when_the_rest_cannot_be_merged() {
    for reloads in [false, true] {
        let world = World::new(|_| {});
        let planted = world.stored().await;
        let session = world.open(&planted).await;
        session.insert("n", "text").unwrap();
        session.renew();
        world.store.inject(Fault::DoAndFail);
        assert!(session.save().await.is_err());
        let id = session.id();
        // The handle sees a number again, and the text is stored.
        session.discard();
        increment(&session);
        if reloads {
            assert!(session.reload().await.is_err());
        }
        let cookie = world.merge_failure_cookie(&session).await;
        assert_eq!(world.id(&cookie).await, id);
    }
}

#[tokio::test]
async fn a_session_that_may_have_been_created_is_deleted_even_if_nothing_is_left_to_store() {
    let world = World::new(|_| {});
    let session = world.open("").await;
    session.insert("n", 1).unwrap();
    world.store.inject(Fault::DoAndFail);
    assert!(session.save().await.is_err());
    assert_eq!(world.store.memory.len(), 1);
    session.discard();
    assert_eq!(world.commit(&session).await, None);
    assert_eq!(world.store.memory.len(), 0);
}

#[tokio::test]
async fn a_write_that_may_have_been_stored_before_a_renewal_is_unknown() {
    for reloads in [false, true] {
        let world = World::new(|_| {});
        let old = world.stored().await;
        let session = world.open(&old).await;
        increment(&session);
        world.store.inject(Fault::DoAndFail);
        assert!(session.save().await.is_err());
        let other = world.open(&old).await;
        other.renew();
        let new = world.commit(&other).await.unwrap();
        if reloads {
            assert!(session.reload().await.is_err());
        }
        // An answer that nothing was stored would have the client try again.
        let failure = world.answer(&session, "GET").await.unwrap_err();
        assert!(
            matches!(cause(&failure), CommitError::Unknown),
            "{failure:?}"
        );
        assert_eq!(world.n(&new).await, Some(2));
    }
}

/// A failover loses the update with which the retry conflicted. The first attempt may still be stored.
#[tokio::test]
async fn a_retry_whose_conflict_was_rolled_back_is_unknown() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let id = world.id(&cookie).await.unwrap();
    let memory = &world.store.memory;
    let load = async || {
        let loaded = memory.load(&id, None, Freshness::Current).await;
        loaded.unwrap().unwrap()
    };
    let (session, other) = (world.open(&cookie).await, world.open(&cookie).await);
    session.insert("a", 1).unwrap();
    world.store.inject(Fault::Fail);
    assert!(session.save().await.is_err());
    session.insert("b", 1).unwrap();

    let kept = load().await;
    increment(&other);
    world.commit(&other).await;
    world.store.take_counts();
    world.store.inject_into_load(Fault::Wait);
    let (failure, ()) = tokio::join!(world.failure(&session), async {
        while world.store.take_counts().0 == 0 {
            tokio::task::yield_now().await;
        }
        let lost = load().await.version;
        let day = Duration::from_secs(24 * 60 * 60);
        let rolling_back = memory.update(&id, lost, &kept.record, kept.version, day);
        rolling_back.await.unwrap();
        world.store.go_on.notify_one();
    });
    assert!(
        matches!(cause(&failure), CommitError::Unknown),
        "{failure:?}"
    );
    assert_eq!(json(&world.open(&cookie).await), r#"{"n":1}"#);
}
