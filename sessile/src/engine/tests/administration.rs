//! The sessions of everyone, while requests run.

use super::*;
use crate::error::EndOthersError;

fn world() -> World<MemorySessionStore> {
    let clock = ManualClock::default();
    let store = MemorySessionStore::builder().clock(clock.clone()).build();
    World::over(store, clock, |_| {})
}

#[tokio::test]
async fn a_page_has_the_sessions_of_users_and_guests() {
    let world = world();
    let guest = world.stored().await;
    let user = world.open(&world.stored().await).await;
    user.sign_in("ferris").await.unwrap();
    let page = world.manager.sessions().page(None, 0).await.unwrap();
    assert_eq!(page.sessions.len(), 1, "a limit of zero is one");
    let page = world.manager.sessions().page(None, u32::MAX).await.unwrap();
    let mut subjects: Vec<_> = page.sessions.iter().map(SessionInfo::subject).collect();
    subjects.sort_unstable();
    assert_eq!(subjects, [None, Some("ferris")]);
    assert!(page.unreadable.is_empty());
    let guest = world.id(&guest).await.unwrap();
    assert!(page.sessions.iter().any(|it| *it.id() == guest));
}

#[tokio::test]
async fn a_session_that_has_expired_is_not_shown_although_the_store_has_it() {
    let world = world();
    world.stored().await;
    let sessions = world.manager.sessions();
    let day = Duration::from_secs(24 * 60 * 60);
    world.clock.advance(day);
    assert!(sessions.page(None, 10).await.unwrap().sessions.is_empty());
    assert_eq!(sessions.count().await.unwrap(), 1, "for a minute");
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(sessions.count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_request_in_flight_does_not_bring_back_a_cleared_session() {
    let world = world();
    let cookie = world.stored().await;
    let (changing, reading) = (world.open(&cookie).await, world.open(&cookie).await);
    increment(&changing);
    world.manager.sessions().clear().await.unwrap();
    let failure = world.answer(&changing, "POST").await.unwrap_err();
    assert_eq!(failure.status(), 409);
    world.answer(&reading, "GET").await.unwrap();
    assert_eq!(world.manager.sessions().count().await.unwrap(), 0);
    assert_eq!(world.open(&cookie).await.id(), None);
}

#[cfg(feature = "cookie-session")]
#[tokio::test]
async fn an_entry_of_a_revocation_list_is_not_shown() {
    use crate::storage::{CookieSessionStore, RevocationList};

    let world = world();
    let store = CookieSessionStore::with_revocations(RevocationList::new(world.store.clone()));
    let in_cookies = World::over(store, world.clock.clone(), |_| {});
    let session = in_cookies.open(&in_cookies.stored().await).await;
    session.purge();
    in_cookies.commit(&session).await;

    let sessions = world.manager.sessions();
    let page = sessions.page(None, 10).await.unwrap();
    assert!(page.sessions.is_empty() && page.unreadable.is_empty());
    assert_eq!(sessions.count().await.unwrap(), 1, "the entry");
}

#[tokio::test]
async fn a_session_of_another_middleware_does_not_end() {
    let (one, other) = (world(), world());
    let session = other.open("").await;
    session.sign_in("ferris").await.unwrap();
    let ending = one.manager.sessions().end_others(&session).await;
    assert!(
        matches!(ending, Err(EndOthersError::Closed(_))),
        "{ending:?}"
    );

    session.insert("n", 1).unwrap();
    let cookie = other.commit(&session).await.unwrap();
    assert_eq!(other.n(&cookie).await, Some(1));
}
