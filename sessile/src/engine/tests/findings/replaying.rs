//! Changes that are replayed on what another request stored.
//!
//! | fault | tests |
//! | --- | --- |
//! | a closure that writes to its own session makes `reload` loop for ever | `a_reload_with_a_closure_that_inserts_ends`, `a_reload_with_a_closure_that_removes_ends`, `a_commit_with_a_closure_that_inserts_ends`, `a_save_with_a_closure_that_inserts_keeps_what_it_inserts` |
//! | an update whose value has another type by then breaks the handle | `a_handle_recovers_from_a_value_of_another_type`, `a_handle_recovers_from_a_closure_that_panics`, `a_handle_recovers_from_a_state_that_is_too_large`, `a_handle_of_a_failed_commit_recovers` |
//! | a newer record that is met while merging is acknowledged and lost | `a_newer_record_met_while_merging_is_an_error`, `a_newer_record_met_by_a_save_is_an_error`, `a_newer_record_met_by_a_reload_is_an_error`, `a_corrupt_record_met_while_merging_is_an_error` |

use super::*;
use crate::{record::DecodeError, storage::StoreErrorKind};

/// A request that was opened before another one stored `value` as `n`.
async fn overtaken(value: impl serde::Serialize) -> (World, String, Session) {
    let world = World::new(|settings| settings.max_state_bytes = 100);
    let cookie = world.stored().await;
    let (session, other) = (world.open(&cookie).await, world.open(&cookie).await);
    other.insert("n", value).unwrap();
    world.commit(&other).await;
    (world, cookie, session)
}

/// Updates `n` by a closure that changes the session.
fn update_and(session: &Session, change: fn(&Session)) {
    let handle = session.clone();
    let update = move |n: u32| {
        change(&handle);
        n + 1
    };
    session.update("n", update).unwrap();
}

fn insert(session: &Session) {
    // Refused once the session is committed.
    let _ = session.insert("m", 1);
}

fn remove(session: &Session) {
    insert(session);
    session.remove("m");
}

#[tokio::test]
async fn a_reload_with_a_closure_that_inserts_ends() {
    let (_, _, session) = overtaken(10).await;
    update_and(&session, insert);
    let reloaded = session.reload().await;
    assert!(matches!(reloaded, Err(SessionReloadError::KeepsChanging)));
    session.discard();
    session.reload().await.unwrap();
    assert_eq!(session.get("n").unwrap(), Some(10));
}

#[tokio::test]
async fn a_reload_with_a_closure_that_removes_ends() {
    let (_, _, session) = overtaken(10).await;
    update_and(&session, remove);
    let reloaded = session.reload().await;
    assert!(matches!(reloaded, Err(SessionReloadError::KeepsChanging)));
}

#[tokio::test]
async fn a_commit_with_a_closure_that_inserts_ends() {
    let (world, cookie, session) = overtaken(10).await;
    update_and(&session, insert);
    world.commit(&session).await;
    assert_eq!(json(&world.open(&cookie).await), r#"{"m":1,"n":11}"#);
}

#[tokio::test]
async fn a_save_with_a_closure_that_inserts_keeps_what_it_inserts() {
    let (world, cookie, session) = overtaken(10).await;
    update_and(&session, |session| session.insert("m", 2).unwrap());
    session.save().await.unwrap();
    world.commit(&session).await;
    assert_eq!(json(&world.open(&cookie).await), r#"{"m":2,"n":11}"#);
}

/// Checks that a handle whose changes can't be merged can be used again.
async fn assert_recovers(world: &World, cookie: &str, session: &Session) {
    for _ in 0..2 {
        assert!(session.save().await.is_err());
        assert!(session.reload().await.is_err());
    }
    session.discard();
    session.reload().await.unwrap();
    assert_eq!(json(session), json(&world.open(cookie).await));
    session.insert("m", 1).unwrap();
    session.save().await.unwrap();
    assert_eq!(world.open(cookie).await.get("m").unwrap(), Some(1));
}

#[tokio::test]
async fn a_handle_recovers_from_a_value_of_another_type() {
    let (world, cookie, session) = overtaken("text").await;
    increment(&session);
    assert_recovers(&world, &cookie, &session).await;
}

#[tokio::test]
async fn a_handle_recovers_from_a_closure_that_panics() {
    let (world, cookie, session) = overtaken(10).await;
    let update = |n: u32| if n == 1 { 2 } else { panic!("in a closure") };
    session.update("n", update).unwrap();
    assert_recovers(&world, &cookie, &session).await;
}

#[tokio::test]
async fn a_handle_recovers_from_a_state_that_is_too_large() {
    let (world, cookie, session) = overtaken("x".repeat(80)).await;
    session.insert("l", "x".repeat(80)).unwrap();
    let saved = session.save().await.unwrap_err();
    assert!(matches!(
        saved,
        SessionSaveError::Commit(CommitError::StateTooLarge(_))
    ));
    session.discard();
    session.insert("m", 1).unwrap();
    session.save().await.unwrap();
    assert_eq!(world.open(&cookie).await.get("m").unwrap(), Some(1));
}

#[tokio::test]
async fn a_handle_of_a_failed_commit_recovers() {
    let (world, cookie, session) = overtaken("text").await;
    increment(&session);
    assert_eq!(world.failure(&session).await.status(), 500);
    assert!(session.reload().await.is_err());
    session.discard();
    session.reload().await.unwrap();
    session.insert("n", 5).unwrap();
    session.save().await.unwrap();
    assert_eq!(world.n(&cookie).await, Some(5));
}

/// A request whose changes meet a record that can't be decoded.
async fn undecodable(error: DecodeError) -> (World, String, Session) {
    let (world, cookie, session) = overtaken(10).await;
    increment(&session);
    world.store.fail_to_decode(Some(error));
    (world, cookie, session)
}

async fn assert_commit_fails(error: DecodeError, kind: StoreErrorKind) {
    let (world, cookie, session) = undecodable(error).await;
    let failure = world.answer(&session, "GET").await.unwrap_err();
    assert!(matches!(cause(&failure), CommitError::Store(error) if error.kind() == kind));
    assert_eq!(failure.status(), 503);
    world.store.fail_to_decode(None);
    assert_eq!(world.n(&cookie).await, Some(10));
}

#[tokio::test]
async fn a_newer_record_met_while_merging_is_an_error() {
    let newer = StoreErrorKind::Newer;
    assert_commit_fails(DecodeError::UnknownForm { form: 4 }, newer).await;
    assert_commit_fails(DecodeError::UnknownCritical, newer).await;
}

#[tokio::test]
async fn a_corrupt_record_met_while_merging_is_an_error() {
    assert_commit_fails(DecodeError::Secrets, StoreErrorKind::Corrupt).await;
    assert_commit_fails(DecodeError::NotUtf8, StoreErrorKind::Corrupt).await;
}

#[tokio::test]
async fn a_newer_record_met_by_a_save_is_an_error() {
    let (world, cookie, session) = undecodable(DecodeError::UnknownCritical).await;
    assert!(session.save().await.is_err());
    world.store.fail_to_decode(None);
    // The changes are kept.
    world.commit(&session).await;
    assert_eq!(world.n(&cookie).await, Some(11));
}

#[tokio::test]
async fn a_newer_record_met_by_a_reload_is_an_error() {
    let (world, _, session) = undecodable(DecodeError::UnknownCritical).await;
    let reloaded = session.reload().await;
    assert!(matches!(reloaded, Err(SessionReloadError::Load(_))));
    world.store.fail_to_decode(None);
    session.reload().await.unwrap();
    assert_eq!(session.get("n").unwrap(), Some(11));
}
