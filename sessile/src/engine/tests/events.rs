//! What happens to sessions, as receivers of events see it.

use super::*;
use crate::{
    engine::{EndCause, EventKind, SessionEvents},
    storage::{
        AnySessionStore, MemorySessionStoreBuilder, SessionLimit, SubjectDigest, SubjectStore as _,
    },
};

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

/// The second one begins another session, and ends none.
#[tokio::test(start_paused = true)]
async fn a_renewal_that_comes_second_creates_a_session() {
    let world = World::new(|_| {});
    let cookie = world.stored().await;
    let (first, second) = (world.open(&cookie).await, world.open(&cookie).await);
    let mut events = world.manager.events();
    for session in [first, second] {
        session.renew();
        world.commit(&session).await.unwrap();
    }
    assert_eq!(
        seen(&mut events).await,
        of_guest(&[EventKind::Renewed, EventKind::Created])
    );
}

/// A world whose memory store no fault stands before, so that it reports the sessions that it ends.
fn reporting(builder: MemorySessionStoreBuilder) -> World<MemorySessionStore> {
    let clock = ManualClock::default();
    World::over(builder.clock(clock.clone()).build(), clock, |_| {})
}

/// The ends so far: their cause, id and user.
async fn ends(
    events: &mut SessionEvents,
) -> Vec<(EndCause, Option<SessionId>, Option<&'static str>)> {
    let mut ends = Vec::new();
    while let Ok(event) = clock::within(Duration::ZERO, events.next()).await {
        let event = event.unwrap().unwrap();
        if let EventKind::Ended(cause) = event.kind {
            let user = ["corro", "ferris"].into_iter();
            let subject = event.subject.as_deref();
            let user = subject.map(|it| user.clone().find(|user| *user == it).unwrap());
            ends.push((cause, event.id, user));
        }
    }
    ends
}

