use std::thread;

use super::{
    statements::{DELETE, LOAD, SWAP, SWAP_INDEXED, VERSION},
    *,
};

#[tokio::test]
async fn an_update_has_four_outcomes() {
    let (_, store) = in_memory().await;
    let (a, b, c) = (Version::new(1), Version::new(u64::MAX), Version::new(3));
    let id = SessionId::generate();
    store.create(&id, &record("a"), a, MINUTE).await.unwrap();

    let stored_b = store.update(&id, a, &record("b"), b, MINUTE).await;
    assert_eq!(stored_b.unwrap(), UpdateOutcome::Updated);
    let repeated = store.update(&id, a, &record("b"), b, MINUTE).await;
    assert_eq!(repeated.unwrap(), UpdateOutcome::Updated);
    let outdated = store.update(&id, a, &record("c"), c, MINUTE).await;
    assert_eq!(outdated.unwrap(), UpdateOutcome::Conflict);
    let (record_b, version) = (record("b"), b);
    let loaded = load(&store, &id).await.unwrap();
    assert_eq!(
        loaded,
        Some(Loaded {
            record: record_b,
            version
        })
    );

    store.delete(&id).await.unwrap();
    let missing = store.update(&id, b, &record("c"), c, MINUTE).await;
    assert_eq!(missing.unwrap(), UpdateOutcome::Missing);
    assert_eq!(rows(&store).await, 0);
}

#[tokio::test]
async fn an_update_that_writes_an_index_has_the_same_outcomes() {
    let (_, store) = in_memory().await;
    let (a, b, c) = (Version::new(1), Version::new(2), Version::new(3));
    let (id, user) = (SessionId::generate(), signed_in("ferris", "sid-1"));
    store.create(&id, &record("a"), a, MINUTE).await.unwrap();

    let outdated = store.update(&id, b, &user, c, MINUTE).await;
    assert_eq!(outdated.unwrap(), UpdateOutcome::Conflict);
    assert_eq!(stored(&store, &id).await, Some(record("a")));
    for _ in 0..2 {
        let updated = store.update(&id, a, &user, b, MINUTE).await;
        assert_eq!(updated.unwrap(), UpdateOutcome::Updated);
        assert_eq!(stored(&store, &id).await, Some(user.clone()));
    }
}

#[tokio::test]
async fn a_live_record_is_never_overwritten_by_create() {
    let (_, store) = in_memory().await;
    let (id, _) = create(&store, &record("a"), MINUTE).await;
    let version = Version::generate();
    let again = store.create(&id, &record("b"), version, MINUTE).await;
    assert_eq!(again.unwrap(), CreateOutcome::Taken);
    assert_eq!(stored(&store, &id).await, Some(record("a")));
}

#[tokio::test]
async fn an_expired_record_is_replaced_by_create() {
    let (clock, store) = in_memory().await;
    let (id, _) = create(&store, &signed_in("ferris", "sid-1"), MINUTE).await;
    clock.advance(MINUTE);
    let version = Version::generate();
    let again = store.create(&id, &record("b"), version, MINUTE).await;
    assert_eq!(again.unwrap(), CreateOutcome::Created);
    assert_eq!(stored(&store, &id).await, Some(record("b")));
    assert_eq!(columns(&store).await, (None, None, None));
    assert_eq!(store.delete_expired(9).await.unwrap(), 0);
}

