//! Ending all sessions of a user, or of all users and guests.

use super::*;

#[tokio::test]
async fn the_sessions_of_a_user_end_and_no_others() {
    let listed = Listed::new(|_| {});
    let sessions = listed.world.manager.sessions();
    let first = listed.signed_in("ferris").await;
    let second = listed.signed_in("ferris").await;
    let other = listed.signed_in("corro").await;
    let guest = listed.world.stored().await;
    assert_eq!(sessions.end_all("ferris").await.unwrap(), 0);
    for cookie in [&first, &second] {
        assert_eq!(listed.open(cookie).await.subject(), None);
    }
    assert_eq!(
        listed.open(&other).await.subject().as_deref(),
        Some("corro")
    );
    assert_eq!(listed.world.n(&guest).await, Some(1));
    let later = listed.signed_in("ferris").await;
    assert_eq!(
        listed.open(&later).await.subject().as_deref(),
        Some("ferris")
    );
}

#[tokio::test]
async fn everything_ends_and_later_sessions_live() {
    let listed = Listed::new(|_| {});
    let sessions = listed.world.manager.sessions();
    let user = listed.signed_in("ferris").await;
    let guest = listed.world.stored().await;
    listed.tick();
    let in_flight = listed.open(&guest).await;
    sessions.end_everything().await.unwrap();
    assert_eq!(listed.open(&user).await.subject(), None);
    assert_eq!(listed.world.n(&guest).await, None);
    increment(&in_flight);
    listed
        .world
        .refused(&in_flight, SessionClosedError::Ended)
        .await;
    listed.tick();
    let guest = listed.world.stored().await;
    assert_eq!(listed.world.n(&guest).await, Some(1));
}

#[tokio::test]
async fn what_was_ended_before_the_end_of_everything_stays_ended() {
    let listed = Listed::new(|_| {});
    // The mark is before the sign-ins, as if the call took long.
    let earlier = ManualClock::starting_at(listed.world.clock.now());
    let caller = listed.beside(&earlier, |_| {});
    let user = listed.signed_in("ferris").await;
    let guest = listed.world.stored().await;
    for cookie in [&user, &guest] {
        listed.purge(cookie).await;
    }
    let sessions = caller.world.manager.sessions();
    sessions.end_everything().await.unwrap();
    assert_eq!(listed.open(&user).await.subject(), None);
    assert_eq!(listed.world.n(&guest).await, None);
}

#[tokio::test]
async fn a_sign_in_whose_request_began_before_the_end_is_refused() {
    let listed = Listed::new(|_| {});
    let guest = listed.world.stored().await;
    for cookie in ["", &guest] {
        listed.tick();
        let session = listed.open(cookie).await;
        let sessions = listed.world.manager.sessions();
        sessions.end_all("ferris").await.unwrap();
        let refused = session.sign_in("ferris").await.unwrap_err();
        assert!(
            matches!(refused, SignInError::Refused(Refusal::SubjectEnded)),
            "{refused:?}"
        );
        assert_eq!(session.subject(), None);
    }
    // The guest has lost nothing.
    assert_eq!(listed.world.n(&guest).await, Some(1));
}

#[tokio::test]
async fn a_sign_in_between_its_save_and_the_response_is_withheld() {
    let listed = Listed::new(|_| {});
    listed.tick();
    let session = listed.open("").await;
    session.sign_in("ferris").await.unwrap();
    let sessions = listed.world.manager.sessions();
    sessions.end_all("ferris").await.unwrap();
    listed
        .world
        .refused(&session, SessionClosedError::Ended)
        .await;
}

#[tokio::test]
async fn a_password_reset_ends_all_sessions_and_signs_in() {
    let listed = Listed::new(|_| {});
    let stolen = listed.signed_in("ferris").await;
    listed.tick();
    let session = listed.open("").await;
    let sessions = listed.world.manager.sessions();
    sessions
        .end_all_and_sign_in(&session, "ferris")
        .await
        .unwrap();
    let cookie = listed.world.commit(&session).await.unwrap();
    assert_eq!(listed.open(&stolen).await.subject(), None);
    assert_eq!(
        listed.open(&cookie).await.subject().as_deref(),
        Some("ferris")
    );
}

#[tokio::test]
async fn changes_in_flight_are_not_acknowledged() {
    for handler in [increment as fn(&Session), Session::renew] {
        let listed = Listed::new(|_| {});
        let cookie = listed.signed_in("ferris").await;
        let session = listed.open(&cookie).await;
        session.insert("n", 1).unwrap();
        handler(&session);
        let sessions = listed.world.manager.sessions();
        sessions.end_all("ferris").await.unwrap();
        listed
            .world
            .refused(&session, SessionClosedError::Ended)
            .await;
    }
}

#[tokio::test]
async fn a_session_that_a_server_with_another_clock_made_ends_as_well() {
    let day = |settings: &mut Settings| settings.max_persistence = Duration::from_secs(3600);
    let listed = Listed::new(day);
    let ahead = ManualClock::starting_at(listed.world.clock.now());
    ahead.advance(Duration::from_secs(30));
    let other = listed.beside(&ahead, day);
    let cookie = other.world.stored().await;
    listed.purge(&cookie).await;
    // For this server, the cookie expires that much later.
    let mut settings = Settings::default().clock(listed.world.clock.clone());
    day(&mut settings);
    let (store, key) = (CookieSessionStore::default(), listed.world.key.clone());
    let without_list = SessionManager::new(store, key, settings).unwrap();
    for wait in [Duration::ZERO, Duration::from_millis(86_429_999)] {
        listed.world.clock.advance(wait);
        let session = without_list.open([cookie.as_bytes()]).await.unwrap();
        assert_eq!(session.get("n").unwrap(), Some(1));
        assert_eq!(listed.world.n(&cookie).await, None);
    }
}

/// The list does not have the time of the sign-in.
#[tokio::test]
async fn a_sign_in_by_a_clock_that_is_ahead_is_ended_by_a_call_after_it() {
    let listed = Listed::new(|_| {});
    let ahead = ManualClock::starting_at(listed.world.clock.now());
    ahead.advance(Duration::from_secs(30));
    let cookie = listed.beside(&ahead, |_| {}).signed_in("ferris").await;
    let sessions = listed.world.manager.sessions();
    for (wait, subject) in [(0, Some("ferris")), (30_000, Some("ferris")), (1, None)] {
        listed.world.clock.advance(Duration::from_millis(wait));
        sessions.end_all("ferris").await.unwrap();
        assert_eq!(listed.open(&cookie).await.subject().as_deref(), subject);
    }
}

#[tokio::test]
async fn an_entry_lives_as_long_as_the_longest_lifetime() {
    let hour = time::Duration::hours(1);
    let listed = Listed::new(|settings| {
        settings.lifecycle = PersistentSession::default().session_ttl(hour).into();
        settings.max_persistence = Duration::from_secs(2 * 3600);
    });
    let cookie = listed.world.stored().await;
    let id = listed.world.id(&cookie).await.unwrap();
    listed.purge(&cookie).await;
    let is_listed = async || {
        let loaded = listed.list.memory.load(&id, None, Freshness::Current).await;
        loaded.unwrap().is_some()
    };
    // Two hours, and the minute that is added for clocks.
    listed.world.clock.advance(Duration::from_secs(7259));
    assert!(is_listed().await);
    listed.world.clock.advance(Duration::from_secs(1));
    assert!(!is_listed().await);
}
