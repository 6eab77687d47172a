use std::collections::HashSet;

use super::{shard::SAME_TIME, *};
use crate::{
    clock::{ManualClock, Timestamp},
    key::generate_session_key,
    storage::{StoreErrorKind, Version},
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// So many that each of 64 shards has some.
const MANY: usize = 2000;

fn record(value: &str) -> Record {
    let mut record = Record::new(Timestamp::from_unix_millis(0));
    record.state.insert("value", value).unwrap();
    record
}

fn record_of(len: usize) -> Record {
    record(&"x".repeat(len))
}

/// A store on a clock that only the test moves.
fn store_and_clock() -> (MemorySessionStore, ManualClock) {
    let clock = ManualClock::default();
    let store = MemorySessionStore::builder().clock(clock.clone()).build();
    (store, clock)
}

/// The same with little room, in one shard.
fn small_store_and_clock() -> (MemorySessionStore, ManualClock) {
    let clock = ManualClock::default();
    let builder = MemorySessionStore::builder().max_bytes(100_000);
    (builder.clock(clock.clone()).build(), clock)
}

impl MemorySessionStore {
    /// How many sessions there are, live or not, and what they weigh, once every shard was checked.
    fn checked(&self) -> (usize, u64) {
        let shards = self.shards.iter();
        let each = shards.map(|shard| shard.lock().unwrap().checked());
        each.fold((0, 0), |(len, weight), it| (len + it.0, weight + it.1))
    }

    fn len(&self) -> usize {
        self.checked().0
    }

    async fn has(&self, stored: &Stored) -> bool {
        self.load(&stored.key).await.unwrap().is_some()
    }

    async fn updated(&self, at: &Stored, record: &Record, ttl: Duration) -> Stored {
        let swap = self.update(&at.key, at.version, record, ttl).await.unwrap();
        let Swap::Stored(stored) = swap else {
            panic!("not stored: {swap:?}");
        };
        stored
    }
}

#[tokio::test]
async fn time_ends_sessions_by_the_clock_that_was_passed_in() {
    let (store, clock) = store_and_clock();
    let stored = store.create(&record("a"), MINUTE).await.unwrap();

    clock.advance(MINUTE);
    assert!(!store.has(&stored).await);
    let swap = store
        .update(&stored.key, stored.version, &record("b"), MINUTE)
        .await;
    assert!(matches!(swap, Ok(Swap::Gone)));
}

#[tokio::test]
async fn a_failed_renewal_leaves_the_old_key_alone() {
    let store = MemorySessionStore::default();
    let stored = store.create(&record("a"), MINUTE).await.unwrap();
    let stale = Version::new(7);
    let swap = store.renew(&stored.key, stale, &record("b"), MINUTE).await;
    assert!(matches!(swap, Ok(Swap::Conflict)));
    let loaded = store.load(&stored.key).await.unwrap().unwrap();
    assert_eq!(loaded.record, record("a"));
}

#[tokio::test]
async fn keys_of_another_form_lead_nowhere() {
    let store = MemorySessionStore::default();
    let key = SessionKey::try_from("Legacy64".to_owned()).unwrap();
    assert!(store.load(&key).await.unwrap().is_none());
    let swap = store
        .update(&key, Version::new(0), &record("a"), MINUTE)
        .await;
    assert!(matches!(swap, Ok(Swap::Gone)));
    store.delete(&key).await.unwrap();
}

#[test]
fn the_shares_of_all_shards_are_no_more_than_the_bound() {
    for (max_bytes, shards) in [
        (0, 1),
        (1000, 1),
        (LEAST_SHARE * 2 - 1, 1),
        (LEAST_SHARE * 2, 2),
        (LEAST_SHARE * 7 + 5, 7),
        (256 * 1024 * 1024, 64),
        (MOST_SHARE * 64, 64),
        (u64::MAX, 64),
    ] {
        let store = MemorySessionStore::builder().max_bytes(max_bytes).build();
        assert_eq!(store.shards.len(), shards, "{max_bytes}");
        let shares = store.shards.iter();
        let shares: u64 = shares.map(|it| it.lock().unwrap().max_weight()).sum();
        let max_bytes = max_bytes.min(MOST_SHARE * 64);
        assert!(shares <= max_bytes && max_bytes - shares < 64);
    }
}

/// What fills the store is never used again. Each new session finds room, and stays while there are
/// older ones.
#[tokio::test]
async fn it_is_within_its_bound_after_every_operation_and_keeps_the_newest() {
    let store = MemorySessionStore::builder().max_bytes(100_000).build();
    let mut created = Vec::new();
    for turn in 0..500 {
        created.push(store.create(&record_of(turn), MINUTE).await.unwrap());
        assert!(store.checked().1 <= 100_000);
    }
    let len = store.len();
    assert!(len > 50);
    let (ended, kept) = created.split_at(created.len() - len);
    for stored in ended {
        assert!(!store.has(stored).await);
    }
    for stored in kept {
        assert!(store.has(stored).await);
    }
}

#[tokio::test]
async fn what_is_used_stays() {
    let (store, clock) = small_store_and_clock();
    let read = store.create(&record("read"), DAY).await.unwrap();
    let mut changed = store.create(&record("changed"), DAY).await.unwrap();
    let neither = store.create(&record("neither"), DAY).await.unwrap();
    for _ in 0..1000 {
        store.create(&record_of(500), DAY).await.unwrap();
        clock.advance(SAME_TIME);
        assert!(store.has(&read).await);
        changed = store.updated(&changed, &record("changed"), DAY).await;
    }
    assert!(!store.has(&neither).await);
}

#[tokio::test]
async fn uses_that_follow_each_other_count_as_one() {
    let (store, clock) = small_store_and_clock();
    let first = store.create(&record("first"), DAY).await.unwrap();
    clock.advance(SAME_TIME - Duration::from_millis(1));
    let second = store.create(&record("second"), DAY).await.unwrap();
    assert!(store.has(&first).await);

    while store.has(&second).await {
        store.create(&record_of(500), DAY).await.unwrap();
    }
    assert!(!store.has(&first).await);
}

#[tokio::test]
async fn a_wrong_secret_is_no_use() {
    let (store, clock) = small_store_and_clock();
    let first = store.create(&record("first"), DAY).await.unwrap();
    let second = store.create(&record("second"), DAY).await.unwrap();
    clock.advance(SAME_TIME);
    assert!(store.load(&first.key.renewed()).await.unwrap().is_none());

    // Of the two the first goes first, so it was not put behind the other.
    let mut created = 0;
    while store.len() == created + 2 {
        store.create(&record_of(1), DAY).await.unwrap();
        created += 1;
    }
    assert!(!store.has(&first).await && store.has(&second).await);
}

#[tokio::test]
async fn a_session_that_grows_ends_others_and_not_itself() {
    let (store, _) = small_store_and_clock();
    let oldest = store.create(&record_of(1), DAY).await.unwrap();
    while store.checked().1 < 90_000 {
        store.create(&record_of(1), DAY).await.unwrap();
    }
    let before = store.len();
    let grown = store.updated(&oldest, &record_of(50_000), DAY).await;
    assert!(store.has(&grown).await);
    assert!((2..before).contains(&store.len()));
}

#[tokio::test]
async fn a_session_that_grows_makes_room_as_well() {
    let (store, clock) = small_store_and_clock();
    let mut grows = store.create(&record_of(1), DAY).await.unwrap();
    for _ in 0..1000 {
        store.create(&record_of(1), DAY).await.unwrap();
        clock.advance(SAME_TIME);
        grows = store.updated(&grows, &record_of(1), DAY).await;
    }
    let before = store.len();
    grows = store.updated(&grows, &record_of(50_000), DAY).await;
    let (len, weight) = store.checked();
    assert!(len < before * 6 / 10 && weight <= 100_000);
    assert!(store.has(&grows).await);

    // What is smaller again leaves its room to others.
    grows = store.updated(&grows, &record_of(1), DAY).await;
    for _ in 0..1000 {
        store.create(&record_of(1), DAY).await.unwrap();
        clock.advance(SAME_TIME);
        assert!(store.has(&grows).await);
    }
    assert_eq!(store.len(), before);
}

#[tokio::test]
async fn a_session_that_could_never_fit_is_refused() {
    let store = MemorySessionStore::builder().max_bytes(100_000).build();
    let other = store.create(&record("other"), MINUTE).await.unwrap();
    let too_large = record_of(100_000);

    let error = store.create(&too_large, MINUTE).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Denied);

    let at = store.create(&record("a"), MINUTE).await.unwrap();
    let update = store.update(&at.key, at.version, &too_large, MINUTE).await;
    assert_eq!(update.unwrap_err().kind(), StoreErrorKind::Denied);
    let loaded = store.load(&at.key).await.unwrap().unwrap();
    assert_eq!((loaded.record, loaded.version), (record("a"), at.version));
    assert!(store.has(&other).await);

    // There is nothing to refuse where there is nothing.
    store.delete(&at.key).await.unwrap();
    let update = store.update(&at.key, at.version, &too_large, MINUTE).await;
    assert!(matches!(update, Ok(Swap::Gone)));
}

