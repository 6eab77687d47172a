//! Sessions that move from one store to another, while servers race, fail and crash.

use std::{
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering::SeqCst},
    },
    time::Duration,
};

use sessile::{
    clock::{Clock as _, ManualClock},
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionManager},
    record::Record,
    storage::{Freshness::Current, *},
    test_helpers::{
        clear_test_suite, iterable_store_test_suite, managed_store_test_suite,
        store_contract_test_suite,
    },
};
use tokio::task::{LocalSet, yield_now};

use crate::unreliable::{Unreliable, dropped_after};

const DAY: Duration = Duration::from_secs(24 * 3600);

type Store = MigratingStore<Unreliable, Unreliable>;

/// An old store that has one session, and a new one.
struct Scene {
    old: Unreliable,
    new: Unreliable,
    clock: ManualClock,
    id: SessionId,
}

impl Scene {
    async fn new() -> Self {
        let clock = ManualClock::default();
        let scene = Self {
            old: Unreliable::new(&clock),
            new: Unreliable::new(&clock),
            id: SessionId::generate(),
            clock,
        };
        let record = scene.record(0);
        let created = scene
            .old
            .memory
            .create(&scene.id, &record, Version::generate(), DAY);
        assert_eq!(created.await.unwrap(), CreateOutcome::Created);
        scene
    }

    fn record(&self, value: u32) -> Record {
        let mut record = Record::new(self.clock.now());
        record.state.insert("value", &value).unwrap();
        record
    }

    fn moving(&self) -> Store {
        let store = MigratingStore::new(self.old.clone(), self.new.clone());
        store.unwrap().clock(self.clock.clone())
    }

    fn preparing(&self) -> Store {
        MigratingStore::prepare(self.old.clone(), self.new.clone()).unwrap()
    }

    fn fail(&self, percent: u32) {
        self.old.fail(percent);
        self.new.fail(percent);
    }

    async fn value(&self, store: &Store) -> Option<u32> {
        let loaded = store.load(&self.id, None, Current).await.unwrap()?;
        loaded.record.state.get("value").unwrap()
    }
}

/// What the tasks of a test have done.
#[derive(Default)]
struct Done {
    acknowledged: AtomicU32,
    /// Writes that may have happened, although no reply said so.
    unknown: AtomicU32,
    /// Whether an end was acknowledged.
    is_ended: AtomicBool,
}

/// How a test disturbs the tasks.
#[derive(Clone, Copy)]
struct Disturbance {
    failures: u32,
    drops: bool,
}

/// Adds one to the value a few times, as requests do.
async fn increments(scene: Arc<Scene>, store: Store, done: Arc<Done>, how: Disturbance) {
    for _ in 0..4 {
        loop {
            let was_ended = done.is_ended.load(SeqCst);
            let Ok(loaded) = store.load(&scene.id, None, Current).await else {
                continue;
            };
            let Some(Loaded { record, version }) = loaded else {
                assert!(has_begun_to_end(&done), "a live session was not found");
                return;
            };
            assert!(!was_ended, "a session was served after its end");
            let value: u32 = record.state.get("value").unwrap().unwrap();
            let (next, new) = (scene.record(value + 1), Version::generate());
            let update = store.update(&scene.id, version, &next, new, DAY);
            let polls = match how.drops && fastrand::u32(..4) == 0 {
                true => fastrand::u32(..20),
                false => u32::MAX,
            };
            match dropped_after(polls, update).await {
                Some(Ok(UpdateOutcome::Updated)) => {
                    done.acknowledged.fetch_add(1, SeqCst);
                    break;
                }
                Some(Ok(UpdateOutcome::Conflict)) => {}
                Some(Ok(outcome)) => {
                    assert_eq!(outcome, UpdateOutcome::Missing);
                    return;
                }
                Some(Err(error)) if !error.may_have_happened() => {}
                Some(Err(_)) | None => {
                    done.unknown.fetch_add(1, SeqCst);
                }
            }
        }
    }
}

/// Whether an end is on its way.
fn has_begun_to_end(done: &Done) -> bool {
    done.unknown.load(SeqCst) >= ENDING
}

/// Added to the unknown writes by a test that ends the session, before it does so.
const ENDING: u32 = 1_000_000;

