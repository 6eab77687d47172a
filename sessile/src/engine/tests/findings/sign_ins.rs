//! Concurrent sign-ins.
//!
//! | fault | tests |
//! | --- | --- |
//! | of two sign-ins with one cookie the second has no session | `two_sign_ins_at_once_both_have_a_session_with_the_cart`, `three_sign_ins_at_once_all_have_a_session`, `two_sign_ins_that_save_both_have_a_session`, `a_sign_in_a_moment_after_another_has_a_session`, `a_sign_in_that_loads_lazily_has_a_session` |
//! | … and nothing of one user is seen by the next | `nothing_of_a_signed_in_user_is_copied` |
//! | … but an ended session stays ended | `a_renewal_of_an_ended_session_is_refused` |

use super::*;

fn sign_in(session: &Session) {
    session.insert("user", "ferris").unwrap();
    session.renew();
}

/// Checks that both cookies open sessions of this state, and not the same one.
async fn assert_two_sessions(world: &World, one: &str, other: &str) {
    for cookie in [one, other] {
        assert_eq!(json(&world.open(cookie).await), RENEWED);
    }
    assert_ne!(world.id(one).await, world.id(other).await);
}

#[tokio::test]
async fn two_sign_ins_at_once_both_have_a_session_with_the_cart() {
    let it = Renewed::new().await;
    sign_in(&it.session);
    let second = it.world.commit(&it.session).await.unwrap();
    assert_two_sessions(&it.world, &it.new, &second).await;
}

#[tokio::test]
async fn three_sign_ins_at_once_all_have_a_session() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let requests = [
        world.open(&old).await,
        world.open(&old).await,
        world.open(&old).await,
    ];
    let mut cookies = Vec::new();
    for session in requests {
        sign_in(&session);
        cookies.push(world.commit(&session).await.unwrap());
    }
    assert_two_sessions(&world, &cookies[0], &cookies[1]).await;
    assert_two_sessions(&world, &cookies[1], &cookies[2]).await;
}

#[tokio::test]
async fn two_sign_ins_that_save_both_have_a_session() {
    let it = Renewed::new().await;
    sign_in(&it.session);
    it.session.save().await.unwrap();
    assert_eq!(it.session.status(), SessionStatus::Unchanged);
    let second = it.world.commit(&it.session).await.unwrap();
    assert_two_sessions(&it.world, &it.new, &second).await;
}

#[tokio::test]
async fn a_sign_in_a_moment_after_another_has_a_session() {
    let it = Renewed::new().await;
    let second = it.world.open(&it.old).await;
    sign_in(&second);
    let second = it.world.commit(&second).await.unwrap();
    let state = r#"{"user":"ferris"}"#;
    assert_eq!(json(&it.world.open(&second).await), state);
    assert_eq!(it.state().await, RENEWED);
}

#[tokio::test]
async fn a_sign_in_that_loads_lazily_has_a_session() {
    let it = Renewed::new().await;
    let world = it.world.beside(&it.world.clock, load_lazily);
    let second = world.open(&it.old).await;
    second.load().await.unwrap();
    sign_in(&second);
    let cookie = world.commit(&second).await.unwrap();
    let opened = it.world.open(&cookie).await;
    assert_eq!(json(&opened), r#"{"user":"ferris"}"#);
}

#[tokio::test]
async fn nothing_of_a_signed_in_user_is_copied() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    world.sign_in(&old, "corro").await;
    let (one, other) = (world.open(&old).await, world.open(&old).await);
    one.renew();
    world.commit(&one).await.unwrap();
    sign_in(&other);
    let cookie = world.commit(&other).await.unwrap();
    assert_eq!(json(&world.open(&cookie).await), r#"{"user":"ferris"}"#);
}

#[tokio::test]
async fn a_renewal_of_an_ended_session_is_refused() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    world
        .store
        .memory
        .delete(&session.id().unwrap())
        .await
        .unwrap();
    sign_in(&session);
    world.refused(&session, SessionClosedError::Ended).await;
}
