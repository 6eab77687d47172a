//! What is particular to the SQLite store. The contract of all stores is tested by the acceptance suite.

mod cleanup;
mod failures;
mod opening;
mod operations;

use std::error::Error;

use sqlx::{ConnectOptions as _, Executor as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tempfile::TempDir;

use super::*;
use crate::clock::ManualClock;

const MINUTE: Duration = Duration::from_secs(60);

/// A database in a folder of its own.
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
        options.create_if_missing(true).connect().await.unwrap()
    }
}

/// A store in memory, and its clock.
async fn in_memory() -> (ManualClock, SqliteSessionStore) {
    let clock = ManualClock::default();
    let builder = SqliteSessionStore::builder("sqlite::memory:").clock(clock.clone());
    let store = builder.build().await.unwrap();
    (clock, store)
}

fn record(value: &str) -> Record {
    let mut record = Record::new(Timestamp::from_unix_millis(1));
    record.state.insert("value", value).unwrap();
    record
}

/// The record of a session that this subject signed in to at the time 7.
fn signed_in(subject: &str, label: &str) -> Record {
    let text = format!(
        r#"{{"v":3,"c":1,"u":1,"x":9,"p":4,"s":{{}},"sub":"{subject}","in":7,"label":"{label}"}}"#
    );
    Record::decode(text.as_bytes()).unwrap()
}

/// Creates a session, and returns its id and version.
async fn create(
    store: &SqliteSessionStore,
    record: &Record,
    ttl: Duration,
) -> (SessionId, Version) {
    let (id, version) = (SessionId::generate(), Version::generate());
    let created = store.create(&id, record, version, ttl).await.unwrap();
    assert_eq!(created, CreateOutcome::Created);
    (id, version)
}

/// Updates a session to a version that no other write has.
async fn update(
    store: &SqliteSessionStore,
    (id, expected): &(SessionId, Version),
    record: &Record,
    ttl: Duration,
) -> Result<UpdateOutcome, StoreError> {
    let version = Version::generate();
    store.update(id, *expected, record, version, ttl).await
}

async fn load(store: &SqliteSessionStore, id: &SessionId) -> Result<Option<Loaded>, StoreError> {
    store.load(id, None, Freshness::Current).await
}

/// The record under `id`.
async fn stored(store: &SqliteSessionStore, id: &SessionId) -> Option<Record> {
    load(store, id).await.unwrap().map(|loaded| loaded.record)
}

/// Runs statements on the connection that the store writes on.
async fn execute(store: &SqliteSessionStore, statements: &'static str) {
    let mut writer = store.writer().acquire().await.unwrap();
    writer.execute(statements).await.unwrap();
}

/// The number that `query` returns.
async fn number(connection: &mut SqliteConnection, query: &'static str) -> i64 {
    let row = sqlx::query(query).fetch_one(connection).await.unwrap();
    row.get(0)
}

/// How many rows the table of sessions has.
async fn rows(store: &SqliteSessionStore) -> i64 {
    let mut writer = store.writer().acquire().await.unwrap();
    number(&mut writer, "SELECT count(*) FROM sessile_sessions").await
}

/// How SQLite executes `statement`.
async fn plan(store: &SqliteSessionStore, statement: &'static str) -> Vec<String> {
    let explained = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {statement}"));
    let mut writer = store.writer().acquire().await.unwrap();
    let rows = sqlx::query(explained).fetch_all(&mut *writer).await;
    let rows = rows.unwrap();
    rows.iter().map(|row| row.get("detail")).collect()
}

/// The messages of an error and its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
