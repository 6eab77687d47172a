//! Tokens against cross-site request forgery, on sessions that are not stored yet, and on stores that fail.

use super::*;
use crate::error::CsrfError;

/// Checks that the next request with this cookie accepts the token.
async fn assert_accepted(world: &World, cookie: &str, token: &str) {
    let session = world.open(cookie).await;
    assert_eq!(session.verify_csrf(token), Ok(()));
}

#[tokio::test]
async fn a_token_makes_an_empty_session_worth_storing() {
    let world = World::new(|_| {});
    let session = world.manager.open([]).await.unwrap();
    let token = session.csrf_token().unwrap();
    assert_eq!(session.status(), SessionStatus::Changed);
    let cookie = world.commit(&session).await.unwrap();
    assert_accepted(&world, &cookie, &token).await;
    // The session that is stored needs no further write for a token.
    world.store.take_counts();
    let session = world.open(&cookie).await;
    session.csrf_token().unwrap();
    assert_eq!(world.commit(&session).await, None);
    assert_eq!(world.store.take_counts(), (1, 0));
}

#[tokio::test]
async fn a_token_is_valid_however_the_session_is_stored() {
    for fault in [None, Some(Fault::Fail), Some(Fault::DoAndFail)] {
        for saves in [1, 2] {
            for renews in [false, true] {
                let world = World::new(|_| {});
                let session = match renews {
                    true => world.open(&world.stored().await).await,
                    false => world.manager.open([]).await.unwrap(),
                };
                if renews {
                    session.renew();
                }
                let token = session.csrf_token().unwrap();
                if let Some(fault) = fault {
                    world.store.inject(fault);
                }
                for _ in 0..saves {
                    let _ = session.save().await;
                }
                increment(&session);
                let cookie = world.commit(&session).await.unwrap();
                assert_accepted(&world, &cookie, &token).await;
            }
        }
    }
}

#[tokio::test]
async fn each_renewal_of_a_request_has_a_token_of_its_own() {
    let world = World::new(|_| {});
    let session = world.open(&world.stored().await).await;
    let mut tokens = vec![session.csrf_token().unwrap()];
    for _ in 0..3 {
        session.renew();
        tokens.push(session.csrf_token().unwrap());
        session.save().await.unwrap();
    }
    let cookie = world.commit(&session).await.unwrap();
    let session = world.open(&cookie).await;
    let refused = Err(CsrfError::InvalidToken);
    let verified: Vec<_> = tokens.iter().map(|it| session.verify_csrf(it)).collect();
    assert_eq!(verified, [refused, refused, Ok(()), Ok(())]);
}

#[tokio::test]
async fn a_token_of_a_session_that_was_restarted_is_refused() {
    let world = World::new(|_| {});
    let session = world.manager.open([]).await.unwrap();
    let before = session.csrf_token().unwrap();
    session.restart().unwrap();
    let after = session.csrf_token().unwrap();
    let cookie = world.commit(&session).await.unwrap();
    assert_accepted(&world, &cookie, &after).await;
    let session = world.open(&cookie).await;
    assert_eq!(session.verify_csrf(&before), Err(CsrfError::InvalidToken));
}

#[tokio::test]
async fn a_session_that_another_request_renewed_makes_no_token_until_it_is_renewed() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let other = world.open(&old).await;
    let of_old = other.csrf_token().unwrap();
    other.renew();
    world.commit(&other).await.unwrap();
    let stale = world.open(&old).await;
    assert_eq!(stale.verify_csrf(&of_old), Ok(()));
    let refused = WriteError::Closed(SessionClosedError::Superseded);
    assert_eq!(stale.csrf_token(), Err(refused));
    stale.renew();
    let token = stale.csrf_token().unwrap();
    let cookie = world.commit(&stale).await.unwrap();
    assert_accepted(&world, &cookie, &token).await;
}

#[tokio::test]
async fn a_session_that_is_closed_or_not_loaded_makes_no_token() {
    let world = World::new(|settings| settings.loading = Loading::Lazy);
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    assert_eq!(session.csrf_token(), Err(WriteError::NotLoaded));
    assert_eq!(session.verify_csrf("token"), Err(CsrfError::NotLoaded));
    session.load().await.unwrap();
    session.csrf_token().unwrap();
    session.purge();
    let refused = WriteError::Closed(SessionClosedError::Purged);
    assert_eq!(session.csrf_token(), Err(refused));

    let session = world.manager.open([]).await.unwrap();
    assert_eq!(world.commit(&session).await, None);
    let refused = WriteError::Closed(SessionClosedError::Committed);
    assert_eq!(session.csrf_token(), Err(refused));
}

#[tokio::test]
async fn a_discard_leaves_the_session_of_a_token_to_be_stored() {
    for fails in [false, true] {
        let world = World::new(|_| {});
        let session = world.manager.open([]).await.unwrap();
        let token = session.csrf_token().unwrap();
        session.insert("draft", 1).unwrap();
        if fails {
            world.store.inject(Fault::Fail);
            let (saved, ()) = tokio::join!(session.save(), async { session.discard() });
            assert!(saved.is_err());
        } else {
            session.discard();
        }
        assert_eq!(session.status(), SessionStatus::Changed);
        let cookie = world.commit(&session).await.unwrap();
        assert_accepted(&world, &cookie, &token).await;
        assert!(world.open(&cookie).await.entries().is_empty());
    }
}

#[tokio::test]
async fn a_discard_leaves_nothing_to_be_stored_once_the_session_of_a_token_is() {
    let world = World::new(|_| {});
    let session = world.manager.open([]).await.unwrap();
    session.csrf_token().unwrap();
    session.save().await.unwrap();
    session.insert("draft", 1).unwrap();
    session.discard();
    world.store.take_counts();
    assert!(world.commit(&session).await.is_some());
    assert_eq!(world.store.take_counts(), (1, 0));
}