/// Requests on these servers, beside a task that moves all sessions and one that lets placeholders expire.
async fn run(scene: &Arc<Scene>, servers: &[Store], how: Disturbance, ends: bool) -> Arc<Done> {
    let (tasks, done) = (LocalSet::new(), Arc::new(Done::default()));
    scene.fail(how.failures);
    let mut all = Vec::new();
    for number in 0..4 {
        let store = servers[number % servers.len()].clone();
        let requests = increments(scene.clone(), store, done.clone(), how);
        all.push(tasks.spawn_local(requests));
    }
    let (moving, disturbed) = (scene.moving(), scene.clone());
    all.push(tasks.spawn_local(async move {
        for _ in 0..fastrand::u32(..20) {
            yield_now().await;
        }
        let moves = moving.move_some(None, NonZeroU32::MIN);
        // What it does not move, a request does.
        let _ = dropped_after(fastrand::u32(..40), moves).await;
        disturbed.clock.advance(Duration::from_secs(61));
    }));
    if ends {
        let (store, id) = (servers[0].clone(), scene.id.clone());
        let done = done.clone();
        all.push(tasks.spawn_local(async move {
            for _ in 0..fastrand::u32(..60) {
                yield_now().await;
            }
            done.unknown.fetch_add(ENDING, SeqCst);
            while store.delete(&id).await.is_err() {}
            done.is_ended.store(true, SeqCst);
        }));
    }
    tasks
        .run_until(async {
            for task in all {
                task.await.unwrap();
            }
        })
        .await;
    scene.fail(0);
    done
}

const ROUNDS: u64 = 100;

const UNDISTURBED: Disturbance = Disturbance {
    failures: 0,
    drops: false,
};

const DISTURBED: Disturbance = Disturbance {
    failures: 10,
    drops: true,
};

fn fleets(scene: &Scene) -> [Vec<Store>; 3] {
    [
        vec![scene.moving(), scene.moving()],
        vec![scene.preparing(), scene.moving()],
        vec![scene.preparing(), scene.preparing()],
    ]
}

#[tokio::test]
async fn no_write_is_lost_and_none_is_doubled() {
    for seed in 0..ROUNDS {
        for (number, how) in [UNDISTURBED, DISTURBED].into_iter().enumerate() {
            for fleet in 0..3 {
                fastrand::seed(seed);
                let scene = Arc::new(Scene::new().await);
                let servers = &fleets(&scene)[fleet];
                let done = run(&scene, servers, how, false).await;
                let acknowledged = done.acknowledged.load(SeqCst);
                let unknown = done.unknown.load(SeqCst);
                let value = scene.value(&servers[0]).await.unwrap();
                let context = format!("seed {seed}, fleet {fleet}, disturbance {number}");
                assert_eq!(acknowledged, 16, "{context}");
                assert!(
                    (acknowledged..=acknowledged + unknown).contains(&value),
                    "{context}: {acknowledged} writes were acknowledged, {unknown} are unknown, and {value} are there"
                );
            }
        }
    }
}

#[tokio::test]
async fn what_has_ended_never_comes_back() {
    for seed in 0..ROUNDS {
        for how in [UNDISTURBED, DISTURBED] {
            for fleet in 0..3 {
                fastrand::seed(seed);
                let scene = Arc::new(Scene::new().await);
                let servers = &fleets(&scene)[fleet];
                run(&scene, servers, how, true).await;
                for store in servers {
                    let value = scene.value(store).await;
                    assert_eq!(value, None, "seed {seed}, fleet {fleet}");
                }
                // A request that was in flight for long, and a placeholder that has expired.
                scene.clock.advance(Duration::from_secs(61));
                let late = scene.record(9);
                let update = |version| {
                    servers[1].update(&scene.id, version, &late, Version::generate(), DAY)
                };
                let outcome = update(Version::generate()).await.unwrap();
                assert_eq!(outcome, UpdateOutcome::Missing);
                assert_eq!(scene.old.memory.count().await.unwrap(), 0, "seed {seed}");
                assert_eq!(scene.new.memory.count().await.unwrap(), 0, "seed {seed}");
            }
        }
    }
}

