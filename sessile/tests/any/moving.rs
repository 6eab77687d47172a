//! Sessions that move from one store to another, on real servers.

use std::time::Duration;

use sessile::{
    clock::{Clock as _, SystemClock},
    record::Record,
    storage::{
        AnySessionStore, Freshness::Current, IterableStore as _, Loaded, MigratingStore, SessionId,
        SessionStore as _, UpdateOutcome, Version,
    },
    test_helpers::acceptance_test_suite,
};
use tokio::task::JoinSet;

use crate::place::{Place, in_time};

const HOUR: Duration = Duration::from_secs(3600);

type Store = MigratingStore<AnySessionStore, AnySessionStore>;

async fn passes(old: Place, new: Place) {
    let (old, new) = (old.open().await, new.open().await);
    let moving = MigratingStore::new(old.clone(), new.clone()).unwrap();
    let preparing = MigratingStore::prepare(old, new).unwrap();
    for store in [moving, preparing] {
        in_time(acceptance_test_suite(move || store.clone(), true)).await;
    }
}

#[actix_web::test]
async fn from_sqlite_to_postgres() {
    passes(Place::sqlite(), Place::postgres()).await;
}

#[actix_web::test]
async fn from_memory_to_redis() {
    passes(Place::without_server("memory:"), Place::redis()).await;
}

fn record(value: u32) -> Record {
    let mut record = Record::new(SystemClock.now());
    record.state.insert("value", &value).unwrap();
    record
}

async fn value(store: &Store, id: &SessionId) -> (Version, u32) {
    let loaded = store.load(id, None, Current).await.unwrap();
    let Loaded { record, version } = loaded.expect("a live session is always found");
    (version, record.state.get("value").unwrap().unwrap())
}

/// Adds one to the value of a session.
async fn increment(store: &Store, id: &SessionId) {
    loop {
        let (version, value) = value(store, id).await;
        let (next, new) = (record(value + 1), Version::generate());
        match store.update(id, version, &next, new, HOUR).await.unwrap() {
            UpdateOutcome::Updated => return,
            outcome => assert_eq!(outcome, UpdateOutcome::Conflict),
        }
    }
}

/// Two servers change sessions that are in the old store, and a third process moves all of them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_race_lose_no_write() {
    const SESSIONS: usize = 20;
    let (old, new) = (Place::sqlite(), Place::postgres());
    let open = async || MigratingStore::new(old.open().await, new.open().await).unwrap();
    let servers: [Store; 2] = [open().await, open().await];
    let mut ids = Vec::new();
    for _ in 0..SESSIONS {
        let (id, record) = (SessionId::generate(), record(0));
        let old = servers[0].old_store();
        let created = old.create(&id, &record, Version::generate(), HOUR);
        created.await.unwrap();
        ids.push(id);
    }
    let mut tasks = JoinSet::new();
    for id in &ids {
        for number in 0..4 {
            let (store, id) = (servers[number % 2].clone(), id.clone());
            tasks.spawn(async move {
                for _ in 0..3 {
                    increment(&store, &id).await;
                }
            });
        }
    }
    let mover = servers[1].clone();
    tasks.spawn(async move {
        let limit = std::num::NonZeroU32::new(3).unwrap();
        let mut after = mover.move_some(None, limit).await.unwrap();
        while after.is_some() {
            after = mover.move_some(after.as_ref(), limit).await.unwrap();
        }
    });
    in_time(async {
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
    })
    .await;
    for id in &ids {
        assert_eq!(value(&servers[0], id).await.1, 12);
    }
    assert_eq!(servers[0].old_store().count().await.unwrap(), 0);
    assert_eq!(servers[0].count().await.unwrap(), SESSIONS as u64);
}
