//! Timeouts, by a clock that is moved by hand.

use super::*;

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
