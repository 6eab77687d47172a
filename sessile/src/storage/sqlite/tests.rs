use std::{error::Error, fs, path::Path, sync::mpsc, task::Poll, thread};

use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, SqliteConnection,
    sqlite::SqliteConnectOptions,
};
use tempfile::TempDir;

use super::*;
use crate::clock::{Clock as _, ManualClock};

const MINUTE: Duration = Duration::from_secs(60);

struct Database {
    folder: TempDir,
}

impl Database {
    fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    fn path(&self) -> String {
        self.file("sessions.db")
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    async fn open(&self) -> SqliteSessionStore {
        SqliteSessionStore::new(self.path()).await.unwrap()
    }

    /// A connection that is not the store's.
    async fn connection(&self) -> SqliteConnection {
        let options = SqliteConnectOptions::new().filename(self.path());
        options.connect().await.unwrap()
    }
}

fn record(value: &str) -> Record {
    let mut record = Record::new(Timestamp::from_unix_millis(1));
    record.state.insert("value", value).unwrap();
    record
}

async fn number(connection: &mut SqliteConnection, question: &'static str) -> i64 {
    let row = sqlx::query(question).fetch_one(connection).await.unwrap();
    row.get(0)
}

async fn change(store: &SqliteSessionStore, stored: &Stored, ttl: Duration) {
    let changed = record("b");
    let update = store.update(&stored.key, stored.version, &changed, ttl);
    assert!(matches!(update.await.unwrap(), Swap::Stored(_)));
}

/// A store in memory, and the clock it goes by.
async fn in_memory() -> (ManualClock, SqliteSessionStore) {
    let clock = ManualClock::default();
    let builder = SqliteSessionStore::builder("sqlite::memory:").clock(clock.clone());
    let store = builder.build().await.unwrap();
    (clock, store)
}

/// Five sessions that were made for a minute, and extended to two.
async fn extend_five(store: &SqliteSessionStore) {
    for _ in 0..5 {
        let stored = store.create(&record("a"), MINUTE).await.unwrap();
        change(store, &stored, 2 * MINUTE).await;
    }
}

async fn rows(store: &SqliteSessionStore) -> i64 {
    let mut writer = store.writer().acquire().await.unwrap();
    number(&mut writer, "SELECT count(*) FROM sessile_sessions").await
}

/// How many times cleaning up has yet to look at a row.
async fn due(store: &SqliteSessionStore) -> i64 {
    let mut writer = store.writer().acquire().await.unwrap();
    number(&mut writer, "SELECT count(*) FROM sessile_due").await
}

fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

async fn refused(location: &str) -> (StoreErrorKind, String) {
    let error = SqliteSessionStore::new(location).await.unwrap_err();
    (error.kind(), chain(&error))
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let database = Database::new();
    let store = database.open().await;
    let stored = store.create(&record("a"), MINUTE).await.unwrap();
    store.close().await.unwrap();
    assert!(store.load(&stored.key).await.is_err());

    let reopened = database.open().await;
    let loaded = reopened.load(&stored.key).await.unwrap().unwrap();
    assert_eq!(loaded.record, record("a"));
    assert_eq!(loaded.version, stored.version);
}

#[tokio::test]
async fn a_path_and_every_form_of_address_lead_to_the_same_file() {
    let database = Database::new();
    let path = database.path();
    let stored = database.open().await.create(&record("a"), MINUTE).await;
    let key = stored.unwrap().key;
    for location in [
        format!("sqlite:{path}"),
        format!("sqlite://{path}"),
        format!("sqlite://{path}?mode=rw"),
    ] {
        let store = SqliteSessionStore::new(location).await.unwrap();
        assert!(store.load(&key).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_database_in_memory_is_one_stores_alone() {
    for location in ["sqlite::memory:", ":memory:", "sqlite://name?mode=memory"] {
        let store = SqliteSessionStore::new(location).await.unwrap();
        let stored = store.create(&record("a"), MINUTE).await.unwrap();
        assert!(store.clone().load(&stored.key).await.unwrap().is_some());
        let other = SqliteSessionStore::new(location).await.unwrap();
        assert!(other.load(&stored.key).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn the_applications_own_database_can_be_shared() {
    let database = Database::new();
    let options = SqliteConnectOptions::new()
        .filename(database.path())
        .create_if_missing(true);
    let mut application = options.connect().await.unwrap();
    application
        .execute("CREATE TABLE users (name TEXT); PRAGMA user_version = 7")
        .await
        .unwrap();
    let store = database.open().await;
    store.create(&record("a"), MINUTE).await.unwrap();
    let version = sqlx::query("PRAGMA user_version");
    let version = version.fetch_one(&mut application).await.unwrap();
    assert_eq!(version.get::<i64, _>(0), 7);
}

#[tokio::test]
async fn a_write_that_fails_at_the_last_moment_is_not_acknowledged() {
    let database = Database::new();
    let store = database.open().await;
    let stored = store.create(&record("a"), MINUTE).await.unwrap();
    // Checked when the change is about to be made for good, after the row has been returned.
    let mut writer = store.writer().acquire().await.unwrap();
    writer
        .execute(
            "CREATE TABLE parents (id INTEGER PRIMARY KEY);
             CREATE TABLE children (parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER orphan AFTER UPDATE ON sessile_sessions BEGIN
                 INSERT INTO children VALUES (1);
             END;",
        )
        .await
        .unwrap();
    drop(writer);
    let changed = record("b");
    let update = store.update(&stored.key, stored.version, &changed, MINUTE);
    assert!(update.await.is_err());
    let loaded = store.load(&stored.key).await.unwrap().unwrap();
    assert_eq!(loaded.record, record("a"));
}

#[tokio::test]
async fn reading_does_not_wait_for_who_writes() {
    let database = Database::new();
    let store = database.open().await;
    let stored = store.create(&record("a"), MINUTE).await.unwrap();
    let mut writer = store.writer().acquire().await.unwrap();
    let transaction = writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
    // More often than there are connections.
    for _ in 0..10 {
        assert!(store.load(&stored.key).await.unwrap().is_some());
    }
    transaction.rollback().await.unwrap();
}

/// What a connection has read may be outdated when it writes, and is no snapshot that it writes on.
#[tokio::test]
async fn what_was_read_does_not_stand_in_the_way_of_a_later_change() {
    let database = Database::new();
    let (one, other) = (database.open().await, database.open().await);
    let mut at = one.create(&record("a"), MINUTE).await.unwrap();
    for turn in 0..20 {
        let (now, next) = match turn % 2 {
            0 => (&one, &other),
            _ => (&other, &one),
        };
        assert!(next.load(&at.key).await.unwrap().is_some());
        let outdated = at.version;
        let swap = now.update(&at.key, at.version, &record("b"), MINUTE).await;
        let Ok(Swap::Stored(stored)) = swap else {
            panic!("not stored: {swap:?}");
        };
        at = stored;
        let swap = next.update(&at.key, outdated, &record("c"), MINUTE).await;
        assert!(matches!(swap, Ok(Swap::Conflict)), "{swap:?}");
    }
}

#[tokio::test]
async fn an_operation_that_is_given_up_leaves_the_store_usable() {
    let store = SqliteSessionStore::new("sqlite::memory:").await.unwrap();
    for _ in 0..200 {
        let stored = store.create(&record("a"), MINUTE).await.unwrap();
        let changed = record("b");
        let mut update = Box::pin(store.update(&stored.key, stored.version, &changed, MINUTE));
        let polled = std::future::poll_fn(|cx| Poll::Ready(update.as_mut().poll(cx)));
        let _ = polled.await;
        drop(update);
        let loaded = store.load(&stored.key).await.unwrap().unwrap();
        assert!([record("a"), record("b")].contains(&loaded.record));
    }
}

#[test]
fn a_handler_that_blocks_its_thread_holds_no_connection() {
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    let (used, was_used) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let first = runtime();
    let store = first
        .block_on(SqliteSessionStore::new("sqlite::memory:"))
        .unwrap();
    let handler = thread::spawn({
        let store = store.clone();
        move || {
            first.block_on(async {
                store.create(&record("a"), MINUTE).await.unwrap();
                used.send(()).unwrap();
                // Blocks the thread, as computing would.
                may_go_on.recv().unwrap();
            });
        }
    });
    was_used.recv().unwrap();
    let other = runtime()
        .block_on(async { tokio::time::timeout(MINUTE, store.create(&record("b"), MINUTE)).await });
    assert!(other.expect("no connection was free").is_ok());
    go_on.send(()).unwrap();
    handler.join().unwrap();
}

#[tokio::test]
async fn time_ends_sessions_and_cleaning_up_removes_them() {
    let (clock, store) = in_memory().await;
    for _ in 0..5 {
        store.create(&record("short"), MINUTE).await.unwrap();
    }
    let long = store.create(&record("long"), 2 * MINUTE).await.unwrap();
    assert_eq!(store.delete_expired(100).await.unwrap(), 0);

    clock.advance(MINUTE);
    assert_eq!(store.delete_expired(3).await.unwrap(), 3);
    assert_eq!(store.delete_expired(3).await.unwrap(), 2);
    assert!(store.load(&long.key).await.unwrap().is_some());

    clock.advance(MINUTE);
    assert!(store.load(&long.key).await.unwrap().is_none());
}

#[tokio::test]
async fn a_session_that_was_extended_is_deleted_at_its_later_end() {
    let (clock, store) = in_memory().await;
    extend_five(&store).await;
    store.create(&record("short"), MINUTE).await.unwrap();
    assert_eq!(due(&store).await, 6);

    clock.advance(MINUTE);
    // Behind those that were extended, however many they are.
    assert_eq!(store.delete_expired(2).await.unwrap(), 1);
    assert_eq!(store.delete_expired(2).await.unwrap(), 0);
    assert_eq!((rows(&store).await, due(&store).await), (5, 5));

    clock.advance(MINUTE);
    assert_eq!(store.delete_expired(0).await.unwrap(), 0);
    assert_eq!(store.delete_expired(3).await.unwrap(), 3);
    assert_eq!(store.delete_expired(3).await.unwrap(), 2);
    assert_eq!((rows(&store).await, due(&store).await), (0, 0));
}

#[tokio::test]
async fn cleaning_up_looks_at_as_many_rows_as_it_was_told() {
    let (clock, store) = in_memory().await;
    extend_five(&store).await;
    clock.advance(MINUTE);
    for looked_at in [2, 2, 1, 0] {
        let settled = store.settle(2).await.unwrap();
        assert_eq!((settled.due, settled.deleted), (looked_at, 0));
    }
}

#[tokio::test]
async fn a_session_that_was_cut_short_is_deleted_at_its_earlier_end() {
    let (clock, store) = in_memory().await;
    let much = store.create(&record("a"), 60 * MINUTE).await.unwrap();
    change(&store, &much, MINUTE).await;
    let little = store.create(&record("a"), 2 * MINUTE).await.unwrap();
    change(&store, &little, MINUTE).await;

    clock.advance(MINUTE);
    assert_eq!(store.delete_expired(9).await.unwrap(), 1);
    assert!(store.load(&little.key).await.unwrap().is_none());
    clock.advance(MINUTE);
    assert_eq!(store.delete_expired(9).await.unwrap(), 1);

    clock.advance(60 * MINUTE);
    assert_eq!(store.delete_expired(9).await.unwrap(), 0);
    assert_eq!((rows(&store).await, due(&store).await), (0, 0));
}

#[tokio::test]
async fn what_was_deleted_before_its_time_is_not_looked_for_twice() {
    let (clock, store) = in_memory().await;
    let stored = store.create(&record("a"), MINUTE).await.unwrap();
    store.delete(&stored.key).await.unwrap();
    clock.advance(MINUTE);
    assert_eq!(store.delete_expired(9).await.unwrap(), 0);
    assert_eq!(due(&store).await, 0);
}

#[tokio::test]
async fn cleaning_up_scans_nothing() {
    let store = SqliteSessionStore::new("sqlite::memory:").await.unwrap();
    let mut writer = store.writer().acquire().await.unwrap();
    for statement in [cleanup::DELETE, cleanup::PUT_OFF, cleanup::SETTLE] {
        let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
        let rows = sqlx::query(explained).bind(1).bind(1);
        let rows = rows.fetch_all(&mut *writer).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
        let due = "SEARCH sessile_due USING PRIMARY KEY (due_at<?)";
        assert!(plan.iter().any(|line| line == due), "{plan:?}");
        assert!(!plan.iter().any(|line| line.contains("SCAN")), "{plan:?}");
    }
}

#[tokio::test]
async fn a_change_writes_one_page_however_many_sessions_there_are() {
    let database = Database::new();
    let store = database.open().await;
    let mut sessions = Vec::new();
    for _ in 0..300 {
        sessions.push(store.create(&record("a"), MINUTE).await.unwrap());
    }
    let mut connection = database.connection().await;
    let emptied = "PRAGMA wal_checkpoint(TRUNCATE)";
    assert_eq!(number(&mut connection, emptied).await, 0);
    for stored in &sessions[..10] {
        change(&store, stored, 2 * MINUTE).await;
    }
    let written = sqlx::query("PRAGMA wal_checkpoint(PASSIVE)");
    let written = written.fetch_one(&mut connection).await.unwrap();
    assert_eq!(written.get::<i64, _>("log"), 10);
}

#[tokio::test]
async fn an_id_that_begins_like_another_is_another() {
    let store = SqliteSessionStore::new("sqlite::memory:").await.unwrap();
    let stored = store.create(&record("a"), MINUTE).await.unwrap();
    let beginning = &stored.key.id()[..10];
    let other = format!("{beginning}____________.{}", stored.key.secret());
    let other = SessionKey::try_from(other).unwrap();
    assert_eq!(slot_of(other.id()), slot_of(stored.key.id()));

    assert!(store.load(&other).await.unwrap().is_none());
    let changed = record("b");
    let update = store.update(&other, stored.version, &changed, MINUTE);
    assert!(matches!(update.await.unwrap(), Swap::Gone));
    store.delete(&other).await.unwrap();
    assert!(store.load(&stored.key).await.unwrap().is_some());
}

#[tokio::test]
async fn a_database_of_the_first_schema_keeps_its_sessions() {
    let database = Database::new();
    let options = SqliteConnectOptions::new().filename(database.path());
    let mut connection = options.create_if_missing(true).connect().await.unwrap();
    let first = "CREATE TABLE sessile_schema (version INTEGER NOT NULL);
                 INSERT INTO sessile_schema VALUES (1);";
    connection.execute(first).await.unwrap();
    connection.execute(schema::STEPS[0]).await.unwrap();
    let clock = ManualClock::default();
    let ends_at = |ttl| as_integer(clock.now().saturating_add(ttl));
    let mut keys = Vec::new();
    for number in 0..100_u32 {
        let key = generate_session_key();
        sqlx::query("INSERT INTO sessile_sessions VALUES (?1, ?2, ?3, ?4, ?5)")
            .bind(key.id())
            .bind(key.secret_digest())
            .bind(i64::from(number))
            .bind(ends_at((1 + number % 2) * MINUTE))
            .bind(record("a").encode())
            .execute(&mut connection)
            .await
            .unwrap();
        keys.push(key);
    }

    let builder = SqliteSessionStore::builder(database.path()).clock(clock.clone());
    let store = builder.build().await.unwrap();
    for (key, number) in keys.iter().zip(0..) {
        let loaded = store.load(key).await.unwrap().unwrap();
        assert_eq!(loaded.record, record("a"));
        assert_eq!(loaded.version, Version::new(number));
    }
    clock.advance(MINUTE);
    assert_eq!(store.delete_expired(1000).await.unwrap(), 50);
    let stored = Stored {
        key: keys[1].clone(),
        version: Version::new(1),
    };
    change(&store, &stored, MINUTE).await;
    assert!(store.load(&keys[0]).await.unwrap().is_none());
}

#[tokio::test]
async fn the_clean_up_task_goes_through_all_batches_and_stops() {
    let store = SqliteSessionStore::new("sqlite::memory:").await.unwrap();
    let mut ended = Vec::new();
    for _ in 0..1100 {
        ended.push(store.create(&record("a"), Duration::ZERO).await.unwrap());
    }
    let live = store.create(&record("b"), MINUTE).await.unwrap();
    let cleanup = store.start_cleanup(MINUTE);
    while rows(&store).await > 1 {
        tokio::task::yield_now().await;
    }
    cleanup.stop().await;
    assert!(store.load(&live.key).await.unwrap().is_some());
}

#[tokio::test]
async fn an_address_that_makes_no_sense_is_refused() {
    for location in ["sqlite://x?mode=sideways", "", "sqlite://"] {
        let (kind, text) = refused(location).await;
        assert_eq!(kind, StoreErrorKind::Misconfigured, "{text}");
    }
}

#[tokio::test]
async fn a_database_that_cannot_be_written_to_is_refused() {
    let database = Database::new();
    database.open().await.close().await.unwrap();
    let (kind, text) = refused(&format!("sqlite://{}?mode=ro", database.path())).await;
    assert_eq!(kind, StoreErrorKind::Denied, "{text}");
    assert!(text.contains("readonly"), "{text}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let database = Database::new();
    let garbage = "not a database, but something that somebody needs".repeat(100);
    fs::write(database.path(), &garbage).unwrap();
    let (kind, text) = refused(&database.path()).await;
    assert_eq!(kind, StoreErrorKind::Incompatible, "{text}");
    assert_eq!(fs::read_to_string(database.path()).unwrap(), garbage);
}

#[tokio::test]
async fn a_damaged_database_is_refused() {
    let database = Database::new();
    let store = database.open().await;
    for _ in 0..100 {
        store.create(&record("a"), MINUTE).await.unwrap();
    }
    store.close().await.unwrap();
    let mut bytes = fs::read(database.path()).unwrap();
    bytes[100..4096].fill(0xff);
    fs::write(database.path(), bytes).unwrap();
    let (kind, text) = refused(&database.path()).await;
    assert_eq!(kind, StoreErrorKind::Incompatible, "{text}");
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_refused() {
    let database = Database::new();
    let (kind, text) = refused(&database.file("missing/sessions.db")).await;
    assert_eq!(kind, StoreErrorKind::Unavailable, "{text}");
    assert!(!Path::new(&database.file("missing")).exists());
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let database = Database::new();
    database.open().await.close().await.unwrap();
    let mut connection = database.connection().await;
    let newer = "INSERT INTO sessile_schema (version) VALUES (1000)";
    connection.execute(newer).await.unwrap();
    let (kind, text) = refused(&database.path()).await;
    assert_eq!(kind, StoreErrorKind::Incompatible);
    assert!(text.contains("version 1000"), "{text}");
}

#[tokio::test]
async fn a_table_of_another_shape_is_an_error_not_an_empty_session() {
    let database = Database::new();
    database.open().await.close().await.unwrap();
    let mut connection = database.connection().await;
    connection
        .execute("ALTER TABLE sessile_sessions RENAME COLUMN record TO other")
        .await
        .unwrap();
    let store = database.open().await;
    let error = store.load(&generate_session_key()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
}

#[tokio::test]
async fn a_locked_database_can_be_read_and_refuses_writes_in_time() {
    let database = Database::new();
    let builder = SqliteSessionStore::builder(database.path());
    let store = builder
        .busy_timeout(Duration::from_millis(1))
        .build()
        .await
        .unwrap();
    let stored = store.create(&record("a"), MINUTE).await.unwrap();

    let mut other = database.connection().await;
    let lock = other.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let error = store.create(&record("b"), MINUTE).await.unwrap_err();
    assert_eq!(
        error.kind(),
        StoreErrorKind::Unavailable,
        "{}",
        chain(&error)
    );
    assert!(store.load(&stored.key).await.unwrap().is_some());
    let opened = SqliteSessionStore::builder(database.path())
        .busy_timeout(Duration::from_millis(1))
        .build()
        .await;
    assert_eq!(opened.unwrap_err().kind(), StoreErrorKind::Unavailable);

    lock.rollback().await.unwrap();
    store.create(&record("b"), MINUTE).await.unwrap();
}

#[tokio::test]
async fn what_is_no_record_is_corrupt_and_stays() {
    let database = Database::new();
    let store = database.open().await;
    let stored = store.create(&record("a"), MINUTE).await.unwrap();
    for garbage in ["'garbage'", "x'fffe'", "17", "''"] {
        let statement = format!("UPDATE sessile_sessions SET record = {garbage}");
        let mut connection = database.connection().await;
        connection
            .execute(sqlx::AssertSqlSafe(statement))
            .await
            .unwrap();
        let error = store.load(&stored.key).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{garbage}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_start_at_once_agree_on_the_schema() {
    for _ in 0..20 {
        let database = Database::new();
        let opening = (0..8).map(|_| {
            let path = database.path();
            tokio::spawn(SqliteSessionStore::new(path))
        });
        let opening: Vec<_> = opening.collect();
        for store in opening {
            let store = store.await.unwrap().unwrap();
            store.create(&record("a"), MINUTE).await.unwrap();
        }
        let mut connection = database.connection().await;
        let steps = "SELECT count(*) - max(version) FROM sessile_schema";
        assert_eq!(number(&mut connection, steps).await, 0);
    }
}

#[tokio::test]
async fn errors_and_debug_tell_no_keys_and_no_values() {
    let database = Database::new();
    let store = database.open().await;
    let stored = store.create(&record("4111"), MINUTE).await.unwrap();
    let mut connection = database.connection().await;
    connection
        .execute("UPDATE sessile_sessions SET record = '{\"s\": \"4111\"}'")
        .await
        .unwrap();
    let error = store.load(&stored.key).await.unwrap_err();
    let text = format!("{error:?} {} {store:?} {stored:?}", chain(&error));
    assert!(!text.contains("4111") && !text.contains(stored.key.secret()));
}

#[test]
fn the_clock_is_read_in_milliseconds() {
    let now = ManualClock::default().now();
    assert_eq!(as_integer(now).cast_unsigned(), now.as_unix_millis());
    assert_eq!(as_integer(Timestamp::from_unix_millis(u64::MAX)), i64::MAX);
}