#[tokio::test]
async fn what_a_session_weighs_follows_its_changes() {
    let store = MemorySessionStore::default();
    let mut at = store.create(&record_of(0), MINUTE).await.unwrap();
    let empty = store.checked().1;
    for len in [1, 100, 2, 5000, 5010, 0] {
        at = store.updated(&at, &record_of(len), MINUTE).await;
        let other = MemorySessionStore::default();
        other.create(&record_of(len), MINUTE).await.unwrap();
        assert_eq!(store.checked(), other.checked());
        let more = store.checked().1 - empty;
        assert!((len as u64..len as u64 + 10).contains(&more), "{more}");
    }
    store.delete(&at.key).await.unwrap();
    assert_eq!(store.checked(), (0, 0));
}

#[tokio::test]
async fn ended_sessions_leave_nothing_behind() {
    let store = MemorySessionStore::default();
    for _ in 0..100 {
        let stored = store.create(&record("a"), DAY).await.unwrap();
        let renewed = store
            .renew(&stored.key, stored.version, &record("b"), DAY)
            .await;
        let Ok(Swap::Stored(renewed)) = renewed else {
            panic!("not renewed: {renewed:?}");
        };
        // Also by the key from before.
        store.delete(&stored.key).await.unwrap();
        assert!(!store.has(&renewed).await);
        assert_eq!(store.checked(), (0, 0));
    }
}

