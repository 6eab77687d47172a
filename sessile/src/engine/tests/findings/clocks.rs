//! Clocks that differ, and clocks that jump.
//!
//! | fault | tests |
//! | --- | --- |
//! | a change by a server whose clock is behind shortens the session's life | `a_change_by_a_clock_two_minutes_behind_shortens_nothing`, `a_renewal_by_a_clock_two_minutes_behind_shortens_nothing`, `a_touch_by_a_clock_two_minutes_behind_shortens_nothing`, `a_merge_keeps_the_latest_use` |
//! | a record that is dated years ahead lives for years | `a_session_created_five_years_ahead_has_expired`, `a_session_created_an_hour_ahead_is_live`, `a_session_of_a_jump_ahead_has_expired_when_the_clock_is_right_again`, `an_expired_session_of_the_future_is_not_deleted` |
//! | an authentication in the future stays recent until its time has come | `an_authentication_further_ahead_than_clocks_may_differ_is_not_recent` |
//!
//! Clocks that jump by a minute, an hour and years, in both directions: `no_jump_of_the_clock_brings_a_session_back`,
//! `a_jump_within_a_request_loses_nothing_silently`.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const YEARS: Duration = Duration::from_secs(5 * 365 * 24 * 60 * 60);

/// A clock that is `by` behind.
fn behind(clock: &ManualClock, by: Duration) -> ManualClock {
    let millis = clock.now().as_unix_millis() - by.as_millis() as u64;
    ManualClock::starting_at(Timestamp::from_unix_millis(millis))
}

async fn assert_nothing_is_shortened(lifecycle: fn(&mut Settings), request: fn(&Session)) {
    let settings = |settings: &mut Settings| {
        lifecycle(settings);
        settings.touch_fraction = 0.0;
    };
    let world = World::new(settings);
    let cookie = world.stored().await;
    let id = world.id(&cookie).await.unwrap();
    let before = world.record(&id).await.unwrap();
    let server = world.beside(&behind(&world.clock, 2 * MINUTE), settings);
    let session = server.open(&cookie).await;
    assert_eq!(session.get("n").unwrap(), Some(1));
    request(&session);
    server.commit(&session).await;
    let after = world.record(&id).await.unwrap();
    assert_eq!(after.created_at(), before.created_at());
    assert_eq!(after.used_at(), before.used_at());
    assert!(after.ends_at() >= before.ends_at());
}

#[tokio::test]
async fn a_change_by_a_clock_two_minutes_behind_shortens_nothing() {
    assert_nothing_is_shortened(|_| {}, increment).await;
}

#[tokio::test]
async fn a_renewal_by_a_clock_two_minutes_behind_shortens_nothing() {
    assert_nothing_is_shortened(|_| {}, Session::renew).await;
}

#[tokio::test]
async fn a_touch_by_a_clock_two_minutes_behind_shortens_nothing() {
    assert_nothing_is_shortened(touching, |_| {}).await;
}

#[tokio::test]
async fn a_merge_keeps_the_latest_use() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let server = world.beside(&behind(&world.clock, 2 * MINUTE), |_| {});
    let (session, other) = (server.open(&cookie).await, world.open(&cookie).await);
    world.clock.advance(HOUR);
    increment(&other);
    world.commit(&other).await;
    increment(&session);
    server.commit(&session).await;
    let record = world.record(&session.id().unwrap()).await.unwrap();
    assert_eq!(record.used_at(), world.clock.now());
    assert_eq!(record.state.get("n"), Ok(Some(3)));
}

