//! Signing in, and what ends a user's sessions, while other requests run.

use super::*;
use crate::{
    error::{EndOthersError, SignInError},
    storage::{Refusal, SessionLimit},
};

/// A server with a store that finds the sessions of a user.
fn world(change: impl FnOnce(&mut Settings)) -> World<MemorySessionStore> {
    let clock = ManualClock::default();
    let store = MemorySessionStore::builder().clock(clock.clone()).build();
    World::over(store, clock, change)
}

/// The same, with a limit of the sessions of a user.
fn limited(limit: SessionLimit) -> World<MemorySessionStore> {
    let world = world(|_| {});
    let settings = Settings::default().clock(world.clock.clone());
    let limiter = Some(Limiter::new(limit));
    let manager =
        SessionManager::with(world.store.clone(), world.key.clone(), settings, limiter).unwrap();
    World { manager, ..world }
}

#[tokio::test]
async fn a_sign_in_keeps_the_values_and_replaces_the_key() {
    let world = world(|_| {});
    let guest = world.manager.open([]).await.unwrap();
    guest.insert("cart", 3).unwrap();
    let old = world.commit(&guest).await.unwrap();

    let session = world.open(&old).await;
    world.clock.advance(Duration::from_secs(60));
    session.insert("greeting", "hello").unwrap();
    session.sign_in("ferris").await.unwrap();
    assert_eq!(session.subject().as_deref(), Some("ferris"));
    assert_eq!(session.authenticated_at(), Some(world.clock.now()));
    let new = world.commit(&session).await.unwrap();

    let opened = world.open(&new).await;
    assert_eq!(opened.subject().as_deref(), Some("ferris"));
    assert_eq!(opened.get("cart").unwrap(), Some(3));
    assert_eq!(opened.get("greeting").unwrap(), Some("hello".to_owned()));
    assert_eq!(world.subject(&old).await, None);
    assert_eq!(world.open(&old).await.get::<i32>("cart").unwrap(), None);
    assert_eq!(world.ids("ferris").await, [opened.id().unwrap()]);
}

#[tokio::test]
async fn a_sign_in_as_another_user_shows_nothing_of_the_first() {
    let world = world(|_| {});
    let session = world.manager.open([]).await.unwrap();
    session.sign_in("ferris").await.unwrap();
    session.insert("secret", 1).unwrap();
    session.set_label("device", Some("phone")).unwrap();
    let first = world.commit(&session).await.unwrap();

    let session = world.open(&first).await;
    session.insert("draft", 2).unwrap();
    session.sign_in("corro").await.unwrap();
    assert!(session.entries().is_empty() && session.labels().is_empty());
    let second = world.commit(&session).await.unwrap();

    assert_eq!(world.subject(&second).await.as_deref(), Some("corro"));
    assert!(world.open(&second).await.entries().is_empty());
    assert_eq!(world.subject(&first).await, None);
    assert!(world.ids("ferris").await.is_empty());
}

#[tokio::test]
async fn of_two_clicks_both_have_a_session_with_the_cart() {
    let world = world(|_| {});
    let guest = world.manager.open([]).await.unwrap();
    guest.insert("cart", 3).unwrap();
    let old = world.commit(&guest).await.unwrap();
    // At the same time, and a moment later.
    let (first, second) = (world.open(&old).await, world.open(&old).await);
    first.sign_in("ferris").await.unwrap();
    second.sign_in("ferris").await.unwrap();
    let third = world.open(&old).await;
    third.sign_in("ferris").await.unwrap();
    for session in [first, second, third] {
        let cookie = world.commit(&session).await.unwrap();
        let opened = world.open(&cookie).await;
        assert_eq!(opened.subject().as_deref(), Some("ferris"));
        assert_eq!(opened.get("cart").unwrap(), Some(3));
    }
}

