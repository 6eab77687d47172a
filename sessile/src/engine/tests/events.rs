//! What happens to sessions, as receivers of events see it.

use super::*;
use crate::engine::{EndCause, EventKind, SessionEvents};
use crate::storage::SessionLimit;

/// The kinds of the events so far, with the users.
async fn seen(events: &mut SessionEvents) -> Vec<(EventKind, Option<String>)> {
    let mut seen = Vec::new();
    while let Ok(event) = clock::within(Duration::ZERO, events.next()).await {
        let event = event.unwrap().unwrap();
        seen.push((event.kind, event.subject));
    }
    seen
}

fn of_guest(kinds: &[EventKind]) -> Vec<(EventKind, Option<String>)> {
    kinds.iter().map(|kind| (*kind, None)).collect()
}

const BY_REQUEST: EventKind = EventKind::Ended(EndCause::Request);

#[tokio::test(start_paused = true)]
async fn each_change_of_a_session_is_reported_once() {
    let world = World::new(|_| {});
    let mut events = world.manager.events();
    let cookie = world.stored().await;
    assert_eq!(seen(&mut events).await, of_guest(&[EventKind::Created]));

    // Reading and changing values are no events.
    let session = world.open(&cookie).await;
    session.insert("visits", 1).unwrap();
    world.commit(&session).await;
    world.commit(&world.open(&cookie).await).await;
    assert_eq!(seen(&mut events).await, []);

    let session = world.open(&cookie).await;
    session.renew();
    session.save().await.unwrap();
    let renewed = world.commit(&session).await.unwrap();
    assert_eq!(seen(&mut events).await, of_guest(&[EventKind::Renewed]));

    let session = world.open(&renewed).await;
    session.sign_in("ferris").await.unwrap();
    let signed_in = world.commit(&session).await.unwrap();
    let ferris = Some("ferris".to_owned());
    assert_eq!(
        seen(&mut events).await,
        [(EventKind::SignedIn, ferris.clone())]
    );

    let session = world.open(&signed_in).await;
    session.restart().unwrap();
    session.insert("visits", 1).unwrap();
    world.commit(&session).await.unwrap();
    let expected = of_guest(&[BY_REQUEST, EventKind::Created]);
    assert_eq!(seen(&mut events).await, expected);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_is_reported_when_its_secret_is_presented() {
    let interval = Duration::from_secs(600);
    let world = World::new(|settings| settings.rotation_interval = Some(interval));
    let cookie = world.stored().await;
    let mut events = world.manager.events();
    world.clock.advance(interval);
    let pending = world.commit(&world.open(&cookie).await).await.unwrap();
    assert_eq!(seen(&mut events).await, []);
    world.commit(&world.open(&pending).await).await;
    assert_eq!(seen(&mut events).await, of_guest(&[EventKind::Rotated]));
}

#[tokio::test(start_paused = true)]
async fn keys_that_open_nothing_are_reported() {
    let world = World::new(|_| {});
    let old = world.stored().await;
    let session = world.open(&old).await;
    session.renew();
    let new = world.commit(&session).await.unwrap();
    let mut events = world.manager.events();

    world.open(&old).await;
    world.clock.advance(Duration::from_secs(3600));
    world.open(&old).await;
    assert_eq!(
        seen(&mut events).await,
        of_guest(&[EventKind::OldKey, EventKind::OldKey])
    );

    // A request with many invalid cookies must not fill the receivers' buffer.
    world.open("id=nonsense; id=another; id=third").await;
    let last = events.next().await.unwrap().unwrap();
    assert_eq!((last.kind, last.id), (EventKind::CookieRejected, None));
    assert_eq!(seen(&mut events).await, []);

    world.clock.advance(Duration::from_secs(24 * 3600));
    world.open(&new).await;
    // The memory store forgets a session a minute after its end.
    let expired = EventKind::Ended(EndCause::Expired);
    assert_eq!(seen(&mut events).await, []);
    let session = world.manager.open([]).await.unwrap();
    session.insert("visits", 1).unwrap();
    let cookie = world.commit(&session).await.unwrap();
    seen(&mut events).await;
    world.clock.advance(Duration::from_secs(24 * 3600 + 1));
    world.open(&cookie).await;
    assert_eq!(seen(&mut events).await, of_guest(&[expired]));
}

#[tokio::test(start_paused = true)]
async fn the_end_at_a_limit_and_from_outside_is_reported() {
    let clock = ManualClock::default();
    let store = MemorySessionStore::builder().clock(clock.clone()).build();
    let settings = Settings::default().clock(clock.clone());
    let limiter = Some(Limiter::new(SessionLimit::new(1).unwrap()));
    let key = SealingKey::generate();
    let manager = SessionManager::with(store, key, settings, limiter).unwrap();
    let mut events = manager.events();
    let mut ids = Vec::new();
    for _ in 0..2 {
        clock.advance(Duration::from_secs(1));
        let session = manager.open([]).await.unwrap();
        session.sign_in("ferris").await.unwrap();
        ids.push(session.id().unwrap());
    }
    manager.sessions().end("ferris", &ids[1]).await.unwrap();
    let mut ended = Vec::new();
    while let Ok(event) = clock::within(Duration::ZERO, events.next()).await {
        let event = event.unwrap().unwrap();
        if let EventKind::Ended(cause) = event.kind {
            ended.push((cause, event.id.unwrap()));
        }
    }
    let [first, second] = ids.try_into().unwrap();
    assert_eq!(
        ended,
        [(EndCause::Limit, first), (EndCause::Sessions, second)]
    );
}

#[tokio::test]
async fn a_slow_receiver_learns_how_much_it_missed_and_delays_no_request() {
    let world = World::new(|_| {});
    let mut events = world.manager.events();
    for _ in 0..1030 {
        world.open("id=nonsense").await;
    }
    let missed = events.next().await.unwrap().unwrap_err();
    assert_eq!(missed.count, 6);
    events.next().await.unwrap().unwrap();
    drop(world);
    while let Some(event) = events.next().await {
        assert_eq!(event.unwrap().kind, EventKind::CookieRejected);
    }
}
