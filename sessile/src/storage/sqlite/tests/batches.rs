//! Operations that share a transaction.

use std::{
    pin::pin,
    sync::atomic::{AtomicUsize, Ordering},
};

use tokio::task::JoinSet;

use super::*;
use crate::clock::Clock;

/// Keeps the thread of the store busy while `queue` is polled for the first time, so that all of its
/// operations are in one transaction.
async fn in_one_batch<F: Future>(store: &SqliteSessionStore, queue: F) -> F::Output {
    let (release, held) = hold(store).await;
    let mut queue = pin!(queue);
    assert!(poll_once(queue.as_mut()).await.is_none());
    drop(release);
    held.await;
    queue.await
}

/// How the insertion of a record that contains "refused" fails.
async fn refuse(store: &SqliteSessionStore, action: &'static str) {
    on_writer(store, move |writer| {
        writer.execute_batch(&format!(
            "CREATE TABLE parents (id INTEGER PRIMARY KEY);
             CREATE TABLE children (parent REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
             CREATE TRIGGER refusal AFTER INSERT ON sessile_sessions
             WHEN new.record LIKE '%refused%' BEGIN {action}; END;"
        ))
    })
    .await;
}

/// Creates a session with this value.
async fn try_create(
    store: &SqliteSessionStore,
    id: &SessionId,
    value: &str,
) -> Result<CreateOutcome, StoreError> {
    store
        .create(id, &record(value), Version::generate(), MINUTE)
        .await
}

/// The statement fails, the whole transaction is undone, and the commit fails.
#[tokio::test]
async fn an_operation_that_fails_fails_alone() {
    for action in [
        "SELECT RAISE(ABORT, 'refused')",
        "SELECT RAISE(ROLLBACK, 'refused')",
        "INSERT INTO children VALUES (1)",
    ] {
        let (_, store) = in_memory().await;
        refuse(&store, action).await;
        let ids = [(); 5].map(|()| SessionId::generate());
        let create = async |index: usize, value: &str| try_create(&store, &ids[index], value).await;
        let outcomes = in_one_batch(&store, async {
            tokio::join!(
                create(0, "a"),
                create(1, "refused"),
                create(2, "b"),
                create(3, "refused"),
                create(4, "c"),
            )
        });
        let (a, refused, b, also_refused, c) = outcomes.await;
        for created in [a, b, c] {
            assert_eq!(created.unwrap(), CreateOutcome::Created, "{action}");
        }
        for error in [refused.unwrap_err(), also_refused.unwrap_err()] {
            assert!(!error.may_have_happened(), "{action}: {}", chain(&error));
        }
        assert_eq!(rows(&store).await, 3, "{action}");
        assert_eq!(stored(&store, &ids[4]).await, Some(record("c")));
    }
}

#[tokio::test]
async fn an_operation_sees_those_before_it_in_its_batch() {
    let (_, store) = in_memory().await;
    let [a, b, c] = [1, 2, 3].map(Version::new);
    let (id, record) = (SessionId::generate(), record("a"));
    let outcomes = in_one_batch(&store, async {
        tokio::join!(
            biased;
            store.create(&id, &record, a, MINUTE),
            store.create(&id, &record, b, MINUTE),
            store.update(&id, a, &record, b, MINUTE),
            store.update(&id, a, &record, c, MINUTE),
            store.update(&id, a, &record, b, MINUTE),
            store.delete(&id),
            store.update(&id, b, &record, c, MINUTE),
        )
    });
    let (created, taken, updated, outdated, repeated, deleted, late) = outcomes.await;
    assert_eq!(created.unwrap(), CreateOutcome::Created);
    assert_eq!(taken.unwrap(), CreateOutcome::Taken);
    assert_eq!(updated.unwrap(), UpdateOutcome::Updated);
    assert_eq!(outdated.unwrap(), UpdateOutcome::Conflict);
    assert_eq!(repeated.unwrap(), UpdateOutcome::Updated);
    deleted.unwrap();
    assert_eq!(late.unwrap(), UpdateOutcome::Missing);
}

#[tokio::test]
async fn operations_that_are_queued_share_a_commit() {
    let database = Database::new();
    let store = database.open().await;
    let id = [(); 2].map(|()| SessionId::generate());
    let created = in_one_batch(&store, async {
        tokio::join!(
            biased;
            try_create(&store, &id[0], "a"),
            async {
                // In the transaction of the others, which is not committed yet.
                let path = database.path();
                let seen = on_writer(&store, move |_| {
                    let other = Connection::open(&path)?;
                    Ok(number(&other, "SELECT count(*) FROM sessile_sessions"))
                });
                assert_eq!(seen.await, 0);
            },
            try_create(&store, &id[1], "b"),
        )
    });
    let (a, (), b) = created.await;
    assert_eq!(a.unwrap(), CreateOutcome::Created);
    assert_eq!(b.unwrap(), CreateOutcome::Created);
    let committed = "SELECT count(*) FROM sessile_sessions";
    assert_eq!(number(&database.connection(), committed), 2);
}

#[tokio::test]
async fn an_operation_that_panics_fails_alone() {
    let (_, store) = in_memory().await;
    let ids = [(); 2].map(|()| SessionId::generate());
    let outcomes = in_one_batch(&store, async {
        tokio::join!(
            try_create(&store, &ids[0], "a"),
            try_on_writer(&store, |writer| -> rusqlite::Result<()> {
                writer.execute_batch("DELETE FROM sessile_sessions")?;
                panic!("as a clock could")
            }),
            try_create(&store, &ids[1], "b"),
        )
    });
    let (a, panicked, b) = outcomes.await;
    assert_eq!(a.unwrap(), CreateOutcome::Created);
    assert!(!panicked.unwrap_err().may_have_happened());
    assert_eq!(b.unwrap(), CreateOutcome::Created);
    for id in &ids {
        assert!(stored(&store, id).await.is_some());
    }
}

/// Counts how often the time is read.
struct CountingClock(Arc<AtomicUsize>);

impl Clock for CountingClock {
    fn now(&self) -> Timestamp {
        self.0.fetch_add(1, Ordering::Relaxed);
        Timestamp::from_unix_millis(1)
    }
}

/// Otherwise, each of them would wait for the lock.
#[tokio::test]
async fn a_lock_after_an_undone_batch_refuses_all_of_its_operations_at_once() {
    let (database, count) = (Database::new(), Arc::new(AtomicUsize::new(0)));
    let builder = SqliteSessionStore::builder(database.path()).busy_timeout(Duration::ZERO);
    let clock = CountingClock(count.clone());
    let store = builder.clock(clock).build().await.unwrap();
    let (other, counted) = (Mutex::new(database.connection()), count.clone());
    let ids = [(); 3].map(|()| SessionId::generate());
    let outcomes = in_one_batch(&store, async {
        tokio::join!(
            try_on_writer(&store, move |writer| -> rusqlite::Result<()> {
                writer.execute_batch("ROLLBACK")?;
                other.lock().unwrap().execute_batch("BEGIN IMMEDIATE")?;
                counted.store(0, Ordering::Relaxed);
                Err(rusqlite::Error::QueryReturnedNoRows)
            }),
            try_create(&store, &ids[0], "a"),
            try_create(&store, &ids[1], "b"),
            try_create(&store, &ids[2], "c"),
        )
    });
    let (undone, a, b, c) = outcomes.await;
    assert!(undone.is_err());
    for error in [a, b, c] {
        assert!(!error.unwrap_err().may_have_happened());
    }
    // Once for the first attempt to begin a transaction.
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

/// One database page is left.
#[tokio::test]
async fn a_record_that_finds_the_disk_full_fails_alone() {
    let database = Database::new();
    let store = database.open().await;
    let small = create(&store, &record("a"), MINUTE).await;
    execute(&store, "PRAGMA max_page_count = 1").await;
    let id = SessionId::generate();
    let long = "b".repeat(100_000);
    let c = record("c");
    let outcomes = in_one_batch(&store, async {
        tokio::join!(
            try_create(&store, &id, &long),
            update(&store, &small, &c, MINUTE)
        )
    });
    let (full, updated) = outcomes.await;
    let text = chain(&full.unwrap_err());
    assert!(text.contains("because its disk is full"), "{text}");
    assert_eq!(updated.unwrap(), UpdateOutcome::Updated);
    assert_eq!(stored(&store, &small.0).await, Some(c));
    assert_eq!(stored(&store, &id).await, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn more_operations_than_the_queue_has_room_for_are_all_executed() {
    let database = Database::new();
    let stores = [database.open().await, database.open().await];
    let mut creating = JoinSet::new();
    for number in 0..3_000 {
        let store = stores[number % 2].clone();
        creating.spawn(async move { create(&store, &record("a"), MINUTE).await });
    }
    for (id, _) in creating.join_all().await {
        assert!(stored(&stores[0], &id).await.is_some());
        assert!(stored(&stores[1], &id).await.is_some());
    }
}
