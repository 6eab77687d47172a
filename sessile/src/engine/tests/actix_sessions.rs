//! Sessions that actix-session left in a store, under keys that are secrets as a whole.

use std::sync::atomic::Ordering;

use super::*;
use crate::error::CsrfError;

const KEY: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZab";

/// A session of actix-session with `n` = 1, and its cookie.
async fn left() -> (World, String) {
    let world = World::new(|_| {});
    world.store.takes_over.store(true, Ordering::SeqCst);
    let state = crate::record::State::from_json(r#"{"n":1}"#);
    let record = Record::undated(state, world.clock.now());
    let day = Duration::from_secs(24 * 60 * 60);
    let (id, version) = (old_id(), Version::new(1));
    let creating = world.store.memory.create(&id, &record, version, day);
    creating.await.unwrap();
    let cookie = world.sealed_by_actix_session(KEY);
    (world, cookie)
}

fn old_id() -> SessionId {
    SessionId::of_actix_session(KEY)
}

/// Checks that the session was moved: nothing opens what is left under its old key, and that ends with the grace
/// period.
async fn assert_moved(world: &World, old: &str) {
    assert_eq!(world.id(old).await, None);
    let left = world.record(&old_id()).await.unwrap();
    assert!(left.state.len() == 1 && left.moved_to().is_some() && left.secrets.is_some());
    world.clock.advance(Duration::from_secs(60));
    assert!(world.record(&old_id()).await.is_none());
}

#[tokio::test]
async fn a_session_is_opened_and_changed_under_its_old_key() {
    let (world, cookie) = left().await;
    let session = world.open(&cookie).await;
    assert_eq!(session.id(), Some(old_id()));
    increment(&session);
    let resealed = world.commit(&session).await.unwrap();
    for cookie in [&cookie, &resealed] {
        assert_eq!(world.n(cookie).await, Some(2));
    }
    assert!(!world.record(&old_id()).await.unwrap().undated);
    let session = world.open(&resealed).await;
    increment(&session);
    assert_eq!(world.commit(&session).await, None);
}

#[tokio::test]
async fn reading_seals_the_cookie_again_and_stores_nothing() {
    let (world, cookie) = left().await;
    world.store.take_counts();
    let session = world.open(&cookie).await;
    let resealed = world.commit(&session).await.unwrap();
    // The second load is for the epoch: another request may have renewed the session.
    assert_eq!(world.store.take_counts(), (2, 0));
    assert!(world.record(&old_id()).await.unwrap().undated);
    let strict = world.beside(&world.clock, |it| it.accept_actix_session_cookies = false);
    for server in [&world, &strict] {
        let session = server.open(&resealed).await;
        assert_eq!(session.get("n").unwrap(), Some(1));
        assert_eq!(server.commit(&session).await, None);
    }
}

#[tokio::test]
async fn a_token_is_valid_for_the_session_until_its_renewal() {
    let (world, cookie) = left().await;
    let (another_world, another_cookie) = left().await;
    let session = world.open(&cookie).await;
    let token = session.csrf_token().unwrap();
    assert_eq!(session.status(), SessionStatus::Unchanged);
    let resealed = world.commit(&session).await.unwrap();
    let session = world.open(&resealed).await;
    assert_eq!(session.verify_csrf(&token), Ok(()));
    session.renew();
    let renewed = session.csrf_token().unwrap();
    let new = world.commit(&session).await.unwrap();
    let session = world.open(&new).await;
    assert_eq!(session.verify_csrf(&renewed), Ok(()));
    assert_eq!(session.verify_csrf(&token), Err(CsrfError::InvalidToken));
    // Of another application.
    let session = another_world.open(&another_cookie).await;
    assert_eq!(session.verify_csrf(&token), Err(CsrfError::InvalidToken));
}

#[tokio::test]
async fn the_cookie_is_not_sealed_again_if_another_request_renewed_the_session() {
    let (world, cookie) = left().await;
    let session = world.open(&cookie).await;
    let other = world.open(&cookie).await;
    other.renew();
    world.commit(&other).await.unwrap();
    assert_eq!(world.commit(&session).await, None);
}

#[tokio::test]
async fn a_session_is_not_opened_in_a_store_that_has_none_or_where_that_is_turned_off() {
    let (world, cookie) = left().await;
    let strict = world.beside(&world.clock, |it| it.accept_actix_session_cookies = false);
    assert_eq!(strict.id(&cookie).await, None);
    world.store.takes_over.store(false, Ordering::SeqCst);
    assert_eq!(world.id(&cookie).await, None);
}

#[tokio::test]
async fn a_renewal_moves_the_session_to_an_id_of_ours() {
    let (world, old) = left().await;
    let session = world.open(&old).await;
    session.insert("user", "ferris").unwrap();
    session.renew();
    let new = world.commit(&session).await.unwrap();
    assert_eq!(json(&world.open(&new).await), RENEWED);
    assert_moved(&world, &old).await;
}

#[tokio::test]
async fn a_renewal_takes_along_what_others_wrote_in_the_meantime() {
    let (world, old) = left().await;
    let (session, other) = (world.open(&old).await, world.open(&old).await);
    increment(&other);
    world.commit(&other).await;
    increment(&session);
    session.renew();
    let new = world.commit(&session).await.unwrap();
    assert_eq!(world.n(&new).await, Some(3));
    assert_moved(&world, &old).await;
}

#[tokio::test]
async fn a_renewal_after_a_save_that_may_have_landed_counts_once() {
    for fault in [Fault::Fail, Fault::DoAndFail] {
        let (world, old) = left().await;
        let session = world.open(&old).await;
        increment(&session);
        world.store.inject(fault);
        assert!(session.save().await.is_err());
        session.renew();
        let new = world.commit(&session).await.unwrap();
        assert_eq!(world.n(&new).await, Some(2), "{fault:?}");
    }
}

#[tokio::test]
async fn a_renewal_of_a_session_that_was_ended_leaves_nothing() {
    let (world, old) = left().await;
    let (session, out) = (world.open(&old).await, world.open(&old).await);
    out.purge();
    world.commit(&out).await;
    session.renew();
    world.refused(&session, SessionClosedError::Ended).await;
    assert_eq!(world.store.memory.len(), 0);
}

/// The same holds for the replaced secret of any other session.
#[tokio::test]
async fn within_the_grace_period_the_old_key_can_only_end_the_moved_session() {
    for loading in [Loading::Eager, Loading::Lazy] {
        let (world, old) = left().await;
        let session = world.open(&old).await;
        session.renew();
        let new = world.commit(&session).await.unwrap();
        let late = world.open(&old).await;
        late.insert("m", 1).unwrap();
        let superseded = SessionClosedError::Superseded;
        world.refused(&late, superseded).await;
        let server = world.beside(&world.clock, |settings| settings.loading = loading);
        let out = server.open(&old).await;
        out.purge();
        server.commit(&out).await;
        assert_eq!(world.id(&new).await, None);
    }
    let (world, old) = left().await;
    let session = world.open(&old).await;
    session.renew();
    let new = world.commit(&session).await.unwrap();
    world.clock.advance(Duration::from_secs(60));
    let out = world.open(&old).await;
    out.purge();
    world.commit(&out).await;
    assert_eq!(world.n(&new).await, Some(1));
}

#[tokio::test]
async fn a_write_of_a_session_that_was_moved_is_refused() {
    let (world, old) = left().await;
    let (session, login) = (world.open(&old).await, world.open(&old).await);
    login.renew();
    let new = world.commit(&login).await.unwrap();
    increment(&session);
    world
        .refused(&session, SessionClosedError::Superseded)
        .await;
    assert_eq!(world.n(&new).await, Some(1));
}

#[tokio::test]
async fn a_renewal_that_is_saved_while_the_client_leaves_is_kept_for_the_handle() {
    let (world, old) = left().await;
    let session = world.open(&old).await;
    session.renew();
    world.store.inject(Fault::Wait);
    let (saved, ()) = tokio::join!(session.save(), async {
        session.machine().close();
        world.store.go_on.notify_one();
    });
    assert!(matches!(saved, Err(SessionSaveError::ResponseSent)));
    session.reload().await.unwrap();
    increment(&session);
    session.save().await.unwrap();
    let record = world.record(&session.id().unwrap()).await.unwrap();
    assert_eq!(record.state.get("n"), Ok(Some(2)));
}
/// A double click on the button that signs in.
#[tokio::test]
async fn two_renewals_at_once_both_succeed() {
    let (world, old) = left().await;
    let (first, second) = (world.open(&old).await, world.open(&old).await);
    first.renew();
    let new = world.commit(&first).await.unwrap();
    second.insert("user", "ferris").unwrap();
    second.renew();
    let newer = world.answer(&second, "POST").await.unwrap().unwrap();
    assert_eq!(world.n(&new).await, Some(1));
    assert_eq!(json(&world.open(&newer).await), RENEWED);
}

/// A renewal of a session of our own form can be tried again after each of its writes.
#[tokio::test]
async fn a_renewal_whose_answer_was_lost_can_be_tried_again() {
    for polls in 0..12 {
        let (world, old) = left().await;
        let session = world.open(&old).await;
        session.renew();
        {
            let mut saving = pin!(session.save());
            for _ in 0..polls {
                let poll = std::future::poll_fn(|cx| {
                    std::task::Poll::Ready(saving.as_mut().poll(cx).is_ready())
                });
                if poll.await {
                    return;
                }
                tokio::task::yield_now().await;
            }
        }
        let new = world.answer(&session, "POST").await.unwrap().unwrap();
        assert_eq!(world.n(&new).await, Some(1), "after {polls} polls");
    }
}
