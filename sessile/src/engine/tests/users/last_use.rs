//! When a user used a session last, under policies by which reading extends nothing.

use super::*;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The writes of eleven requests that read the session of this cookie, a minute after each other.
async fn writes(world: &World, cookie: &str, handler: fn(&Session)) -> Vec<u32> {
    world.store.take_counts();
    let mut writes = Vec::new();
    for _ in 0..11 {
        world.clock.advance(MINUTE);
        let session = world.open(cookie).await;
        handler(&session);
        assert_eq!(world.commit(&session).await, None);
        writes.push(world.store.take_counts().1);
    }
    writes
}

async fn used_at(world: &World, subject: &str) -> Timestamp {
    let sessions = world.manager.sessions().list(subject).await.unwrap();
    sessions[0].used_at()
}

#[tokio::test]
async fn reading_stores_it_every_five_minutes_and_extends_nothing() {
    let world = World::new(|_| {});
    let cookie = world.signed_in("ferris").await;
    let signed_in_at = world.clock.now();
    let reads = |session: &Session| assert!(session.subject().is_some());
    assert_eq!(
        writes(&world, &cookie, reads).await,
        [0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]
    );
    let after = |duration| signed_in_at.saturating_add(duration);
    assert_eq!(used_at(&world, "ferris").await, after(10 * MINUTE));

    let session = world.open(&cookie).await;
    assert_eq!(session.expires_at(), Some(after(DAY)));
    world
        .clock
        .advance(DAY - 11 * MINUTE - Duration::from_millis(1));
    assert!(world.subject(&cookie).await.is_some());
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(world.subject(&cookie).await, None);
    assert_eq!(world.ids("ferris").await, []);
}

#[tokio::test]
async fn a_change_extends_the_life_from_the_change_on() {
    let world = World::new(|_| {});
    let cookie = world.signed_in("ferris").await;
    writes(&world, &cookie, |_| {}).await;
    let session = world.open(&cookie).await;
    session.insert("n", 1).unwrap();
    world.commit(&session).await;
    let expected = world.clock.now().saturating_add(DAY);
    assert_eq!(world.open(&cookie).await.expires_at(), Some(expected));
}

#[tokio::test]
async fn requests_that_extend_no_life_store_no_use_and_move_no_end() {
    let world = World::new(|_| {});
    let cookie = world.signed_in("ferris").await;
    let signed_in_at = world.clock.now();
    let polls = |session: &Session| session.set_extends_life(false);
    assert_eq!(writes(&world, &cookie, polls).await, [0; 11]);
    assert_eq!(used_at(&world, "ferris").await, signed_in_at);

    // A use is stored, and a change that extends no life does not count the end from there.
    writes(&world, &cookie, |_| {}).await;
    assert!(used_at(&world, "ferris").await > signed_in_at);
    let session = world.open(&cookie).await;
    session.set_extends_life(false);
    session.insert("n", 1).unwrap();
    world.commit(&session).await;
    let session = world.open(&cookie).await;
    assert_eq!(session.get("n").unwrap(), Some(1));
    assert_eq!(session.expires_at(), Some(signed_in_at.saturating_add(DAY)));
}

#[tokio::test]
async fn guests_cost_nothing() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let reads = |session: &Session| assert!(session.contains_key("n"));
    assert_eq!(writes(&world, &cookie, reads).await, [0; 11]);
}

#[tokio::test]
async fn a_use_that_cannot_be_stored_fails_no_request() {
    let world = World::new(|_| {});
    let cookie = world.signed_in("ferris").await;
    let other = world.open(&cookie).await;
    world.clock.advance(5 * MINUTE);
    let session = world.open(&cookie).await;
    // Another request changes the session in the meantime.
    other.insert("n", 1).unwrap();
    world.commit(&other).await;
    assert_eq!(world.commit(&session).await, None);
    assert_eq!(world.n(&cookie).await, Some(1));
    assert_eq!(used_at(&world, "ferris").await, world.clock.now());

    world.clock.advance(5 * MINUTE);
    let session = world.open(&cookie).await;
    world.store.inject(Fault::NotSent);
    assert_eq!(world.commit(&session).await, None);
}
