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
