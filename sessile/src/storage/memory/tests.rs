use super::*;
use crate::clock::{ManualClock, Timestamp};

const MINUTE: Duration = Duration::from_secs(60);

fn record(value: &str) -> Record {
    let mut record = Record::new(Timestamp::from_unix_millis(0));
    record.state.insert("value", value).unwrap();
    record
}

#[tokio::test]
async fn time_ends_sessions_by_the_clock_that_was_passed_in() {
    let clock = ManualClock::default();
    let store = MemorySessionStore::builder().clock(clock.clone()).build();
    let stored = store.create(&record("a"), MINUTE).await.unwrap();

    clock.advance(MINUTE);
    assert!(store.load(&stored.key).await.unwrap().is_none());
    let swap = store
        .update(&stored.key, stored.version, &record("b"), MINUTE)
        .await;
    assert!(matches!(swap, Ok(Swap::Gone)));
}

#[tokio::test]
async fn it_stays_within_its_bound_and_keeps_the_newest() {
    let store = MemorySessionStore::builder().max_bytes(100_000).build();
    let mut newest = None;
    for _ in 0..1000 {
        newest = Some(
            store
                .create(&record(&"x".repeat(500)), MINUTE)
                .await
                .unwrap(),
        );
    }
    store.slots.run_pending_tasks();
    assert!(store.slots.weighted_size() <= 100_000);
    assert!(store.slots.entry_count() > 50);
    let newest = newest.unwrap();
    assert!(store.load(&newest.key).await.unwrap().is_some());
}

#[tokio::test]
async fn ended_sessions_leave_no_memory_behind() {
    let store = MemorySessionStore::default();
    for _ in 0..100 {
        let stored = store.create(&record("a"), MINUTE).await.unwrap();
        let renewed = store
            .renew(&stored.key, stored.version, &record("b"), MINUTE)
            .await;
        let Ok(Swap::Stored(renewed)) = renewed else {
            panic!("not renewed: {renewed:?}");
        };
        store.delete(&renewed.key).await.unwrap();
    }
    store.slots.run_pending_tasks();
    assert_eq!(store.slots.entry_count(), 0);
}

#[tokio::test]
async fn expired_sessions_go_by_themselves() {
    let store = MemorySessionStore::default();
    for _ in 0..100 {
        store
            .create(&record("a"), Duration::from_millis(1))
            .await
            .unwrap();
    }
    // The cache has a clock of its own, and looks at it about once a second.
    let deadline = Instant::now() + MINUTE;
    while store.slots.entry_count() > 0 && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(10)).await;
        store.slots.run_pending_tasks();
    }
    assert_eq!(store.slots.entry_count(), 0);
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

/// What a session lives for after a change is counted from there, also where the cache is not told.
#[tokio::test]
async fn the_cache_never_drops_what_still_lives_nor_forgets_what_it_weighs() {
    let store = MemorySessionStore::default();
    let mut at = store.create(&record("a"), MINUTE).await.unwrap();
    for (len, ttl) in [
        (1, MINUTE),
        (100, MINUTE),
        (2, 10 * MINUTE),
        (5000, MINUTE),
        (5010, 10 * MINUTE),
        (1, Duration::MAX),
        (1, MINUTE),
    ] {
        let changed = record(&"x".repeat(len));
        let before = Instant::now();
        let swap = store.update(&at.key, at.version, &changed, ttl).await;
        let Ok(Swap::Stored(stored)) = swap else {
            panic!("not stored: {swap:?}");
        };
        at = stored;
        store.slots.run_pending_tasks();
        let slot = store.slot(&at.key).expect("a slot");
        let told = slot.told();
        let needed = before.checked_add(ttl);
        assert!(
            told.until.is_none() || told.until >= needed,
            "{len} {ttl:?}"
        );
        let weight = u64::from(told.weight);
        assert_eq!(store.slots.weighted_size(), weight);
        assert!(
            (len as u64..3 * len as u64 + 2000).contains(&weight),
            "{len}: {weight}"
        );
    }
}
