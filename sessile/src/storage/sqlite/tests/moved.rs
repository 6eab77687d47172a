//! Files that are deleted or replaced while they are open.
#![cfg(unix)]

use std::fs;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// The message of the write that finds the file moved.
async fn refused(store: &SqliteSessionStore) -> String {
    let (id, record) = (SessionId::generate(), record("b"));
    let created = store.create(&id, &record, Version::generate(), MINUTE);
    let error = created.await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(!error.may_have_happened());
    chain(&error)
}

#[tokio::test]
async fn a_deleted_file_is_an_error_and_then_a_new_file() {
    let database = Database::new();
    let (clock, store) = database.open_with_clock().await;
    let (lost, _) = create(&store, &record("a"), MINUTE).await;
    fs::remove_file(database.path()).unwrap();
    clock.advance(SECOND);
    let text = refused(&store).await;
    let message = "sessions.db was deleted or replaced while it was open";
    assert!(text.contains(message), "{text}");

    // The next operation opens the file that is there, also if it is a read.
    assert_eq!(stored(&store, &lost).await, None);
    let (id, _) = create(&store, &record("b"), MINUTE).await;
    assert!(stored(&store, &id).await.is_some());
    store.close().await.unwrap();
    assert!(stored(&database.open().await, &id).await.is_some());
}

