use std::{
    collections::{HashMap, HashSet},
    iter,
};

use super::{builder::MIN_SHARE, shard::footprint, *};
use crate::clock::{Clock as _, ManualClock};

mod bounds;
mod expiry;
mod model;
mod races;
#[cfg(feature = "metrics")]
mod recorder;
mod size;
mod subjects;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// So many that each of 64 shards has some.
const MANY: usize = 2000;

/// A bound that is reached soon. There is one shard.
const SMALL: u64 = 100_000;

fn record(value: &str) -> Record {
    let mut record = Record::new(Timestamp::from_unix_millis(0));
    record.state.insert("value", value).unwrap();
    record
}

fn record_of(len: usize) -> Record {
    record(&"x".repeat(len))
}

/// The default bound, and a clock that only the test moves.
fn store_and_clock() -> (MemorySessionStore, ManualClock) {
    let clock = ManualClock::default();
    let store = MemorySessionStore::builder().clock(clock.clone()).build();
    (store, clock)
}

/// The same with one shard, so that it is certain which operations see which sessions.
fn single_shard_and_clock() -> (MemorySessionStore, ManualClock) {
    let clock = ManualClock::default();
    let builder = MemorySessionStore::builder().max_bytes(MIN_SHARE);
    (builder.clock(clock.clone()).build(), clock)
}

fn small_store() -> MemorySessionStore {
    MemorySessionStore::builder().max_bytes(SMALL).build()
}

/// A stored session.
#[derive(Clone)]
struct Stored {
    id: SessionId,
    version: Version,
}

impl MemorySessionStore {
    /// The number of sessions, expired or not, and their bytes, after a check of every shard.
    fn checked(&self) -> (usize, usize) {
        let shards = self.shared.shards.iter();
        let each = shards.map(|shard| shard.lock().unwrap().checked());
        each.fold((0, 0), |(len, bytes), it| (len + it.0.len(), bytes + it.1))
    }

    pub(crate) fn len(&self) -> usize {
        self.checked().0
    }

    async fn loaded(&self, id: &SessionId) -> Option<Loaded> {
        self.load(id, None, Freshness::Current).await.unwrap()
    }

    async fn has(&self, stored: &Stored) -> bool {
        self.loaded(&stored.id).await.is_some()
    }

    async fn created(&self, record: &Record, ttl: Duration) -> Stored {
        let (id, version) = (SessionId::generate(), Version::generate());
        let created = self.create(&id, record, version, ttl).await;
        assert_eq!(created.unwrap(), CreateOutcome::Created);
        Stored { id, version }
    }

    /// The outcome of an update of the session as it was last stored.
    async fn changed(
        &self,
        stored: &Stored,
        record: &Record,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let (id, version) = (&stored.id, Version::generate());
        self.update(id, stored.version, record, version, ttl).await
    }

    async fn updated(&self, stored: &mut Stored, record: &Record, ttl: Duration) {
        let expected = stored.version;
        stored.version = Version::generate();
        let updated = self.update(&stored.id, expected, record, stored.version, ttl);
        assert_eq!(updated.await.unwrap(), UpdateOutcome::Updated);
    }
}

#[tokio::test]
async fn a_create_never_overwrites() {
    let store = MemorySessionStore::default();
    let stored = store.created(&record("a"), MINUTE).await;
    let Stored { id, version } = &stored;
    for version in [*version, Version::generate()] {
        let created = store.create(id, &record("b"), version, DAY).await;
        assert_eq!(created.unwrap(), CreateOutcome::Taken);
    }
    let (record, version) = (record("a"), *version);
    assert_eq!(store.loaded(id).await, Some(Loaded { record, version }));
}

#[tokio::test]
async fn an_update_that_expects_another_version_changes_nothing() {
    let store = MemorySessionStore::default();
    let mut stored = store.created(&record("a"), MINUTE).await;
    let stale = stored.clone();
    store.updated(&mut stored, &record("b"), MINUTE).await;

    let updated = store.changed(&stale, &record("c"), MINUTE).await;
    assert_eq!(updated.unwrap(), UpdateOutcome::Conflict);
    let Stored { id, version } = stored;
    let record = record("b");
    assert_eq!(store.loaded(&id).await, Some(Loaded { record, version }));
}