#[tokio::test]
async fn an_id_with_the_same_slot_is_taken_and_otherwise_not_there() {
    let (clock, store) = in_memory().await;
    let session = create(&store, &record("a"), MINUTE).await;
    let mut bytes = *session.0.as_bytes();
    bytes[15] ^= 1;
    let (other, version) = (SessionId::from_bytes(bytes), Version::generate());

    let taken = store.create(&other, &record("b"), version, MINUTE).await;
    assert_eq!(taken.unwrap(), CreateOutcome::Taken);
    assert_eq!(stored(&store, &other).await, None);
    let missing = update(&store, &(other.clone(), session.1), &record("b"), MINUTE).await;
    assert_eq!(missing.unwrap(), UpdateOutcome::Missing);
    store.delete(&other).await.unwrap();
    assert_eq!(stored(&store, &session.0).await, Some(record("a")));

    clock.advance(MINUTE);
    let created = store.create(&other, &record("b"), version, MINUTE).await;
    assert_eq!(created.unwrap(), CreateOutcome::Created);
    assert_eq!(stored(&store, &session.0).await, None);
    assert_eq!(stored(&store, &other).await, Some(record("b")));
}

#[tokio::test]
async fn a_time_to_live_is_not_rounded_up() {
    let (clock, store) = in_memory().await;
    for ttl in [Duration::ZERO, Duration::from_micros(999)] {
        let session = create(&store, &record("a"), ttl).await;
        assert_eq!(stored(&store, &session.0).await, None);
        let missing = update(&store, &session, &record("b"), MINUTE).await;
        assert_eq!(missing.unwrap(), UpdateOutcome::Missing);
    }
    let milliseconds = Duration::from_micros(2999);
    let (id, _) = create(&store, &record("a"), milliseconds).await;
    clock.advance(Duration::from_millis(1));
    assert!(stored(&store, &id).await.is_some());
    clock.advance(Duration::from_millis(1));
    assert!(stored(&store, &id).await.is_none());
}

#[tokio::test]
async fn an_update_to_no_time_to_live_ends_the_session() {
    let (_, store) = in_memory().await;
    let session = create(&store, &record("a"), MINUTE).await;
    let updated = update(&store, &session, &record("b"), Duration::ZERO).await;
    assert_eq!(updated.unwrap(), UpdateOutcome::Updated);
    assert_eq!(stored(&store, &session.0).await, None);
}

#[tokio::test]
async fn the_longest_time_to_live_does_not_overflow() {
    let (_, store) = in_memory().await;
    let session = create(&store, &record("a"), Duration::MAX).await;
    let updated = update(&store, &session, &record("b"), Duration::MAX).await;
    assert_eq!(updated.unwrap(), UpdateOutcome::Updated);
    assert_eq!(stored(&store, &session.0).await, Some(record("b")));
}