impl<S: SessionStore + Clone> World<S> {
    /// A session that is signed in as `user`.
    async fn of_user(&self, user: &str) -> Session {
        self.clock.advance(Duration::from_millis(1));
        let session = self.open("").await;
        session.sign_in(user).await.unwrap();
        session
    }
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
        ids.push(session.id());
    }
    let second = ids[1].clone().unwrap();
    manager.sessions().end("ferris", &second).await.unwrap();
    let [first, second] = ids.try_into().unwrap();
    assert_eq!(
        ends(&mut events).await,
        [
            (EndCause::Limit, first, Some("ferris")),
            (EndCause::Sessions, second, Some("ferris")),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_end_of_all_sessions_is_reported_for_each_and_for_the_mark() {
    let world = reporting(MemorySessionStore::builder());
    let sessions = world.manager.sessions();
    let mut events = world.manager.events();
    let [first, second] = [world.of_user("ferris").await, world.of_user("ferris").await];
    let (first_id, second_id) = (first.id(), second.id());

    // The mark does not end the caller's own session, so it is not reported.
    sessions.end_others(&second).await.unwrap();
    let listed = (EndCause::Sessions, first_id, Some("ferris"));
    assert_eq!(ends(&mut events).await, [listed]);

    sessions.end_all("ferris").await.unwrap();
    let listed = (EndCause::Sessions, second_id, Some("ferris"));
    let mark = (EndCause::Mark, None, Some("ferris"));
    assert_eq!(ends(&mut events).await, [listed, mark.clone()]);

    let session = world.open("").await;
    let signing_in = sessions.end_all_and_sign_in(&session, "ferris");
    signing_in.await.unwrap();
    assert_eq!(ends(&mut events).await, [mark]);

    sessions.end_everything().await.unwrap();
    sessions.clear().await.unwrap();
    assert_eq!(
        ends(&mut events).await,
        [
            (EndCause::Mark, None, None),
            (EndCause::Sessions, None, None)
        ]
    );
}

#[cfg(feature = "cookie-session")]
#[tokio::test(start_paused = true)]
async fn a_session_in_a_cookie_that_a_mark_ended_is_reported_when_its_cookie_comes() {
    use crate::storage::{CookieSessionStore, RevocationList};
    let clock = ManualClock::default();
    let list = MemorySessionStore::builder().clock(clock.clone()).build();
    let store = CookieSessionStore::with_revocations(RevocationList::new(list));
    let world = World::over(store, clock, |_| {});
    let session = world.of_user("ferris").await;
    let id = session.id();
    let cookie = world.commit(&session).await.unwrap();
    let signed_out = world.of_user("corro").await;
    let other_cookie = world.commit(&signed_out).await.unwrap();
    let signing_out = world.open(&other_cookie).await;
    signing_out.purge();
    world.commit(&signing_out).await;

    let mut events = world.manager.events();
    world.manager.sessions().end_all("ferris").await.unwrap();
    assert_eq!(
        ends(&mut events).await,
        [(EndCause::Mark, None, Some("ferris"))]
    );
    world.open(&cookie).await;
    // No mark ended this one, and its end was reported when it came.
    world.open(&other_cookie).await;
    assert_eq!(
        ends(&mut events).await,
        [(EndCause::Mark, id, Some("ferris"))]
    );
}

#[tokio::test(start_paused = true)]
async fn sessions_that_the_memory_store_frees_are_reported() {
    // One shard, so that each operation checks some of all sessions.
    let world = reporting(MemorySessionStore::builder().max_bytes(1024 * 1024));
    let guest = world.id(&world.stored().await).await;
    let user = world.of_user("ferris").await.id();
    let signed_out = world.of_user("corro").await;
    signed_out.purge();
    world.commit(&signed_out).await;

    let mut events = world.manager.events();
    world.clock.advance(Duration::from_secs(24 * 3600 + 61));
    world.stored().await;
    let mut ended = ends(&mut events).await;
    ended.sort_by_key(|(_, _, user)| *user);
    assert_eq!(
        ended,
        [
            (EndCause::Expired, guest, None),
            (EndCause::Expired, user, Some("ferris")),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn sessions_that_a_full_memory_store_evicts_are_reported() {
    let world = reporting(MemorySessionStore::builder().max_bytes(2048));
    let mut events = world.manager.events();
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(world.of_user("ferris").await.id());
    }
    let live = world.store.list(&SubjectDigest::of("ferris")).await;
    ids.truncate(20 - live.unwrap().len());
    assert!(ids.len() > 10);
    let evicted = |id| (EndCause::Evicted, id, Some("ferris"));
    let expected: Vec<_> = ids.into_iter().map(evicted).collect();
    assert_eq!(ends(&mut events).await, expected);
}

#[tokio::test(start_paused = true)]
async fn wrapped_stores_report_to_each_manager_and_a_list_of_ended_sessions_is_silent() {
    let clock = ManualClock::default();
    // One shard, so that each operation checks some of all sessions.
    let memory = MemorySessionStore::builder().max_bytes(1024 * 1024);
    let memory = memory.clock(clock.clone()).build();
    let wrapped = AnySessionStore::with_subjects(Arc::new(memory.clone()));
    let world = World::over(wrapped, clock.clone(), |_| {});
    let other = World::over(memory.clone(), clock.clone(), |_| {});
    let (mut events, mut events_of_other) = (world.manager.events(), other.manager.events());

    let minute = Duration::from_secs(60);
    let entry = Record::revocation(clock.now());
    for record in [Record::new(clock.now()), entry] {
        let (id, version) = (SessionId::generate(), Version::generate());
        memory.create(&id, &record, version, minute).await.unwrap();
    }
    clock.advance(minute);
    let id = SessionId::generate();
    memory.load(&id, None, Freshness::Current).await.unwrap();
    for events in [&mut events, &mut events_of_other] {
        let ends = ends(events).await;
        assert!(
            matches!(&ends[..], [(EndCause::Expired, Some(_), None)]),
            "{ends:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_events_end_with_the_managers_although_the_store_lives() {
    let world = reporting(MemorySessionStore::builder());
    let mut events = world.manager.events();
    world.stored().await;
    let World { manager, store, .. } = world;
    drop(manager);
    let created = events.next().await.unwrap().unwrap();
    assert_eq!(created.kind, EventKind::Created);
    assert!(events.next().await.is_none());
    drop(store);
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

#[tokio::test]
async fn a_receiver_that_panics_disturbs_neither_requests_nor_other_receivers() {
    let world = World::new(|_| {});
    let (mut panicking, mut other) = (world.manager.events(), world.manager.events());
    let task = tokio::spawn(async move {
        panicking.next().await;
        panic!("a receiver fails");
    });
    world.stored().await;
    assert!(task.await.unwrap_err().is_panic());
    world.stored().await;
    let created = of_guest(&[EventKind::Created, EventKind::Created]);
    assert_eq!(seen(&mut other).await, created);
}