#[tokio::test]
async fn all_sessions_move_with_their_versions() {
    let scene = Scene::new().await;
    let store = scene.moving();
    let before = scene
        .old
        .memory
        .load(&scene.id, None, Current)
        .await
        .unwrap();
    // A copy that a crashed server has left, and a placeholder.
    let (left, slot) = (SessionId::generate(), SessionId::generate());
    for store in [&scene.old, &scene.new] {
        let record = scene.record(5);
        let created = store
            .memory
            .create(&left, &record, Version::generate(), DAY);
        created.await.unwrap();
    }
    let moved = scene.new.memory.load(&left, None, Current).await.unwrap();
    let text = br#"{"v":3,"c":0,"u":0,"x":0,"p":0,"s":{}}"#;
    let placeholder = Record::decode(text).unwrap();
    let created = scene
        .new
        .memory
        .create(&slot, &placeholder, Version::generate(), DAY);
    created.await.unwrap();
    let record = scene.record(7);
    let created = scene
        .old
        .memory
        .create(&slot, &record, Version::generate(), DAY);
    created.await.unwrap();
    assert_eq!(
        store
            .load(&slot, None, Current)
            .await
            .unwrap()
            .unwrap()
            .record,
        record
    );

    let mut after = None;
    loop {
        after = store
            .move_some(after.as_ref(), NonZeroU32::MIN)
            .await
            .unwrap();
        if after.is_none() {
            break;
        }
    }
    assert_eq!(store.old().count().await.unwrap(), 0);
    assert_eq!(store.count().await.unwrap(), 3);
    let load = async |id| scene.new.memory.load(id, None, Current).await.unwrap();
    assert_eq!(load(&scene.id).await, before);
    assert_eq!(load(&left).await, moved);
    assert_eq!(load(&slot).await.unwrap().record, record);
}

#[tokio::test]
async fn a_store_that_is_down_is_an_error() {
    for (fails_old, fails_new) in [(100, 0), (0, 100)] {
        let scene = Scene::new().await;
        let store = scene.moving();
        let known = scene
            .old
            .memory
            .load(&scene.id, None, Current)
            .await
            .unwrap();
        scene.old.fail(fails_old);
        scene.new.fail(fails_new);
        assert!(store.load(&scene.id, None, Current).await.is_err());
        assert!(store.delete(&scene.id).await.is_err());
        let (record, version) = (scene.record(1), known.unwrap().version);
        let update = store.update(&scene.id, version, &record, Version::generate(), DAY);
        assert!(update.await.is_err());
        scene.fail(0);
        while store.delete(&scene.id).await.is_err() {}
        assert_eq!(scene.value(&store).await, None);
    }
}

#[tokio::test]
async fn a_store_that_moves_sessions_keeps_the_contract() {
    let stores = || (MemorySessionStore::default(), MemorySessionStore::default());
    let moving = move || {
        let (old, new) = stores();
        MigratingStore::new(old, new).unwrap()
    };
    let preparing = move || {
        let (old, new) = stores();
        MigratingStore::prepare(old, new).unwrap()
    };
    store_contract_test_suite(moving).await;
    store_contract_test_suite(preparing).await;
    iterable_store_test_suite(moving).await;
    iterable_store_test_suite(preparing).await;
    clear_test_suite(moving).await;
    clear_test_suite(preparing).await;
    managed_store_test_suite(async || moving()).await;
}

#[tokio::test]
async fn users_stay_signed_in() {
    let (old, new) = (MemorySessionStore::default(), MemorySessionStore::default());
    let key = SealingKey::generate();
    let before = SessionManager::new(old.clone(), key.clone(), Settings::default()).unwrap();
    let session = before.open([]).await.unwrap();
    session.sign_in("ferris").await.unwrap();
    let headers = before
        .commit(&session, &ResponseHead::to("POST"))
        .await
        .unwrap();
    let cookie = headers.set_cookie.unwrap();
    let cookie = cookie.as_str().split(';').next().unwrap();

    let moving = MigratingStore::new(old.clone(), new.clone()).unwrap();
    let meanwhile = SessionManager::new(moving, key.clone(), Settings::default()).unwrap();
    let session = meanwhile.open([cookie.as_bytes()]).await.unwrap();
    assert_eq!(session.subject().as_deref(), Some("ferris"));
    session.insert("theme", "dark").unwrap();
    meanwhile
        .commit(&session, &ResponseHead::to("POST"))
        .await
        .unwrap();
    assert_eq!(old.count().await.unwrap(), 0);

    let after = SessionManager::new(new, key, Settings::default()).unwrap();
    let session = after.open([cookie.as_bytes()]).await.unwrap();
    assert_eq!(session.subject().as_deref(), Some("ferris"));
    assert_eq!(after.sessions().list("ferris").await.unwrap().len(), 1);
}

#[cfg(feature = "cookie-session")]
#[test]
fn sessions_in_cookies_can_not_be_moved() {
    let error = MigratingStore::new(CookieSessionStore::default(), MemorySessionStore::default());
    assert_eq!(error.unwrap_err().kind(), StoreErrorKind::Misconfigured);
    let error =
        MigratingStore::prepare(MemorySessionStore::default(), CookieSessionStore::default());
    assert_eq!(error.unwrap_err().kind(), StoreErrorKind::Misconfigured);
}