/// The columns `subject`, `signed_in_at` and `label` of the only row.
async fn columns(store: &SqliteSessionStore) -> (Option<Vec<u8>>, Option<i64>, Option<String>) {
    on_writer(store, |writer| {
        let query = "SELECT subject, signed_in_at, label FROM sessile_sessions";
        writer.query_one(query, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
    })
    .await
}

#[tokio::test]
async fn the_columns_show_the_subject() {
    let (_, store) = in_memory().await;
    let digest = |subject: &str| Some(SubjectDigest::of(subject).as_bytes().to_vec());
    let ferris = (digest("ferris"), Some(7), Some("sid-1".to_owned()));
    let corro = (digest("corro"), Some(7), Some("sid-2".to_owned()));

    let created = create(&store, &signed_in("ferris", "sid-1"), MINUTE).await;
    assert_eq!(columns(&store).await, ferris);
    store.delete(&created.0).await.unwrap();

    let id = SessionId::generate();
    let mut version = Version::generate();
    let guest = record("a");
    store.create(&id, &guest, version, MINUTE).await.unwrap();
    for (record, expected) in [
        (guest.clone(), (None, None, None)),
        (signed_in("ferris", "sid-1"), ferris),
        (signed_in("corro", "sid-2"), corro),
        (guest, (None, None, None)),
    ] {
        let next = Version::generate();
        let updated = store.update(&id, version, &record, next, MINUTE).await;
        assert_eq!(updated.unwrap(), UpdateOutcome::Updated);
        assert_eq!(columns(&store).await, expected);
        version = next;
    }
}

#[tokio::test]
async fn every_lookup_searches_one_tree() {
    let (_, store) = in_memory().await;
    for statement in [LOAD, DELETE, SWAP, SWAP_INDEXED, VERSION] {
        let expected = "SEARCH sessile_sessions USING INTEGER PRIMARY KEY (rowid=?)";
        assert_eq!(plan(&store, statement).await, [expected]);
    }
}

#[tokio::test]
async fn an_update_writes_one_page_however_many_sessions_there_are() {
    let database = Database::new();
    let store = database.open().await;
    let connection = database.connection();
    for kept in [record("a"), signed_in("ferris", "sid-1")] {
        let mut sessions = Vec::new();
        for _ in 0..300 {
            sessions.push(create(&store, &kept, MINUTE).await);
        }
        let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
        assert_eq!(number(&connection, truncate), 0);
        for session in &sessions[..10] {
            let updated = update(&store, session, &kept, 2 * MINUTE).await;
            assert_eq!(updated.unwrap(), UpdateOutcome::Updated);
        }
        let passive = "PRAGMA wal_checkpoint(PASSIVE)";
        let written: i64 = connection
            .query_one(passive, [], |row| row.get("log"))
            .unwrap();
        assert_eq!(written, 10);
    }
}

#[tokio::test]
async fn reads_do_not_wait_for_writes() {
    let database = Database::new();
    let store = database.open().await;
    let (id, _) = create(&store, &record("a"), MINUTE).await;
    let writer = database.connection();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    // More often than there are connections.
    for _ in 0..10 {
        assert!(stored(&store, &id).await.is_some());
    }
    writer.execute_batch("ROLLBACK").unwrap();
}

/// SQLite refuses to write on a snapshot that is outdated. A store that has read holds no snapshot.
#[tokio::test]
async fn a_store_that_has_read_can_write_after_another_process() {
    let database = Database::new();
    let stores = [database.open().await, database.open().await];
    let (id, mut version) = create(&stores[0], &record("a"), MINUTE).await;
    for round in 0..20 {
        let (first, second) = (&stores[round % 2], &stores[(round + 1) % 2]);
        assert!(stored(second, &id).await.is_some());
        let next = Version::generate();
        let updated = first.update(&id, version, &record("b"), next, MINUTE).await;
        assert_eq!(updated.unwrap(), UpdateOutcome::Updated);
        let outdated = update(second, &(id.clone(), version), &record("c"), MINUTE).await;
        assert_eq!(outdated.unwrap(), UpdateOutcome::Conflict);
        version = next;
    }
}

#[tokio::test]
async fn an_operation_that_is_dropped_leaves_the_store_usable() {
    let (_, store) = in_memory().await;
    for _ in 0..200 {
        let session = create(&store, &record("a"), MINUTE).await;
        let changed = record("b");
        let mut dropped = Box::pin(update(&store, &session, &changed, MINUTE));
        let _ = poll_once(dropped.as_mut()).await;
        drop(dropped);
        let found = stored(&store, &session.0).await.unwrap();
        assert!([record("a"), record("b")].contains(&found));
    }
}

#[test]
fn a_handler_that_blocks_its_thread_holds_no_connection() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap()
    };
    let (used, was_used) = mpsc::channel();
    let (finish, may_finish) = mpsc::channel::<()>();
    let first = runtime();
    let (_, store) = first.block_on(in_memory());
    let handler = thread::spawn({
        let store = store.clone();
        move || {
            first.block_on(async {
                create(&store, &record("a"), MINUTE).await;
                used.send(()).unwrap();
                // Blocks the thread, as a computation would.
                may_finish.recv().unwrap();
            });
        }
    });
    was_used.recv().unwrap();
    runtime().block_on(async {
        let new = record("b");
        let created = tokio::time::timeout(MINUTE, create(&store, &new, MINUTE)).await;
        created.expect("no connection was free");
    });
    finish.send(()).unwrap();
    handler.join().unwrap();
}