#[tokio::test]
async fn an_update_that_is_repeated_is_reported_as_updated() {
    let store = MemorySessionStore::default();
    let Stored { id, version } = store.created(&record("a"), MINUTE).await;
    let (next, record) = (Version::generate(), record("b"));
    for expected in [version, version, Version::generate()] {
        let updated = store.update(&id, expected, &record, next, MINUTE).await;
        assert_eq!(updated.unwrap(), UpdateOutcome::Updated);
    }
    let loaded = store.loaded(&id).await.unwrap();
    assert_eq!((loaded.record, loaded.version), (record, next));
}

#[tokio::test]
async fn an_update_never_brings_a_session_back() {
    let store = MemorySessionStore::default();
    let stored = store.created(&record("a"), MINUTE).await;
    store.delete(&stored.id).await.unwrap();
    let updated = store.changed(&stored, &record("b"), MINUTE).await;
    assert_eq!(updated.unwrap(), UpdateOutcome::Missing);
    assert!(!store.has(&stored).await);
    assert_eq!(store.checked(), (0, 0));
}

#[tokio::test]
async fn deleted_sessions_leave_nothing_behind() {
    let store = MemorySessionStore::default();
    for _ in 0..100 {
        let mut stored = store.created(&record("a"), DAY).await;
        store.updated(&mut stored, &record("b"), DAY).await;
        for _ in 0..2 {
            store.delete(&stored.id).await.unwrap();
            assert_eq!(store.checked(), (0, 0));
        }
    }
}

#[test]
fn debug_shows_no_session() {
    let store = format!("{:?}", MemorySessionStore::default());
    assert_eq!(store, "MemorySessionStore { .. }");
}

/// Threads run every operation at once, on a few sessions in a store that has room for fewer. Each
/// session counts its changes.
#[test]
fn threads_see_only_what_one_of_them_wrote() {
    const SESSIONS: usize = 8;
    const ROUNDS: usize = 3000;

    let store = MemorySessionStore::builder().max_bytes(2000).build();
    // The newest session at each of a few places.
    let places: Vec<Mutex<SessionId>> = iter::repeat_with(SessionId::generate)
        .map(Mutex::new)
        .take(SESSIONS)
        .collect();
    // The sessions that a thread deleted.
    let deleted: Mutex<HashSet<SessionId>> = Mutex::default();
    // The count that each write was to store, by its version.
    let writes: Mutex<HashMap<u64, u64>> = Mutex::default();
    // The counts that were stored, each by one write.
    let stored: Mutex<HashSet<(SessionId, u64)>> = Mutex::default();
    let new_version = |count| {
        let version = Version::generate();
        writes.lock().unwrap().insert(version.get(), count);
        version
    };

    let work = async |seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..ROUNDS {
            let place = &places[random.usize(..SESSIONS)];
            let id = place.lock().unwrap().clone();
            let was_deleted = deleted.lock().unwrap().contains(&id);
            let loaded = store.loaded(&id).await;
            assert!(!(was_deleted && loaded.is_some()), "it came back");
            let Some(loaded) = loaded else {
                let id = SessionId::generate();
                let created = store.create(&id, &record("0"), new_version(0), DAY).await;
                assert_eq!(created.unwrap(), CreateOutcome::Created);
                *place.lock().unwrap() = id;
                continue;
            };
            let count: String = loaded.record.state.get("value").unwrap().unwrap();
            let count: u64 = count.parse().unwrap();
            assert_eq!(writes.lock().unwrap()[&loaded.version.get()], count);
            if random.u8(..10) == 0 {
                store.delete(&id).await.unwrap();
                deleted.lock().unwrap().insert(id);
                continue;
            }
            let was_deleted = deleted.lock().unwrap().contains(&id);
            let next = record(&(count + 1).to_string());
            let version = new_version(count + 1);
            let updated = store.update(&id, loaded.version, &next, version, DAY).await;
            if updated.unwrap() == UpdateOutcome::Updated {
                assert!(!was_deleted, "it was changed after its end");
                let is_first = stored.lock().unwrap().insert((id, count + 1));
                assert!(is_first, "two writes followed the same one");
            }
            assert!(store.checked().1 <= 2000);
        }
    };
    let run = |seed| {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(work(seed));
    };
    std::thread::scope(|scope| {
        for seed in 0..4 {
            scope.spawn(move || run(seed));
        }
    });
    assert!(stored.into_inner().unwrap().len() > ROUNDS / 2);
}
