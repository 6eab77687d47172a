//! Timeouts, by a clock that is moved by hand.

use super::*;
use crate::config::Persistence;

#[tokio::test]
async fn sessions_end_by_the_clock_whatever_the_store_still_holds() {
    let day = Duration::from_secs(24 * 60 * 60);
    let world =
        World::new(|settings| settings.absolute_timeout = Some(Duration::from_secs(2 * 24 * 3600)));
    let cookie = world.stored().await;
    let created = world.clock.now();

    world.clock.advance(day - Duration::from_millis(1));
    let session = world.open(&cookie).await;
    assert_eq!(session.created_at(), Some(created));
    assert_eq!(session.expires_at(), Some(created.saturating_add(day)));
    increment(&session);
    session.renew();
    let cookie = world.commit(&session).await.unwrap();
    // A renewal does not move the absolute end.
    assert_eq!(session.created_at(), Some(created));
    world.clock.advance(day - Duration::from_millis(1));
    let session = world.open(&cookie).await;
    increment(&session);
    world.commit(&session).await;
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.n(&cookie).await, Some(3));
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn reading_extends_life_with_few_writes_and_never_too_late() {
    let world = World::new(|settings| {
        settings.lifecycle = PersistentSession::default()
            .session_ttl(time::Duration::seconds(100))
            .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
            .into();
        settings.touch_fraction = 0.1;
    });
    let cookie = world.stored().await;
    world.store.take_counts();
    let mut writes = 0;
    for _ in 0..100 {
        world.clock.advance(Duration::from_secs(1));
        let session = world.open(&cookie).await;
        assert!(session.contains_key("n"));
        assert!(world.commit(&session).await.is_some());
        writes += world.store.take_counts().1;
    }
    assert_eq!(writes, 10);
    // Used last just before a touch was due: it lives for 100 seconds from then.
    world.clock.advance(Duration::from_secs(9));
    let session = world.open(&cookie).await;
    world.commit(&session).await;
    world.clock.advance(Duration::from_secs(100));
    assert_eq!(world.n(&cookie).await, Some(1));
    world.clock.advance(Duration::from_secs(100));
    assert_eq!(world.n(&cookie).await, None);
}

/// An hour in a lifetime of a session's own.
const HOUR: Duration = Duration::from_secs(3600);

/// The `Max-Age` of the cookie that the response sets; `None` without a cookie.
async fn max_age(world: &World, session: &Session) -> Option<Option<u64>> {
    let head = ResponseHead::to("POST");
    let committed = world.manager.commit(session, &head).await;
    let set_cookie = committed.unwrap().set_cookie?;
    let max_age = set_cookie.as_str().split("Max-Age=").nth(1);
    Some(max_age.map(|it| it.split(';').next().unwrap().parse().unwrap()))
}

#[tokio::test]
async fn a_session_gets_a_lifetime_of_its_own_and_goes_back_to_the_settings() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    session
        .set_persistence(Persistence::remembered(48 * HOUR))
        .unwrap();
    assert_eq!(max_age(&world, &session).await, Some(Some(48 * 3600)));

    // Every change sends the cookie again with its full `Max-Age`, and reading does not.
    world.clock.advance(47 * HOUR);
    let session = world.open(&cookie).await;
    assert_eq!(max_age(&world, &session).await, None);
    let session = world.open(&cookie).await;
    increment(&session);
    assert_eq!(max_age(&world, &session).await, Some(Some(48 * 3600)));

    world.clock.advance(48 * HOUR - Duration::from_millis(1));
    let session = world.open(&cookie).await;
    session.set_persistence(None).unwrap();
    assert_eq!(max_age(&world, &session).await, Some(None));
    world.clock.advance(24 * HOUR - Duration::from_millis(1));
    assert_eq!(world.n(&cookie).await, Some(2));
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.n(&cookie).await, None);
}

#[tokio::test]
async fn concurrent_changes_keep_the_lifetime_of_the_session_and_of_its_cookie() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (one, other) = (world.open(&cookie).await, world.open(&cookie).await);
    let late = world.open(&cookie).await;
    one.set_persistence(Persistence::remembered(48 * HOUR))
        .unwrap();
    increment(&other);
    assert_eq!(max_age(&world, &one).await, Some(Some(48 * 3600)));
    // The request loaded the session before it was remembered.
    assert_eq!(max_age(&world, &other).await, Some(Some(48 * 3600)));
    late.set_persistence(None).unwrap();
    world.commit(&late).await;
    let id = world.id(&cookie).await.unwrap();
    assert!(world.record(&id).await.unwrap().details().is_none());
}

#[tokio::test]
async fn a_cookie_that_is_sent_again_has_the_newest_lifetime() {
    let world = World::new(|settings| {
        settings.lifecycle = crate::config::BrowserSession::default()
            .state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
            .into();
    });
    let cookie = world.stored().await;
    let (reader, other) = (world.open(&cookie).await, world.open(&cookie).await);
    other
        .set_persistence(Persistence::remembered(48 * HOUR))
        .unwrap();
    assert_eq!(max_age(&world, &other).await, Some(Some(48 * 3600)));
    assert_eq!(max_age(&world, &reader).await, Some(Some(48 * 3600)));
}

