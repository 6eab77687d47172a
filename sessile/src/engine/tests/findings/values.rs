//! Values that don't fit, and handles that are closed.
//!
//! | fault | tests |
//! | --- | --- |
//! | in a cookie, a save of what is too large is acknowledged | `a_save_of_what_no_cookie_carries_fails`, `a_save_of_a_change_that_no_cookie_carries_fails`, `a_renewal_of_what_no_cookie_carries_fails` |
//! | alternating writes make the journal grow without bound | `ten_thousand_names_in_one_request_are_stored`, and `session::tests::closures::alternating_…` |
//! | changes of a closed session are only logged | `the_fallible_twins_tell_that_a_session_is_closed`, and `session::tests::closed::…` |

use super::*;

#[cfg(feature = "cookie-session")]
mod in_a_cookie {
    use super::*;
    use crate::storage::{CookieSessionStore, RevocationList};

    async fn assert_save_fails(stored: bool, change: fn(&Session)) {
        let clock = ManualClock::default();
        let world = World::over(CookieSessionStore::default(), clock, |_| {});
        let cookie = if stored {
            world.stored().await
        } else {
            String::new()
        };
        let session = world.open(&cookie).await;
        session.insert("large", "x".repeat(5000)).unwrap();
        change(&session);
        let saved = session.save().await.unwrap_err();
        assert!(matches!(
            saved,
            SessionSaveError::Commit(CommitError::CookieTooLarge(_))
        ));
        // The commit finds the same, and what fits is stored.
        session.remove("large");
        session.insert("n", 2).unwrap();
        let cookie = world.commit(&session).await.unwrap();
        assert_eq!(world.n(&cookie).await, Some(2));
    }

    #[tokio::test]
    async fn a_save_of_what_no_cookie_carries_fails() {
        assert_save_fails(false, |_| {}).await;
    }

    #[tokio::test]
    async fn a_save_of_a_change_that_no_cookie_carries_fails() {
        assert_save_fails(true, |_| {}).await;
    }

    #[tokio::test]
    async fn a_renewal_of_what_no_cookie_carries_fails() {
        assert_save_fails(true, Session::renew).await;
    }

    #[tokio::test]
    async fn a_session_does_not_end_if_no_cookie_carries_the_next_one() {
        let clock = ManualClock::default();
        let list = MemorySessionStore::builder().clock(clock.clone()).build();
        let store = CookieSessionStore::with_revocations(RevocationList::new(list));
        let world = World::over(store, clock, |_| {});
        let cookie = world.stored().await;
        let mut events = world.manager.events();

        let session = world.open(&cookie).await;
        session.insert("large", "x".repeat(5000)).unwrap();
        session.sign_in("ferris").await.unwrap_err();
        let failure = world.failure(&session).await;
        assert!(matches!(cause(&failure), CommitError::CookieTooLarge(_)));
        assert_eq!(world.n(&cookie).await, Some(1));

        let session = world.open(&cookie).await;
        session.insert("large", "x".repeat(5000)).unwrap();
        session.renew();
        let failure = world.failure(&session).await;
        assert!(matches!(cause(&failure), CommitError::CookieTooLarge(_)));
        assert_eq!(world.n(&cookie).await, Some(1));
        let event = clock::within(Duration::ZERO, events.next()).await;
        assert!(event.is_err(), "{event:?}");
    }

    #[tokio::test]
    async fn after_a_restart_a_session_that_no_cookie_carries_removes_the_old_cookie() {
        let clock = ManualClock::default();
        let world = World::over(CookieSessionStore::default(), clock, |_| {});
        let cookie = world.stored().await;
        let session = world.open(&cookie).await;
        session.restart().unwrap();
        session.insert("large", "x".repeat(5000)).unwrap();
        let failure = world.failure(&session).await;
        assert!(matches!(cause(&failure), CommitError::CookieTooLarge(_)));
        let removal = failure.headers().set_cookie.as_ref().unwrap();
        assert_eq!(sent_back(removal), "id=");
    }

    #[tokio::test]
    async fn a_commit_of_what_no_cookie_carries_fails() {
        let clock = ManualClock::default();
        let world = World::over(CookieSessionStore::default(), clock, |_| {});
        let session = world.open("").await;
        session.insert("large", "x".repeat(5000)).unwrap();
        let failure = world.failure(&session).await;
        assert!(matches!(cause(&failure), CommitError::CookieTooLarge(_)));
        assert_eq!(failure.status(), 500);
    }
}

#[tokio::test]
async fn ten_thousand_names_in_one_request_are_stored() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (session, other) = (world.open(&cookie).await, world.open(&cookie).await);
    increment(&other);
    world.commit(&other).await;
    for name in 0..10_000 {
        session.insert(name.to_string(), name).unwrap();
    }
    world.commit(&session).await;
    let session = world.open(&cookie).await;
    assert_eq!(session.entries().len(), 10_001);
    assert_eq!(session.get("9999").unwrap(), Some(9999));
    assert_eq!(session.get("n").unwrap(), Some(2));
}

#[tokio::test]
async fn the_fallible_twins_tell_that_a_session_is_closed() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    world.commit(&session).await;
    let committed = SessionClosedError::Committed;
    assert_eq!(session.try_remove("n"), Err(committed.into()));
    assert_eq!(session.try_clear(), Err(committed.into()));
    assert_eq!(session.try_purge(), Err(committed));
    assert_eq!(session.try_renew(), Err(committed));
    assert_eq!(session.restart(), Err(committed));
    assert_eq!(world.n(&cookie).await, Some(1));
}