#[tokio::test]
async fn a_late_sign_in_as_another_user_does_not_see_the_cart_of_the_first() {
    let world = world(|_| {});
    let guest = world.manager.open([]).await.unwrap();
    guest.insert("cart", 3).unwrap();
    let old = world.commit(&guest).await.unwrap();
    let first = world.open(&old).await;
    first.sign_in("ferris").await.unwrap();
    world.commit(&first).await.unwrap();

    let second = world.open(&old).await;
    second.sign_in("corro").await.unwrap();
    assert!(second.entries().is_empty());
}

#[tokio::test]
async fn a_sign_in_on_an_ended_session_begins_with_what_the_request_wrote() {
    let world = world(|_| {});
    let guest = world.manager.open([]).await.unwrap();
    guest.insert("cart", 3).unwrap();
    let old = world.commit(&guest).await.unwrap();

    let session = world.open(&old).await;
    let other = world.open(&old).await;
    other.purge();
    world.commit(&other).await;
    session.insert("greeting", "hello").unwrap();
    session.sign_in("ferris").await.unwrap();
    let cookie = world.commit(&session).await.unwrap();
    let opened = world.open(&cookie).await;
    assert_eq!(opened.get("greeting").unwrap(), Some("hello".to_owned()));
    assert_eq!(opened.get::<i32>("cart").unwrap(), None);
}

#[tokio::test]
async fn changes_during_a_sign_in_are_superseded() {
    let world = world(|_| {});
    let guest = world.manager.open([]).await.unwrap();
    guest.insert("cart", 3).unwrap();
    let old = world.commit(&guest).await.unwrap();
    let slow = world.open(&old).await;
    let session = world.open(&old).await;
    session.sign_in("ferris").await.unwrap();
    let new = world.commit(&session).await.unwrap();

    slow.insert("cart", 4).unwrap();
    let failure = world.answer(&slow, "POST").await.unwrap_err();
    assert_eq!(failure.status(), 409);
    assert_eq!(world.open(&new).await.get("cart").unwrap(), Some(3));
}

#[tokio::test]
async fn a_sign_in_that_began_before_all_sessions_were_ended_is_refused() {
    let world = world(|_| {});
    let cookie = world.signed_in("ferris").await;
    let slow = world.manager.open([]).await.unwrap();
    slow.insert("cart", 3).unwrap();
    assert_eq!(world.manager.sessions().end_all("ferris").await.unwrap(), 1);

    let refused = slow.sign_in("ferris").await.unwrap_err();
    assert!(matches!(
        refused,
        SignInError::Refused(Refusal::SubjectEnded)
    ));
    // The session is as it was before, and another user can sign in.
    assert_eq!(slow.subject(), None);
    assert_eq!(slow.get("cart").unwrap(), Some(3));
    let guest = world.commit(&slow).await.unwrap();
    assert_eq!(world.subject(&guest).await, None);
    assert_eq!(world.open(&guest).await.get("cart").unwrap(), Some(3));

    assert_eq!(world.subject(&cookie).await, None);
    let next = world.signed_in("ferris").await;
    assert_eq!(world.subject(&next).await.as_deref(), Some("ferris"));
}

#[tokio::test]
async fn requests_in_flight_do_not_revive_a_session_that_was_ended_with_all_others() {
    let world = world(|_| {});
    let cookie = world.signed_in("ferris").await;
    let in_flight = world.open(&cookie).await;
    world.manager.sessions().end_all("ferris").await.unwrap();

    in_flight.insert("cart", 3).unwrap();
    let failure = world.answer(&in_flight, "POST").await.unwrap_err();
    assert_eq!(failure.status(), 409);
    let renewing = world.open(&cookie).await;
    assert_eq!(renewing.subject(), None);
    assert!(world.ids("ferris").await.is_empty());
}

