//! What is particular to the SQLite store. The contract of all stores is tested by the acceptance suite.

mod batches;
mod cleanup;
mod closing;
mod disk;
mod failures;
mod moved;
mod opening;
mod operations;
mod subjects;

use std::{
    error::Error,
    future::poll_fn,
    pin::Pin,
    sync::{Mutex, mpsc},
    task::Poll,
};

use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::*;
use crate::{
    clock::{ManualClock, Timestamp},
    storage::ManagedStore as _,
};

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

    /// A store and its clock.
    async fn open_with_clock(&self) -> (ManualClock, SqliteSessionStore) {
        let clock = ManualClock::default();
        let builder = SqliteSessionStore::builder(self.path()).clock(clock.clone());
        (clock, builder.build().await.unwrap())
    }

    /// A connection that is not the store's.
    fn connection(&self) -> Connection {
        Connection::open(self.path()).unwrap()
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

/// Calls `call` with the connection that the store writes on, within the transaction of a batch.
async fn try_on_writer<T: Send + 'static>(
    store: &SqliteSessionStore,
    call: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    store.0.queue.execute(move |writer, _| call(writer)).await
}

/// As [`try_on_writer`], where nothing fails.
async fn on_writer<T: Send + 'static>(
    store: &SqliteSessionStore,
    call: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> T {
    try_on_writer(store, call).await.unwrap()
}

/// Runs statements on the connection that the store writes on.
async fn execute(store: &SqliteSessionStore, statements: &'static str) {
    on_writer(store, |writer| writer.execute_batch(statements)).await;
}

/// Has the thread of the store execute an operation that ends when the returned sender is dropped.
async fn hold(
    store: &SqliteSessionStore,
) -> (mpsc::Sender<()>, Pin<Box<dyn Future<Output = ()> + Send>>) {
    let (release, released) = mpsc::channel::<()>();
    let (begin, begun) = oneshot::channel();
    let ends = Mutex::new((Some(begin), released));
    let store = store.clone();
    let mut held = Box::pin(async move {
        on_writer(&store, move |_| {
            let mut ends = ends.lock().unwrap();
            if let Some(begin) = ends.0.take() {
                begin.send(()).unwrap();
            }
            // An error means that the sender was dropped.
            let _ = ends.1.recv();
            Ok(())
        })
        .await
    });
    assert!(poll_once(held.as_mut()).await.is_none());
    begun.await.unwrap();
    (release, held)
}

/// Polls a future once.
async fn poll_once<F: Future>(future: Pin<&mut F>) -> Option<F::Output> {
    let mut future = Some(future);
    poll_fn(|cx| {
        Poll::Ready(match future.take().map(|future| future.poll(cx)) {
            Some(Poll::Ready(output)) => Some(output),
            _ => None,
        })
    })
    .await
}

/// The number that `query` returns.
fn number(connection: &Connection, query: &str) -> i64 {
    connection.query_one(query, [], |row| row.get(0)).unwrap()
}

/// How many rows the table of sessions has.
async fn rows(store: &SqliteSessionStore) -> i64 {
    on_writer(store, |writer| {
        writer.query_one("SELECT count(*) FROM sessile_sessions", [], |row| {
            row.get(0)
        })
    })
    .await
}

/// How SQLite executes `statement`.
async fn plan(store: &SqliteSessionStore, statement: &'static str) -> Vec<String> {
    on_writer(store, move |writer| {
        let mut explained = writer.prepare(&format!("EXPLAIN QUERY PLAN {statement}"))?;
        let rows = explained.raw_query().mapped(|row| row.get("detail"));
        rows.collect()
    })
    .await
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