/// By default, clocks may differ by 30 seconds.
#[tokio::test]
async fn an_authentication_further_ahead_than_clocks_may_differ_is_not_recent() {
    const ALLOWED: Duration = Duration::from_secs(30);
    let tick = Duration::from_millis(1);
    for (ahead, is_recent) in [(ALLOWED, true), (ALLOWED + tick, false)] {
        for is_lost in [false, true] {
            let world = World::new(|_| {});
            let clock = ManualClock::starting_at(world.clock.now().saturating_add(ahead));
            let server = world.beside(&clock, |_| {});
            let session = server.open("").await;
            session.sign_in("ferris").await.unwrap();
            let cookie = server.commit(&session).await.unwrap();
            let session = world.open(&cookie).await;
            let required = session.require_recent_authentication();
            assert_eq!(required.is_ok(), is_recent, "{ahead:?}");

            // To authenticate again helps, whether or not the store's reply is lost.
            session.reauthenticate().unwrap();
            if is_lost {
                world.store.inject(Fault::DoAndFail);
                assert!(session.save().await.is_err());
            }
            let cookie = world.commit(&session).await.unwrap();
            let opened = world.open(&cookie).await;
            assert_eq!(opened.authenticated_at(), Some(world.clock.now()));
            let required = opened.require_recent_authentication();
            assert_eq!(required.as_deref(), Ok("ferris"));
        }
    }
}

/// A session that a server created whose clock is `ahead`, and a server whose clock is right.
async fn created(ahead: Duration) -> (World, World, String) {
    let clock = ManualClock::default();
    let world = World::new(|settings| *settings = settings.clone().clock(clock.clone()));
    let ahead = ManualClock::starting_at(world.clock.now().saturating_add(ahead));
    let server = world.beside(&ahead, |settings| {
        settings.absolute_timeout = Some(Duration::from_secs(2 * 24 * 3600));
    });
    let cookie = server.stored().await;
    (world, server, cookie)
}

#[tokio::test]
async fn a_session_created_five_years_ahead_has_expired() {
    let (world, server, cookie) = created(YEARS).await;
    assert_eq!(server.n(&cookie).await, Some(1));
    assert_eq!(world.id(&cookie).await, None);
}

#[tokio::test]
async fn a_session_created_an_hour_ahead_is_live() {
    let (world, server, cookie) = created(HOUR).await;
    let session = world.open(&cookie).await;
    increment(&session);
    world.commit(&session).await;
    assert_eq!(server.n(&cookie).await, Some(2));
}

#[tokio::test]
async fn a_session_of_a_jump_ahead_has_expired_when_the_clock_is_right_again() {
    for (ahead, is_live) in [
        (MINUTE, true),
        (HOUR, true),
        (2 * DAY, false),
        (YEARS, false),
    ] {
        let (world, _, cookie) = created(ahead).await;
        assert_eq!(world.id(&cookie).await.is_some(), is_live, "{ahead:?}");
    }
}

#[tokio::test]
async fn an_expired_session_of_the_future_is_not_deleted() {
    let (world, server, cookie) = created(YEARS).await;
    let session = world.open(&cookie).await;
    session.insert("m", 1).unwrap();
    let new = world.commit(&session).await.unwrap();
    assert_eq!(json(&world.open(&new).await), r#"{"m":1}"#);
    assert_eq!(server.n(&cookie).await, Some(1));
}

#[tokio::test]
async fn no_jump_of_the_clock_brings_a_session_back() {
    for by in [MINUTE, HOUR, YEARS] {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        let past = world.beside(&behind(&world.clock, by), |_| {});
        // A clock that jumped back counts what it finds as used now.
        let expected = (by < DAY).then_some(1);
        assert_eq!(past.n(&cookie).await, expected, "{by:?}");
        let session = world.open(&cookie).await;
        session.purge();
        world.commit(&session).await;
        assert_eq!(past.n(&cookie).await, None);
    }
}

#[tokio::test]
async fn a_jump_within_a_request_loses_nothing_silently() {
    for by in [MINUTE, HOUR, YEARS] {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        let session = world.open(&cookie).await;
        world.clock.advance(by);
        increment(&session);
        match world.answer(&session, "POST").await {
            Ok(_) => assert_eq!(world.n(&cookie).await, Some(2), "{by:?}"),
            Err(failure) => assert_eq!(failure.status(), 409, "{by:?}"),
        }
    }
}
