use std::{
    pin::pin,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use rusqlite::limits::Limit;

use super::*;
use crate::clock::Clock;

/// Sets the column `record` of the only row to this SQL value.
fn overwrite_record(database: &Database, value: &str) {
    let statement = format!("UPDATE sessile_sessions SET record = {value}");
    database.connection().execute(&statement, []).unwrap();
}

#[tokio::test]
async fn what_is_not_a_record_is_corrupt_and_is_kept() {
    let database = Database::new();
    let store = database.open().await;
    let (id, version) = create(&store, &record("a"), MINUTE).await;
    for garbage in ["'garbage'", "x'fffe'", "17", "''"] {
        overwrite_record(&database, garbage);
        let error = load(&store, &id).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{garbage}");
        let created = store.create(&id, &record("b"), version, MINUTE).await;
        assert_eq!(created.unwrap(), CreateOutcome::Taken);
    }
    store.delete(&id).await.unwrap();
    assert_eq!(stored(&store, &id).await, None);
}

#[tokio::test]
async fn a_record_of_a_later_version_is_newer() {
    let database = Database::new();
    let store = database.open().await;
    let (id, _) = create(&store, &record("a"), MINUTE).await;
    for newer in [
        r#"'{"v":4}'"#,
        r#"'{"v":3,"c":1,"u":1,"x":9,"p":4,"s":{},"later":1,"crit":["later"]}'"#,
    ] {
        overwrite_record(&database, newer);
        let error = load(&store, &id).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Newer, "{newer}");
    }
}