#[tokio::test]
async fn ending_all_others_keeps_the_own_session() {
    let world = world(|_| {});
    let phone = world.signed_in("ferris").await;
    let laptop = world.signed_in("ferris").await;
    let corro = world.signed_in("corro").await;
    let session = world.open(&laptop).await;
    let sessions = world.manager.sessions();
    assert_eq!(sessions.end_others(&session).await.unwrap(), 1);
    session.insert("password_changed", true).unwrap();
    world.answer(&session, "POST").await.unwrap();

    assert_eq!(world.subject(&laptop).await.as_deref(), Some("ferris"));
    assert_eq!(world.subject(&phone).await, None);
    assert_eq!(world.subject(&corro).await.as_deref(), Some("corro"));
    assert_eq!(world.ids("ferris").await, [session.id().unwrap()]);
}

#[tokio::test]
async fn of_two_devices_that_end_all_others_one_stays() {
    let world = world(|_| {});
    let (phone, laptop) = (
        world.signed_in("ferris").await,
        world.signed_in("ferris").await,
    );
    let (first, second) = (world.open(&phone).await, world.open(&laptop).await);
    let sessions = world.manager.sessions();
    sessions.end_others(&first).await.unwrap();
    let refused = sessions.end_others(&second).await.unwrap_err();
    assert!(matches!(
        refused,
        EndOthersError::Closed(SessionClosedError::Ended)
    ));
    assert_eq!(world.subject(&phone).await.as_deref(), Some("ferris"));
    assert_eq!(world.subject(&laptop).await, None);
}

#[tokio::test]
async fn ending_all_and_signing_in_works_in_one_request() {
    let world = world(|_| {});
    let stolen = world.signed_in("ferris").await;
    let session = world.manager.open([]).await.unwrap();
    let sessions = world.manager.sessions();
    sessions
        .end_all_and_sign_in(&session, "ferris")
        .await
        .unwrap();
    let cookie = world.commit(&session).await.unwrap();
    assert_eq!(world.subject(&cookie).await.as_deref(), Some("ferris"));
    assert_eq!(world.subject(&stolen).await, None);
}

#[tokio::test]
async fn the_earliest_sign_in_ends_at_the_limit() {
    let world = limited(SessionLimit::new(2).unwrap());
    let mut cookies = Vec::new();
    for _ in 0..4 {
        cookies.push(world.signed_in("ferris").await);
    }
    let mut alive = Vec::new();
    for cookie in &cookies {
        alive.push(world.subject(cookie).await.is_some());
    }
    assert_eq!(alive, [false, false, true, true]);
    assert_eq!(world.ids("ferris").await.len(), 2);
}

#[tokio::test]
async fn a_new_sign_in_is_refused_at_the_limit() {
    let world = limited(SessionLimit::new(1).unwrap().refusing());
    let first = world.signed_in("ferris").await;
    let session = world.manager.open([]).await.unwrap();
    session.insert("cart", 3).unwrap();
    let refused = session.sign_in("ferris").await.unwrap_err();
    assert!(matches!(
        refused,
        SignInError::Refused(Refusal::LimitReached)
    ));
    assert_eq!(session.status(), SessionStatus::Changed);
    world.commit(&session).await.unwrap();
    // The user's own session can sign in again, and a free place can be taken.
    let own = world.open(&first).await;
    own.sign_in("ferris").await.unwrap();
    let first = world.commit(&own).await.unwrap();
    let own = world.open(&first).await;
    own.sign_out();
    world.commit(&own).await.unwrap();
    world.signed_in("ferris").await;
}

#[tokio::test]
async fn a_displaced_sign_in_is_refused_and_sends_no_cookie() {
    let world = limited(SessionLimit::new(1).unwrap());
    let first = world.manager.open([]).await.unwrap();
    first.sign_in("ferris").await.unwrap();
    let second = world.signed_in("ferris").await;
    let failure = world.answer(&first, "POST").await.unwrap_err();
    assert_eq!(failure.status(), 409);
    assert!(failure.headers().set_cookie.is_none());
    assert_eq!(world.subject(&second).await.as_deref(), Some("ferris"));
}

