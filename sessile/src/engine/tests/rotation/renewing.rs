//! Renewals during a rotation.

use super::*;

/// Renews the session of this cookie. The new cookie.
async fn renewed(world: &World, cookie: &str) -> String {
    let session = world.open(cookie).await;
    session.renew();
    world.commit(&session).await.unwrap()
}

#[tokio::test]
async fn a_renewal_ends_every_other_secret() {
    for (is_promoted, by_newer) in [(false, false), (false, true), (true, false), (true, true)] {
        let (world, first) = session().await;
        let second = world.begun(&first).await;
        if is_promoted {
            world.read(&second).await;
        }
        let renewer = if by_newer { &second } else { &first };
        let new = renewed(&world, renewer).await;
        assert_eq!(world.n(&new).await, Some(1));
        for old in [&first, &second] {
            assert_eq!(world.n(old).await, None);
            // Requests that were in flight are refused, and replace no cookie.
            let session = world.open(old).await;
            session.insert("m", 1).unwrap();
            world
                .refused(&session, SessionClosedError::Superseded)
                .await;
        }
        world.clock.advance(GRACE);
        for old in [&first, &second] {
            assert!(!world.is_open(old).await);
        }
    }
}

#[tokio::test]
async fn the_interval_counts_from_the_renewal() {
    let (world, first) = session().await;
    world.clock.advance(INTERVAL / 2);
    let new = renewed(&world, &first).await;
    world.clock.advance(INTERVAL / 2);
    assert_eq!(world.read(&new).await, None);
    world.clock.advance(INTERVAL / 2);
    assert!(world.read(&new).await.is_some());
}

/// The epoch is looked at before a cookie is sent again.
#[tokio::test]
async fn a_request_from_before_a_renewal_carries_no_secret() {
    let (world, first) = session().await;
    let second = world.begun(&first).await;
    let [reading, due] = [world.open(&first).await, world.open(&second).await];
    let new = renewed(&world, &second).await;
    assert_eq!(world.answer(&reading, "GET").await.unwrap(), None);
    assert_eq!(world.answer(&due, "GET").await.unwrap(), None);
    assert_eq!(world.n(&new).await, Some(1));
}

#[tokio::test]
async fn a_renewal_that_may_have_failed_uses_the_same_secret_again() {
    for fault in [Fault::Fail, Fault::DoAndFail] {
        let (world, first) = session().await;
        let second = world.begun(&first).await;
        let session = world.open(&second).await;
        session.renew();
        increment(&session);
        world.store.inject(fault);
        session.save().await.unwrap_err();
        let new = world.commit(&session).await.unwrap();
        assert_eq!(world.n(&new).await, Some(2), "{fault:?}");
        assert!(!world.is_open(&first).await || world.n(&first).await.is_none());
    }
}

#[tokio::test]
async fn signing_in_ends_a_rotation() {
    let (world, first) = session().await;
    let second = world.begun(&first).await;
    let session = world.open(&first).await;
    session.sign_in("ferris").await.unwrap();
    let new = world.commit(&session).await.unwrap();
    assert_eq!(world.open(&new).await.subject().as_deref(), Some("ferris"));
    for old in [&first, &second] {
        assert_eq!(world.n(old).await, None);
    }
}
