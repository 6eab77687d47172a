//! Which sessions are evicted, and which are refused.

use super::*;

#[test]
fn the_shares_of_all_shards_are_no_more_than_the_bound() {
    for (max_bytes, shards) in [
        (0, 1),
        (1000, 1),
        (MIN_SHARE * 2 - 1, 1),
        (MIN_SHARE * 2, 2),
        (MIN_SHARE * 7 + 5, 7),
        (256 * 1024 * 1024, 64),
        (u64::MAX, 64),
    ] {
        let store = MemorySessionStore::builder().max_bytes(max_bytes).build();
        assert_eq!(store.shared.shards.len(), shards, "{max_bytes}");
        let shares = store.shared.shards.iter();
        let shares: u64 = shares
            .map(|shard| shard.lock().unwrap().max_bytes() as u64)
            .sum();
        assert!(shares <= max_bytes && max_bytes - shares < 64);
    }
}

#[tokio::test]
async fn the_bound_holds_after_every_create_and_the_newest_sessions_stay() {
    let store = small_store();
    let mut created = Vec::new();
    for len in 0..500 {
        created.push(store.created(&record_of(len), MINUTE).await);
        assert!(store.checked().1 <= SMALL as usize);
    }
    let len = store.len();
    assert!(len > 50);
    let (evicted, kept) = created.split_at(created.len() - len);
    for stored in evicted {
        assert!(!store.has(stored).await);
    }
    for stored in kept {
        assert!(store.has(stored).await);
    }
}

#[tokio::test]
async fn a_session_that_is_used_stays() {
    let store = small_store();
    let read = store.created(&record("read"), DAY).await;
    let mut changed = store.created(&record("changed"), DAY).await;
    let neither = store.created(&record("neither"), DAY).await;
    for _ in 0..1000 {
        store.created(&record_of(500), DAY).await;
        assert!(store.has(&read).await);
        store.updated(&mut changed, &record("changed"), DAY).await;
    }
    assert!(!store.has(&neither).await);
}

#[tokio::test]
async fn a_session_that_grows_evicts_others_and_not_itself() {
    let store = small_store();
    let mut oldest = store.created(&record_of(1), DAY).await;
    let second = store.created(&record_of(1), DAY).await;
    let mut newest = second.clone();
    while store.checked().1 < 90_000 {
        newest = store.created(&record_of(1), DAY).await;
    }
    let before = store.len();
    store.updated(&mut oldest, &record_of(50_000), DAY).await;
    assert!((2..before).contains(&store.len()));
    assert!(store.has(&oldest).await && store.has(&newest).await);
    assert!(!store.has(&second).await);
}

#[tokio::test]
async fn a_session_that_shrinks_leaves_its_room_to_others() {
    let store = small_store();
    let mut shrinks = store.created(&record_of(1), DAY).await;
    for _ in 0..1000 {
        store.created(&record_of(1), DAY).await;
        assert!(store.has(&shrinks).await);
    }
    let before = store.len();
    store.updated(&mut shrinks, &record_of(50_000), DAY).await;
    assert!(store.len() < before * 6 / 10);
    store.updated(&mut shrinks, &record_of(1), DAY).await;
    for _ in 0..1000 {
        store.created(&record_of(1), DAY).await;
        assert!(store.has(&shrinks).await);
    }
    assert_eq!(store.len(), before);
}

#[tokio::test]
async fn a_session_that_could_never_fit_is_refused_and_nothing_changes() {
    let store = small_store();
    let too_large = record_of(SMALL as usize);
    let is_refused =
        |error: &StoreError| error.kind() == StoreErrorKind::TooLarge && !error.may_have_happened();
    let other = store.created(&record("other"), MINUTE).await;
    let mut stored = store.created(&record("a"), MINUTE).await;
    let before = store.checked();

    let (id, version) = (SessionId::generate(), Version::generate());
    let created = store.create(&id, &too_large, version, MINUTE).await;
    assert!(created.as_ref().is_err_and(is_refused), "{created:?}");
    let updated = store.changed(&stored, &too_large, MINUTE).await;
    assert!(updated.as_ref().is_err_and(is_refused), "{updated:?}");

    assert_eq!(store.checked(), before);
    assert_eq!(store.loaded(&id).await, None);
    let loaded = store.loaded(&stored.id).await.unwrap();
    assert_eq!(
        (loaded.record, loaded.version),
        (record("a"), stored.version)
    );
    assert!(store.has(&other).await);
    store.updated(&mut stored, &record("b"), MINUTE).await;

    store.delete(&stored.id).await.unwrap();
    let updated = store.changed(&stored, &too_large, MINUTE).await;
    assert_eq!(updated.unwrap(), UpdateOutcome::Missing);
}

#[tokio::test]
async fn a_session_as_large_as_its_shard_fits() {
    let len = SMALL as usize - footprint(&record_of(0).compacted());
    let store = small_store();
    let other = store.created(&record("other"), MINUTE).await;
    let whole = store.created(&record_of(len), MINUTE).await;
    assert_eq!(store.checked(), (1, SMALL as usize));
    assert!(store.has(&whole).await && !store.has(&other).await);
    let refused = store.changed(&whole, &record_of(len + 1), MINUTE).await;
    assert!(refused.is_err());
    assert!(store.has(&whole).await);
}

#[tokio::test]
async fn the_bytes_of_a_session_follow_its_changes() {
    let store = MemorySessionStore::default();
    let mut stored = store.created(&record_of(0), MINUTE).await;
    let empty = store.checked().1;
    for len in [1, 100, 2, 5000, 5010, 0] {
        store.updated(&mut stored, &record_of(len), MINUTE).await;
        assert_eq!(store.checked(), (1, empty + len));
    }
    store.delete(&stored.id).await.unwrap();
    assert_eq!(store.checked(), (0, 0));
}
