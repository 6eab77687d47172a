//! The space that a database takes.

use std::fs;

use super::*;

fn file_len(path: &str) -> u64 {
    fs::metadata(path).unwrap().len()
}

async fn create_many(store: &SqliteSessionStore) {
    let large = record(&"a".repeat(3_000));
    for _ in 0..1_000 {
        create(store, &large, MINUTE).await;
    }
}

async fn clean_up(store: &SqliteSessionStore) {
    loop {
        let settled = store.settle(100).await.unwrap();
        if settled.deleted + settled.freed == 0 {
            return;
        }
    }
}

#[tokio::test]
async fn the_file_gets_smaller_after_many_sessions_have_expired() {
    let database = Database::new();
    let (clock, store) = database.open_with_clock().await;
    let (kept, _) = create(&store, &record("kept"), 60 * MINUTE).await;
    create_many(&store).await;
    let truncate = "PRAGMA wal_checkpoint(TRUNCATE)";
    assert_eq!(number(&database.connection(), truncate), 0);
    let before = file_len(&database.path());

    clock.advance(MINUTE);
    clean_up(&store).await;
    assert_eq!(number(&database.connection(), truncate), 0);
    let after = file_len(&database.path());
    assert!(after * 10 < before, "{before} bytes, then {after}");
    assert_eq!(stored(&store, &kept).await, Some(record("kept")));
    assert_eq!(number(&database.connection(), "PRAGMA freelist_count"), 64);
}

#[tokio::test]
async fn the_clean_up_task_makes_the_file_smaller() {
    let database = Database::new();
    let (clock, store) = database.open_with_clock().await;
    create_many(&store).await;
    clock.advance(MINUTE);
    let cleanup = store.start_cleanup(MINUTE);
    while rows(&store).await > 0 || number(&database.connection(), "PRAGMA freelist_count") > 64 {
        tokio::task::yield_now().await;
    }
    cleanup.stop().await;
}

#[tokio::test]
async fn a_database_that_was_created_without_the_setting_keeps_its_size() {
    let database = Database::new();
    let application = database.connection();
    application
        .execute_batch("CREATE TABLE users (name TEXT)")
        .unwrap();
    let (clock, store) = database.open_with_clock().await;
    create_many(&store).await;
    clock.advance(MINUTE);
    clean_up(&store).await;
    assert_eq!(rows(&store).await, 0);
    assert!(number(&application, "PRAGMA freelist_count") > 500);
    create(&store, &record("a"), MINUTE).await;
}

#[tokio::test]
async fn the_setting_of_an_existing_database_is_kept() {
    for (setting, expected) in [("NONE", 0), ("FULL", 1), ("INCREMENTAL", 2)] {
        let database = Database::new();
        let application = database.connection();
        application
            .pragma_update(None, "auto_vacuum", setting)
            .unwrap();
        application
            .execute_batch("CREATE TABLE users (name TEXT)")
            .unwrap();
        database.open().await;
        assert_eq!(
            number(&database.connection(), "PRAGMA auto_vacuum"),
            expected
        );
    }
}

#[tokio::test]
async fn the_log_gets_smaller_after_a_long_read() {
    let database = Database::new();
    let store = database.open().await;
    let other = database.connection();
    other
        .execute_batch("BEGIN; SELECT * FROM sessile_sessions")
        .unwrap();
    for _ in 0..4 {
        create_many(&store).await;
    }
    let log = format!("{}-wal", database.path());
    let before = file_len(&log);
    assert!(before > 10 << 20, "{before}");
    other.execute_batch("ROLLBACK").unwrap();
    create_many(&store).await;
    let after = file_len(&log);
    assert!(after <= 8 << 20, "{before} bytes, then {after}");
}