#[tokio::test]
async fn a_lifetime_of_zero_is_refused_and_one_of_centuries_is_capped() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    let century = 100 * 365 * 24 * HOUR;
    for zero in [
        Persistence::remembered(Duration::ZERO),
        Persistence::remembered(Duration::from_nanos(999_999)),
        Persistence::until_browser_closes(HOUR).absolute_timeout(Duration::ZERO),
    ] {
        let refused = session.set_persistence(zero);
        assert_eq!(refused, Err(WriteError::TimeoutTooShort));
    }
    assert_eq!(session.status(), SessionStatus::Unchanged);
    for long in [century, Duration::MAX] {
        let session = world.open(&cookie).await;
        let long = Persistence::remembered(long).absolute_timeout(long);
        session.set_persistence(long).unwrap();
        let days = 400 * 24 * 3600;
        assert_eq!(max_age(&world, &session).await, Some(Some(days)));
        let end = world.clock.now().saturating_add(Duration::from_secs(days));
        assert_eq!(session.expires_at(), Some(end));
    }
}

#[tokio::test]
async fn a_request_that_does_not_extend_the_life_stores_its_changes() {
    let world = World::new(persistent);
    let cookie = world.stored().await;
    let end = world.open(&cookie).await.expires_at();
    world.clock.advance(HOUR);
    let session = world.open(&cookie).await;
    session.set_extends_life(false);
    increment(&session);
    assert_eq!(max_age(&world, &session).await, None);
    assert_eq!(session.expires_at(), end);
    assert_eq!(world.n(&cookie).await, Some(2));
    // The store keeps the record until then, and not longer.
    world.clock.advance(23 * HOUR + lifetime::SLACK);
    let id = session.id().unwrap();
    assert_eq!(world.record(&id).await, None);
}

#[tokio::test]
async fn a_request_that_does_not_extend_the_life_neither_touches_nor_sends_the_cookie() {
    let world = World::new(touching);
    let cookie = world.stored().await;
    let end = world.open(&cookie).await.expires_at();
    world.clock.advance(12 * HOUR);
    world.store.take_counts();
    let session = world.open(&cookie).await;
    session.set_extends_life(false);
    assert!(session.contains_key("n"));
    assert_eq!(max_age(&world, &session).await, None);
    assert_eq!(world.store.take_counts(), (1, 0));
    assert_eq!(world.open(&cookie).await.expires_at(), end);
}

#[tokio::test]
async fn a_renewal_always_extends_the_life() {
    let world = World::new(persistent);
    let cookie = world.stored().await;
    world.clock.advance(HOUR);
    let session = world.open(&cookie).await;
    session.set_extends_life(false);
    session.renew();
    let cookie = world.commit(&session).await.unwrap();
    let end = world.clock.now().saturating_add(24 * HOUR);
    assert_eq!(world.open(&cookie).await.expires_at(), Some(end));
}

/// Of requests whose changes are stored together, one that extends the life is enough.
#[tokio::test]
async fn changes_that_are_stored_together_extend_the_life_if_one_of_them_does() {
    for (extending, expected) in [(false, 23), (true, 24)] {
        let world = World::new(|_| {});
        let cookie = world.stored().await;
        world.clock.advance(HOUR);
        let mut sessions = Vec::new();
        for _ in 0..3 {
            let session = world.open(&cookie).await;
            session.set_extends_life(false);
            increment(&session);
            sessions.push(session);
        }
        sessions[2].set_extends_life(extending);
        // The update of the first is in flight, and the others share the next one.
        let [first, second, third] = &sessions[..] else {
            unreachable!()
        };
        world.store.take_counts();
        tokio::join!(
            world.commit(first),
            world.commit(second),
            world.commit(third)
        );
        assert_eq!(world.store.take_counts(), (0, 2));
        let session = world.open(&cookie).await;
        assert_eq!(session.get("n").unwrap(), Some(4));
        let end = world.clock.now().saturating_add(expected * HOUR);
        assert_eq!(session.expires_at(), Some(end));
    }
}

#[tokio::test]
async fn a_session_until_the_browser_closes_keeps_the_absolute_timeout_of_the_settings() {
    let world = World::new(|settings| settings.absolute_timeout = Some(8 * HOUR));
    for (own, hours) in [
        (Persistence::until_browser_closes(24 * HOUR), 8),
        (
            Persistence::until_browser_closes(24 * HOUR).absolute_timeout(12 * HOUR),
            12,
        ),
        (Persistence::remembered(24 * HOUR), 24),
    ] {
        let session = world.manager.open([]).await.unwrap();
        session.insert("n", 1).unwrap();
        session.set_persistence(own).unwrap();
        world.commit(&session).await.unwrap();
        let end = world.clock.now().saturating_add(hours * HOUR);
        assert_eq!(session.expires_at(), Some(end), "{own:?}");
    }
}