/// Reads alone lead to the new file. Otherwise, sessions that ended there would be served.
#[tokio::test]
async fn a_store_that_is_only_read_notices_a_deleted_file() {
    let database = Database::new();
    let (clock, store) = database.open_with_clock().await;
    let (id, _) = create(&store, &record("a"), MINUTE).await;
    fs::remove_file(database.path()).unwrap();
    assert!(stored(&store, &id).await.is_some());
    clock.advance(SECOND);
    while stored(&store, &id).await.is_some() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_replaced_file_is_an_error_and_then_used() {
    let database = Database::new();
    let (clock, store) = database.open_with_clock().await;
    create(&store, &record("a"), MINUTE).await;

    let backup = Database::new();
    let other = backup.open().await;
    let (kept, _) = create(&other, &record("kept"), MINUTE).await;
    other.close().await.unwrap();
    fs::copy(backup.path(), database.file("copy")).unwrap();
    fs::rename(database.file("copy"), database.path()).unwrap();
    clock.advance(SECOND);
    refused(&store).await;
    assert_eq!(stored(&store, &kept).await, Some(record("kept")));
    let (id, _) = create(&store, &record("b"), MINUTE).await;
    assert!(stored(&store, &id).await.is_some());
}

#[tokio::test]
async fn a_file_that_must_exist_is_missed_until_it_is_back() {
    let database = Database::new();
    database.open().await.close().await.unwrap();
    let clock = ManualClock::default();
    let address = format!("sqlite:{}?mode=rw", database.path());
    let builder = SqliteSessionStore::builder(address).clock(clock.clone());
    let store = builder.build().await.unwrap();
    let (id, _) = create(&store, &record("a"), MINUTE).await;
    fs::rename(database.path(), database.file("elsewhere")).unwrap();
    clock.advance(SECOND);
    refused(&store).await;
    for _ in 0..2 {
        let text = refused(&store).await;
        assert!(text.contains("sessions.db can't be opened"), "{text}");
        assert!(load(&store, &id).await.is_err());
    }
    fs::rename(database.file("elsewhere"), database.path()).unwrap();
    // Closing the renamed file wrote its log back.
    assert_eq!(stored(&store, &id).await, Some(record("a")));
}

#[tokio::test]
async fn a_deleted_log_is_an_error_and_loses_nothing() {
    let database = Database::new();
    let (clock, store) = database.open_with_clock().await;
    let (id, _) = create(&store, &record("a"), MINUTE).await;
    fs::remove_file(database.file("sessions.db-wal")).unwrap();
    clock.advance(SECOND);
    refused(&store).await;
    assert_eq!(stored(&store, &id).await, Some(record("a")));
}

#[tokio::test]
async fn the_log_of_the_new_database_is_kept() {
    let database = Database::new();
    let (clock, store) = database.open_with_clock().await;
    create(&store, &record("a"), MINUTE).await;
    for name in ["sessions.db", "sessions.db-wal", "sessions.db-shm"] {
        fs::remove_file(database.file(name)).unwrap();
    }
    let other = database.open().await;
    let (id, _) = create(&other, &record("b"), MINUTE).await;
    clock.advance(SECOND);
    refused(&store).await;
    assert!(fs::exists(database.file("sessions.db-wal")).unwrap());
    assert_eq!(stored(&store, &id).await, Some(record("b")));
    assert_eq!(stored(&other, &id).await, Some(record("b")));
}

#[tokio::test]
async fn opening_a_new_file_waits_while_it_is_locked() {
    let database = Database::new();
    let clock = ManualClock::default();
    let builder = SqliteSessionStore::builder(database.path()).busy_timeout(MINUTE);
    let store = builder.clock(clock.clone()).build().await.unwrap();
    fs::remove_file(database.path()).unwrap();
    clock.advance(SECOND);
    refused(&store).await;
    let other = database.connection();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let record = record("a");
    let mut creating = Box::pin(create(&store, &record, MINUTE));
    assert!(poll_once(creating.as_mut()).await.is_none());
    other.execute_batch("ROLLBACK").unwrap();
    let (id, _) = creating.await;
    assert!(stored(&store, &id).await.is_some());
}

#[tokio::test]
async fn closing_a_deleted_file_is_an_error() {
    let database = Database::new();
    let store = database.open().await;
    fs::remove_file(database.path()).unwrap();
    let error = store.close().await.unwrap_err();
    assert!(chain(&error).contains("was deleted or replaced"));
}

/// As when an administrator deletes some of the three files. Another store has the database open.
#[tokio::test]
async fn a_database_without_its_log_is_not_opened_again_while_another_store_uses_it() {
    for deleted in [&["-wal"] as &[_], &["-shm"], &["-wal", "-shm"]] {
        let database = Database::new();
        let (clock, store) = database.open_with_clock().await;
        let (other_clock, other) = database.open_with_clock().await;
        let (id, _) = create(&store, &record("a"), MINUTE).await;
        for suffix in deleted {
            fs::remove_file(database.path() + suffix).unwrap();
        }
        clock.advance(SECOND);
        refused(&store).await;
        let text = refused(&store).await;
        let message = "another process still has open";
        assert!(text.contains(message), "{deleted:?}: {text}");
        other_clock.advance(SECOND);
        refused(&other).await;

        assert_eq!(stored(&store, &id).await, Some(record("a")), "{deleted:?}");
        let (id, _) = create(&store, &record("b"), MINUTE).await;
        assert_eq!(stored(&other, &id).await, Some(record("b")), "{deleted:?}");
    }
}

#[tokio::test]
async fn a_new_database_shares_nothing_with_a_deleted_one_that_another_store_uses() {
    for deleted in [&[""] as &[_], &["", "-wal"], &["", "-shm"]] {
        let database = Database::new();
        let (clock, store) = database.open_with_clock().await;
        let (other_clock, other) = database.open_with_clock().await;
        let (old, _) = create(&other, &record("a"), MINUTE).await;
        for suffix in deleted {
            fs::remove_file(database.path() + suffix).unwrap();
        }
        clock.advance(SECOND);
        refused(&store).await;
        let (new, _) = create(&store, &record("b"), MINUTE).await;
        create(&other, &record("a"), MINUTE).await;
        assert_eq!(stored(&other, &old).await, Some(record("a")), "{deleted:?}");

        other_clock.advance(SECOND);
        refused(&other).await;
        for store in [&store, &other] {
            assert_eq!(stored(store, &new).await, Some(record("b")), "{deleted:?}");
            assert_eq!(stored(store, &old).await, None, "{deleted:?}");
            create(store, &record("c"), MINUTE).await;
        }
    }
}

#[tokio::test]
async fn the_log_of_a_database_that_a_link_led_to_is_kept() {
    let (first, second) = (Database::new(), Database::new());
    let other = first.open().await;
    let (id, _) = create(&other, &record("a"), MINUTE).await;
    let link = second.file("link");
    std::os::unix::fs::symlink(first.path(), &link).unwrap();
    let clock = ManualClock::default();
    let builder = SqliteSessionStore::builder(&link).clock(clock.clone());
    let store = builder.build().await.unwrap();
    assert!(stored(&store, &id).await.is_some());
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(second.path(), &link).unwrap();
    clock.advance(SECOND);
    refused(&store).await;
    assert_eq!(stored(&store, &id).await, None);
    assert!(fs::exists(first.file("sessions.db-wal")).unwrap());
    assert!(stored(&other, &id).await.is_some());
}

#[tokio::test]
async fn a_store_that_leaves_files_to_others_writes_the_log_back() {
    let database = Database::new();
    let (clock, store) = database.open_with_clock().await;
    let other = database.open().await;
    let (id, _) = create(&store, &record("a"), MINUTE).await;
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(database.path() + suffix).unwrap();
    }
    clock.advance(SECOND);
    refused(&store).await;
    fs::copy(database.path(), database.file("copy")).unwrap();
    let copy = SqliteSessionStore::new(database.file("copy")).await;
    assert_eq!(stored(&copy.unwrap(), &id).await, Some(record("a")));
    drop(other);
}