#[tokio::test]
async fn everything_of_everyone_ends() {
    let world = world(|_| {});
    let user = world.signed_in("ferris").await;
    let guest = world.manager.open([]).await.unwrap();
    guest.insert("cart", 3).unwrap();
    let guest = world.commit(&guest).await.unwrap();
    let slow = world.manager.open([]).await.unwrap();
    let in_flight = world.open(&user).await;
    world.manager.sessions().end_everything().await.unwrap();

    assert_eq!(world.subject(&user).await, None);
    assert_eq!(world.open(&guest).await.get::<i32>("cart").unwrap(), None);
    let refused = slow.sign_in("ferris").await.unwrap_err();
    assert!(matches!(refused, SignInError::Refused(_)));
    in_flight.insert("cart", 3).unwrap();
    assert_eq!(
        world.answer(&in_flight, "POST").await.unwrap_err().status(),
        409
    );
    world.signed_in("ferris").await;
}

#[tokio::test]
async fn sessions_are_found_by_their_lookup_label() {
    let world = world(|_| {});
    let session = world.manager.open([]).await.unwrap();
    session.set_lookup_label(Some("sid-1")).unwrap();
    session.sign_in("ferris").await.unwrap();
    let cookie = world.commit(&session).await.unwrap();
    let sessions = world.manager.sessions();
    assert_eq!(sessions.end_by_label("sid-2").await.unwrap(), 0);
    assert_eq!(sessions.end_by_label("sid-1").await.unwrap(), 1);
    assert_eq!(world.subject(&cookie).await, None);
}

#[tokio::test]
async fn another_users_session_is_neither_shown_nor_ended() {
    let world = world(|_| {});
    let cookie = world.signed_in("ferris").await;
    let id = world.open(&cookie).await.id().unwrap();
    let sessions = world.manager.sessions();
    assert!(sessions.get("corro", &id).await.unwrap().is_none());
    assert!(!sessions.end("corro", &id).await.unwrap());
    assert_eq!(world.subject(&cookie).await.as_deref(), Some("ferris"));
    assert!(
        !sessions
            .end("ferris", &SessionId::generate())
            .await
            .unwrap()
    );
    assert!(sessions.end("ferris", &id).await.unwrap());
    assert!(!sessions.end("ferris", &id).await.unwrap());
    assert_eq!(world.subject(&cookie).await, None);
}

#[tokio::test]
async fn labels_of_requests_at_once_are_merged() {
    let world = world(|_| {});
    let cookie = world.signed_in("ferris").await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    one.set_label("device", Some("phone")).unwrap();
    other.set_label("city", Some("Ulm")).unwrap();
    world.answer(&one, "POST").await.unwrap();
    world.answer(&other, "POST").await.unwrap();
    let labels = world.open(&cookie).await.labels();
    let expected = [("city", "Ulm"), ("device", "phone")];
    assert_eq!(
        labels,
        expected.map(|(name, text)| (name.to_owned(), text.to_owned()))
    );
}

#[tokio::test]
async fn subjects_are_compared_byte_by_byte() {
    let world = world(|_| {});
    let names = ["ferris", "Ferris", "ferri\u{455}", "fer:ris", " ferris"];
    for name in names {
        world.signed_in(name).await;
    }
    for name in names {
        assert_eq!(world.ids(name).await.len(), 1, "{name}");
    }
}

#[tokio::test]
async fn a_session_ends_also_in_the_minute_in_which_its_requests_can_be_stored() {
    let world = world(|_| {});
    let cookie = world.signed_in("ferris").await;
    let day = Duration::from_secs(24 * 60 * 60);
    world.clock.advance(day - Duration::from_secs(1));
    let slow = world.open(&cookie).await;
    let id = slow.id().unwrap();
    world.clock.advance(Duration::from_secs(5));
    let sessions = world.manager.sessions();
    assert!(sessions.get("ferris", &id).await.unwrap().is_none());
    assert!(!sessions.end("corro", &id).await.unwrap());
    assert!(sessions.end("ferris", &id).await.unwrap());
    slow.insert("n", 1).unwrap();
    let failure = world.answer(&slow, "POST").await.unwrap_err();
    assert_eq!(failure.status(), 409);
}
