//! When sessions end by time, and when their memory is freed.

use super::*;

#[tokio::test]
async fn sessions_expire_by_the_clock_that_was_passed_in() {
    let (store, clock) = store_and_clock();
    let stored = store.created(&record("a"), MINUTE).await;

    clock.advance(MINUTE - Duration::from_millis(1));
    assert!(store.has(&stored).await);
    clock.advance(Duration::from_millis(1));
    assert!(!store.has(&stored).await);
}

#[tokio::test]
async fn an_expired_session_is_missing_and_its_id_is_free() {
    let (store, clock) = store_and_clock();
    let stored = store.created(&record("a"), MINUTE).await;
    clock.advance(MINUTE);
    let updated = store.changed(&stored, &record("b"), MINUTE).await;
    assert_eq!(updated.unwrap(), UpdateOutcome::Missing);

    let Stored { id, version } = store.created(&record("a"), MINUTE).await;
    clock.advance(MINUTE);
    let created = store.create(&id, &record("b"), version, MINUTE).await;
    assert_eq!(created.unwrap(), CreateOutcome::Created);
    assert_eq!(store.loaded(&id).await.unwrap().record, record("b"));
}

#[tokio::test]
async fn a_time_to_live_of_zero_is_over_at_once() {
    let (store, _clock) = store_and_clock();
    let created = store.created(&record("a"), Duration::ZERO).await;
    assert!(!store.has(&created).await);

    let mut updated = store.created(&record("a"), MINUTE).await;
    store
        .updated(&mut updated, &record("b"), Duration::ZERO)
        .await;
    assert!(!store.has(&updated).await);
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn a_life_that_is_cut_short_ends_then() {
    let (store, clock) = store_and_clock();
    let mut stored = store.created(&record("a"), Duration::MAX).await;
    for ttl in [DAY, Duration::MAX, DAY, MINUTE, DAY, MINUTE] {
        store.updated(&mut stored, &record("a"), ttl).await;
        assert_eq!(store.len(), 1);
    }
    clock.advance(MINUTE);
    assert!(!store.has(&stored).await);
    assert_eq!(store.len(), 0);
}

#[tokio::test]
async fn a_life_that_is_extended_ends_later() {
    let (store, clock) = store_and_clock();
    let mut sessions = Vec::new();
    for _ in 0..100 {
        sessions.push(store.created(&record("a"), MINUTE).await);
    }
    for _ in 0..100 {
        clock.advance(MINUTE / 2);
        for stored in &mut sessions {
            store.updated(stored, &record("b"), MINUTE).await;
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
async fn expired_sessions_go_while_one_session_is_read() {
    let (store, clock) = single_shard_and_clock();
    let read = store.created(&record("read"), DAY).await;
    for _ in 0..MANY {
        store.created(&record("a"), MINUTE).await;
    }
    for _ in 0..MANY {
        assert!(store.has(&read).await);
    }
    assert_eq!(store.len(), MANY + 1);

    clock.advance(MINUTE);
    for _ in 0..MANY {
        let before = store.len();
        assert!(store.has(&read).await);
        // A few at a time: no request pays for all.
        assert!(before - store.len() <= 2);
    }
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn expired_sessions_go_while_nothing_is_found() {
    let (store, clock) = store_and_clock();
    for _ in 0..MANY {
        store.created(&record("a"), MINUTE).await;
    }
    clock.advance(MINUTE);
    for _ in 0..2 * MANY {
        assert_eq!(store.loaded(&SessionId::generate()).await, None);
    }
    assert_eq!(store.checked(), (0, 0));
}

#[tokio::test]
async fn expired_sessions_go_while_others_are_created() {
    let (store, clock) = single_shard_and_clock();
    for _ in 0..10 {
        for _ in 0..MANY {
            store.created(&record("a"), MINUTE).await;
        }
        assert!(store.len() <= 2 * MANY);
        clock.advance(MINUTE);
    }
    for _ in 0..MANY {
        store.created(&record("a"), DAY).await;
    }
    assert_eq!(store.len(), MANY);
}

#[tokio::test]
async fn room_for_many_sessions_is_given_back() {
    let (store, clock) = store_and_clock();
    let room = || {
        store
            .shared
            .shards
            .iter()
            .map(|it| it.lock().unwrap().capacity())
    };
    for _ in 0..20_000 {
        store.created(&record("a"), MINUTE).await;
    }
    assert!(room().sum::<usize>() >= 20_000);
    clock.advance(MINUTE);
    for _ in 0..40_000 {
        store.loaded(&SessionId::generate()).await;
    }
    assert_eq!(store.len(), 0);
    assert!(room().max() < Some(100));
}