#[tokio::test]
async fn errors_and_debug_output_show_no_values() {
    let database = Database::new();
    let store = database.open().await;
    let (id, _) = create(&store, &record("4111"), MINUTE).await;
    overwrite_record(&database, r#"'{"s": "4111"}'"#);
    let error = load(&store, &id).await.unwrap_err();
    let text = format!("{error:?} {} {store:?}", chain(&error));
    assert!(!text.contains("4111"), "{text}");
}

#[tokio::test]
async fn a_table_of_another_shape_is_an_error() {
    let database = Database::new();
    let store = database.open().await;
    let renamed = "ALTER TABLE sessile_sessions RENAME COLUMN record TO other";
    execute(&store, renamed).await;
    let error = load(&store, &SessionId::generate()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
}

#[tokio::test]
async fn a_locked_database_can_be_read_and_refuses_writes_in_time() {
    let database = Database::new();
    let builder = || {
        let builder = SqliteSessionStore::builder(database.path());
        builder.busy_timeout(Duration::from_millis(1))
    };
    let store = builder().build().await.unwrap();
    let session = create(&store, &record("a"), MINUTE).await;

    let other = database.connection();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = update(&store, &session, &record("b"), MINUTE).await;
    let error = error.unwrap_err();
    let text = chain(&error);
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{text}");
    assert!(!error.may_have_happened(), "{text}");
    assert_eq!(stored(&store, &session.0).await, Some(record("a")));
    let error = builder().build().await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);

    other.execute_batch("ROLLBACK").unwrap();
    create(&store, &record("b"), MINUTE).await;
}

/// Each refusal comes at another point: before the statement, during it, and when its change is made.
#[tokio::test]
async fn a_refused_write_is_marked_as_not_sent() {
    const READ_ONLY: &str = "PRAGMA query_only = ON";
    const FULL: &str = "PRAGMA max_page_count = 1";
    const CONSTRAINT_AT_COMMIT: &str = "
        CREATE TABLE parents (id INTEGER PRIMARY KEY);
        CREATE TABLE children (parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
        CREATE TRIGGER orphan AFTER UPDATE ON sessile_sessions BEGIN
            INSERT INTO children VALUES (1);
        END;";
    for (refusal, kind) in [
        (READ_ONLY, StoreErrorKind::Denied),
        (FULL, StoreErrorKind::Unavailable),
        (CONSTRAINT_AT_COMMIT, StoreErrorKind::Unavailable),
    ] {
        let database = Database::new();
        let store = database.open().await;
        let session = create(&store, &record("a"), MINUTE).await;
        // A database that refuses every write refuses to commit this one too.
        let _ = try_on_writer(&store, move |writer| writer.execute_batch(refusal)).await;
        let long = record(&"b".repeat(100_000));
        let error = update(&store, &session, &long, MINUTE).await.unwrap_err();
        let text = chain(&error);
        assert_eq!(error.kind(), kind, "{text}");
        assert!(!error.may_have_happened(), "{text}");
        assert_eq!(stored(&store, &session.0).await, Some(record("a")));
    }
}

#[tokio::test]
async fn a_record_that_is_too_large_is_refused_and_named_by_no_value() {
    let (_, store) = in_memory().await;
    let session = create(&store, &record("a"), MINUTE).await;
    on_writer(&store, |writer| {
        writer.set_limit(Limit::SQLITE_LIMIT_LENGTH, 1_000)?;
        Ok(())
    })
    .await;
    let large = record(&"4111".repeat(1_000));
    let error = update(&store, &session, &large, MINUTE).await.unwrap_err();
    let text = chain(&error);
    assert_eq!(error.kind(), StoreErrorKind::TooLarge, "{text}");
    assert!(text.contains("no room for a record of this size"), "{text}");
    assert!(!text.contains("4111"), "{text}");
    assert!(!error.may_have_happened(), "{text}");
    assert_eq!(stored(&store, &session.0).await, Some(record("a")));
    update(&store, &session, &record("b"), MINUTE)
        .await
        .unwrap();
}

/// A read finds a database locked that is not in WAL mode. The runtime has no timer.
#[test]
fn a_read_that_finds_the_database_locked_is_left_to_the_thread_that_writes() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(async {
        let (database, locked) = (Database::new(), Database::new());
        let store = database.open().await;
        let session = create(&store, &record("a"), MINUTE).await;
        let (path, other) = (locked.path(), locked.connection());
        let open = || {
            let reader = Connection::open(&path)?;
            reader.busy_timeout(Duration::ZERO).map(|()| reader)
        };
        store.0.readers.open(open).unwrap();
        other.execute_batch("BEGIN EXCLUSIVE").unwrap();
        assert_eq!(stored(&store, &session.0).await, Some(record("a")));
    });
}

#[tokio::test]
async fn a_busy_timeout_of_a_century_ends_with_the_callers_that_wait() {
    let database = Database::new();
    let century = Duration::from_secs(100 * 365 * 86_400);
    for timeout in [century, Duration::MAX] {
        let builder = SqliteSessionStore::builder(database.path()).busy_timeout(timeout);
        let store = builder.build().await.unwrap();
        let session = create(&store, &record("a"), MINUTE).await;
        let other = database.connection();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        {
            let b = record("b");
            let mut waiting = pin!(update(&store, &session, &b, MINUTE));
            assert!(poll_once(waiting.as_mut()).await.is_none());
        }
        let builder = SqliteSessionStore::builder(database.path()).busy_timeout(timeout);
        let mut opening = Box::pin(builder.build());
        assert!(poll_once(opening.as_mut()).await.is_none());
        drop(opening);

        // The caller was dropped, so nothing waits for the lock.
        store.close().await.unwrap();
        other.execute_batch("ROLLBACK").unwrap();
    }
}

/// As if the process had no file descriptor left.
#[test]
fn either_all_connections_that_read_are_open_or_none() {
    let readers = Readers::new(2);
    let left = std::cell::Cell::new(1);
    let open = || match left.replace(0) {
        0 => Err(()),
        _ => Ok(Connection::open_in_memory().unwrap()),
    };
    assert!(readers.open(open).is_err());
    for _ in 0..2 {
        let used = thread::scope(|scope| {
            let used = scope.spawn(|| readers.with(|_| ()));
            used.join().unwrap()
        });
        assert_eq!(used, None);
    }
}

/// Shows the time of another clock, or panics.
struct FailingClock(ManualClock, Arc<AtomicBool>);

impl Clock for FailingClock {
    fn now(&self) -> Timestamp {
        assert!(!self.1.load(Ordering::Relaxed), "no time");
        self.0.now()
    }
}

#[tokio::test]
async fn a_clock_that_panics_leaves_the_store_usable() {
    let fails = Arc::new(AtomicBool::new(false));
    let clock = FailingClock(ManualClock::default(), fails.clone());
    let builder = SqliteSessionStore::builder(":memory:").clock(clock);
    let store = builder.build().await.unwrap();
    let session = create(&store, &record("a"), MINUTE).await;
    fails.store(true, Ordering::Relaxed);
    let error = update(&store, &session, &record("b"), MINUTE).await;
    assert!(!error.unwrap_err().may_have_happened());
    fails.store(false, Ordering::Relaxed);
    assert_eq!(stored(&store, &session.0).await, Some(record("a")));
}
