//! Concurrent sign-ins.
//!
//! | fault | tests |
//! | --- | --- |
//! | of two sign-ins with one cookie the second has no session | `two_sign_ins_at_once_both_have_a_session_with_the_cart`, `three_sign_ins_at_once_all_have_a_session`, `two_sign_ins_that_save_both_have_a_session`, `a_sign_in_a_moment_after_another_has_a_session`, `a_sign_in_that_loads_lazily_has_a_session` |
//! | … in a session that has a user | `two_sign_ins_of_a_signed_in_user_both_keep_the_cart`, `of_two_renewals_of_a_user_the_second_is_refused`, `a_renewal_of_a_user_is_refused_after_a_reload`, `a_renewal_of_a_user_that_failed_is_unknown_after_another_one`, `a_renewal_of_a_user_that_is_dropped_leaves_the_user_signed_in` |
//! | … but an ended session stays ended | `a_renewal_of_an_ended_session_is_refused` |

use super::{
    super::dropped::{at_each_await, within_polls},
    *,
};

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

/// A user with a cart, and two requests that opened the session.
struct OfUser {
    world: World,
    first: Session,
    second: Session,
}

impl OfUser {
    async fn new() -> Self {
        let world = World::new(|_| {});
        let session = world.open("").await;
        session.insert("cart", 7).unwrap();
        session.sign_in("ferris").await.unwrap();
        let cookie = world.commit(&session).await.unwrap();
        Self {
            first: world.open(&cookie).await,
            second: world.open(&cookie).await,
            world,
        }
    }

    /// Renews the session in the first request; the new cookie.
    async fn renewed(&self) -> String {
        self.first.renew();
        self.world.commit(&self.first).await.unwrap()
    }

    /// Checks that the cookie opens a session of the user with the cart.
    async fn assert_signed_in(&self, cookie: &str) {
        let opened = self.world.open(cookie).await;
        assert_eq!(opened.subject().as_deref(), Some("ferris"));
        assert_eq!(opened.get("cart").unwrap(), Some(7));
    }
}

const SUPERSEDED: SessionClosedError = SessionClosedError::Superseded;

/// The browser keeps the cookie of the first one. Another session would have no user, and its cookie would sign the user out.
#[tokio::test]
async fn of_two_renewals_of_a_user_the_second_is_refused() {
    let renewals: [fn(&Session); 3] = [
        Session::renew,
        |session| session.reauthenticate().unwrap(),
        |session| {
            session.renew();
            session.insert("m", 1).unwrap();
        },
    ];
    for renew in renewals {
        // One after the other.
        let it = OfUser::new().await;
        renew(&it.second);
        let cookie = it.renewed().await;
        it.world.refused(&it.second, SUPERSEDED).await;
        it.assert_signed_in(&cookie).await;
        assert_eq!(it.world.store.memory.len(), 1);

        // At the same time: the second one joins a queue.
        let it = OfUser::new().await;
        renew(&it.second);
        let (cookie, ()) = tokio::join!(it.renewed(), it.world.refused(&it.second, SUPERSEDED));
        it.assert_signed_in(&cookie).await;
        assert_eq!(it.world.store.memory.len(), 1);

        // Saved by the handler.
        let it = OfUser::new().await;
        renew(&it.second);
        let cookie = it.renewed().await;
        let saved = it.second.save().await;
        assert!(matches!(saved, Err(SessionSaveError::Closed(SUPERSEDED))));
        it.world.refused(&it.second, SUPERSEDED).await;
        it.assert_signed_in(&cookie).await;

        // The client did not ask for a change.
        let it = OfUser::new().await;
        renew(&it.second);
        let cookie = it.renewed().await;
        assert_eq!(it.world.answer(&it.second, "GET").await.unwrap(), None);
        it.assert_signed_in(&cookie).await;
        assert_eq!(it.world.store.memory.len(), 1);
    }
}

#[tokio::test]
async fn a_renewal_of_a_user_is_refused_after_a_reload() {
    let it = OfUser::new().await;
    let cookie = it.renewed().await;
    it.second.renew();
    let reloaded = it.second.reload().await;
    assert!(matches!(
        reloaded,
        Err(SessionReloadError::Closed(SUPERSEDED))
    ));
    it.world.refused(&it.second, SUPERSEDED).await;
    it.assert_signed_in(&cookie).await;
    assert_eq!(it.world.store.memory.len(), 1);
}

/// The first attempt may have been stored, and the other renewal has kept its changes then.
#[tokio::test]
async fn a_renewal_of_a_user_that_failed_is_unknown_after_another_one() {
    for reloads in [false, true] {
        let it = OfUser::new().await;
        it.second.insert("m", 1).unwrap();
        it.world.store.inject(Fault::Fail);
        assert!(it.second.save().await.is_err());
        it.second.renew();
        let cookie = it.renewed().await;
        if reloads {
            assert!(it.second.reload().await.is_err());
        }
        let failure = it.world.failure(&it.second).await;
        assert!(
            matches!(cause(&failure), CommitError::Unknown),
            "{failure:?}"
        );
        assert_eq!(failure.headers().set_cookie, None);
        it.assert_signed_in(&cookie).await;
    }
}

#[tokio::test]
async fn a_renewal_of_a_user_that_is_dropped_leaves_the_user_signed_in() {
    at_each_await(async |polls| {
        let it = OfUser::new().await;
        let cookie = it.renewed().await;
        it.second.renew();
        let saved = within_polls(polls, it.second.save()).await;
        let failure = it.world.failure(&it.second).await;
        assert_eq!(failure.headers().set_cookie, None);
        it.assert_signed_in(&cookie).await;
        assert_eq!(it.world.store.memory.len(), 1);
        saved.is_some()
    })
    .await;
}

#[tokio::test]
async fn two_sign_ins_of_a_signed_in_user_both_keep_the_cart() {
    for reloads in [false, true] {
        let it = OfUser::new().await;
        it.first.sign_in("ferris").await.unwrap();
        if reloads {
            assert!(it.second.reload().await.is_err());
        }
        it.second
            .insert("m", 1)
            .unwrap_or_else(|_| assert!(reloads));
        it.second.sign_in("ferris").await.unwrap();
        let first = it.world.commit(&it.first).await.unwrap();
        let second = it.world.commit(&it.second).await.unwrap();
        it.assert_signed_in(&first).await;
        it.assert_signed_in(&second).await;
        assert_ne!(it.world.id(&first).await, it.world.id(&second).await);
        let m = it.world.open(&second).await.get("m").unwrap();
        assert_eq!(m, (!reloads).then_some(1));
    }
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