#[tokio::test]
async fn what_led_to_an_ended_session_does_not_lead_to_the_next_one_in_its_slot() {
    let (store, _) = small_store_and_clock();
    let place = |stored: &Stored| store.find(&stored.key).unwrap().1.place;
    let mut at = store.create(&record("first"), DAY).await.unwrap();
    let mut ended = Vec::new();
    for _ in 0..20 {
        store.delete(&at.key).await.unwrap();
        let next = store.create(&record("next"), DAY).await.unwrap();
        assert_eq!(place(&next), place(&at));
        ended.push(at);
        for Stored { key, version } in &ended {
            assert!(store.load(key).await.unwrap().is_none());
            for swap in [
                store.update(key, *version, &record("x"), DAY).await,
                store.renew(key, *version, &record("x"), DAY).await,
            ] {
                assert!(matches!(swap, Ok(Swap::Gone)), "{swap:?}");
            }
            store.delete(key).await.unwrap();
        }
        let loaded = store.load(&next.key).await.unwrap().unwrap();
        assert_eq!(loaded.record, record("next"));
        at = next;
    }
}

#[tokio::test]
async fn expired_sessions_go_while_one_session_is_read() {
    let (store, clock) = store_and_clock();
    let read = store.create(&record("read"), DAY).await.unwrap();
    for _ in 0..MANY {
        store.create(&record("a"), MINUTE).await.unwrap();
    }
    for _ in 0..MANY {
        assert!(store.has(&read).await);
    }
    assert_eq!(store.len(), MANY + 1);

    clock.advance(MINUTE);
    for _ in 0..2 * MANY {
        let before = store.len();
        assert!(store.has(&read).await);
        // A few at a time: no request pays for all.
        assert!(before - store.len() <= 8);
    }
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn expired_sessions_go_while_nothing_is_found() {
    let (store, clock) = store_and_clock();
    for _ in 0..MANY {
        store.create(&record("a"), MINUTE).await.unwrap();
    }
    clock.advance(MINUTE);
    let key = generate_session_key();
    for _ in 0..2 * MANY {
        assert!(store.load(&key).await.unwrap().is_none());
    }
    assert_eq!(store.checked(), (0, 0));
}

#[tokio::test]
async fn expired_sessions_go_while_others_are_created() {
    let (store, clock) = store_and_clock();
    for _ in 0..10 {
        for _ in 0..MANY {
            store.create(&record("a"), MINUTE).await.unwrap();
        }
        assert!(store.len() <= 2 * MANY);
        clock.advance(MINUTE);
    }
    for _ in 0..MANY {
        store.create(&record("a"), DAY).await.unwrap();
    }
    assert_eq!(store.len(), MANY);
}

/// However often a life is extended, the session is in the queue once (see `Shard::checked`), and goes
/// when it ends, not before.
#[tokio::test]
async fn sessions_go_when_their_extended_life_ends() {
    let (store, clock) = store_and_clock();
    let mut sessions = Vec::new();
    for _ in 0..100 {
        sessions.push(store.create(&record("a"), MINUTE).await.unwrap());
    }
    for _ in 0..100 {
        clock.advance(MINUTE / 2);
        for stored in &mut sessions {
            *stored = store.updated(stored, &record("b"), MINUTE).await;
        }
        assert_eq!(store.len(), 100);
    }
    clock.advance(MINUTE / 2);
    for stored in &sessions {
        assert!(store.has(stored).await);
    }
    clock.advance(MINUTE / 2);
    for stored in &sessions {
        assert!(!store.has(stored).await);
    }
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn a_life_that_is_cut_short_ends_then() {
    let (store, clock) = store_and_clock();
    let mut at = store.create(&record("a"), Duration::MAX).await.unwrap();
    for ttl in [DAY, Duration::MAX, DAY, MINUTE, DAY, MINUTE] {
        at = store.updated(&at, &record("a"), ttl).await;
        assert_eq!(store.len(), 1);
    }
    clock.advance(MINUTE);
    assert!(!store.has(&at).await);
    assert_eq!(store.len(), 0);

    let at = store.create(&record("a"), Duration::ZERO).await.unwrap();
    assert!(!store.has(&at).await);
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn room_for_many_is_given_back() {
    let (store, clock) = store_and_clock();
    let room = || store.shards.iter().map(|it| it.lock().unwrap().room());
    for _ in 0..20_000 {
        store.create(&record("a"), MINUTE).await.unwrap();
    }
    assert!(room().sum::<usize>() >= 20_000);
    clock.advance(MINUTE);
    let key = generate_session_key();
    for _ in 0..40_000 {
        store.load(&key).await.unwrap();
    }
    assert_eq!(store.len(), 0);
    assert!(room().max() < Some(100));
}

/// Threads do everything at once with few sessions in a store that has room for fewer. Each session
/// holds how often it was changed, which its version says as well.
#[test]
fn threads_never_see_what_one_of_them_could_not_have_done() {
    const SESSIONS: usize = 8;
    const ROUNDS: usize = 3000;

    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap()
    };
    let max_bytes = 1700;
    let store = MemorySessionStore::builder().max_bytes(max_bytes).build();
    let first = runtime().block_on(store.create(&record("0"), DAY)).unwrap();
    // Of each session the key that was seen last.
    let seen: Vec<_> = (0..SESSIONS)
        .map(|_| Mutex::new(first.key.clone()))
        .collect();
    // The ids of those that somebody ended.
    let ended: Mutex<HashSet<String>> = Mutex::default();
    // The versions that were stored, each by one thread.
    let swaps: Mutex<HashSet<(String, u64)>> = Mutex::default();

    let work = |seed| {
        let mut random = fastrand::Rng::with_seed(seed);
        runtime().block_on(async {
            for _ in 0..ROUNDS {
                let place = &seen[random.usize(..SESSIONS)];
                let key = place.lock().unwrap().clone();
                let was_ended = ended.lock().unwrap().contains(key.id());
                let loaded = store.load(&key).await.unwrap();
                assert!(!(was_ended && loaded.is_some()), "it came back");
                let Some(loaded) = loaded else {
                    let new = store.create(&record("0"), DAY).await.unwrap();
                    *place.lock().unwrap() = new.key;
                    continue;
                };
                let count: String = loaded.record.state.get("value").unwrap().unwrap();
                let count: u64 = count.parse().unwrap();
                assert_eq!(loaded.version.get(), count, "a change was lost");
                let next = record(&(count + 1).to_string());
                let was_ended = ended.lock().unwrap().contains(key.id());
                let swap = match random.u8(..10) {
                    0 => {
                        store.delete(&key).await.unwrap();
                        ended.lock().unwrap().insert(key.id().to_owned());
                        continue;
                    }
                    1..4 => store.renew(&key, loaded.version, &next, DAY).await,
                    _ => store.update(&key, loaded.version, &next, DAY).await,
                };
                if let Swap::Stored(stored) = swap.unwrap() {
                    assert!(!was_ended, "it was changed after its end");
                    assert_eq!(stored.version.get(), count + 1);
                    let swap = (key.id().to_owned(), count + 1);
                    assert!(swaps.lock().unwrap().insert(swap), "two won");
                    let mut place = place.lock().unwrap();
                    if place.id() == stored.key.id() {
                        *place = stored.key;
                    }
                }
                assert!(store.checked().1 <= max_bytes);
            }
        });
    };
    let work = &work;
    std::thread::scope(|scope| {
        for seed in 0..4 {
            scope.spawn(move || work(seed));
        }
    });
    assert!(swaps.into_inner().unwrap().len() > ROUNDS / 2);
}
