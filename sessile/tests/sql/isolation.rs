//! Updates that race under any transaction isolation, and servers with unusual defaults.

use std::time::Duration;

use sessile::storage::{
    CreateOutcome, Freshness::Current, SessionStore as _, UpdateOutcome, Version,
};
use tokio::task::JoinSet;

use crate::{
    conditions::ISOLATIONS,
    engine::{self, Server, Store},
    sql::setup::{At, MINUTE, create, create_record, in_time, record, store, updated_for, value},
};

/// Adds one to the value of a record, as often as it takes.
async fn add_one(store: Store, at: At) {
    loop {
        let loaded = store.load(&at.id, None, Current).await.unwrap().unwrap();
        let value: u32 = loaded.record.state.get("value").unwrap().unwrap();
        let (new, version) = (record(value + 1), Version::generate());
        let update = store.update(&at.id, loaded.version, &new, version, MINUTE);
        match update.await.unwrap() {
            UpdateOutcome::Updated => return,
            UpdateOutcome::Conflict => {}
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_update_is_lost_under_any_isolation() {
    const WRITERS: u32 = 20;
    for setting in ISOLATIONS {
        let server = Server::start_with(&[setting]).unwrap();
        let stores = [store(&server).await, store(&server).await];
        let at = create(&stores[0], 0).await;
        for round in 1..=5 {
            let mut writers = JoinSet::new();
            for number in 0..WRITERS {
                let store = stores[number as usize % 2].clone();
                writers.spawn(add_one(store, at.clone()));
            }
            in_time(writers.join_all()).await;
            let sum = value(&stores[0], &at).await.unwrap();
            assert_eq!(sum, Some(round * WRITERS), "{setting}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_many_creates_succeeds_under_any_isolation() {
    for setting in ISOLATIONS {
        let server = Server::start_with(&[setting]).unwrap();
        let store = store(&server).await;
        for _ in 0..10 {
            // The row is there, but has expired.
            let at = create_record(&store, &record(1), Duration::ZERO).await;
            let at = at.unwrap();
            let mut creates = JoinSet::new();
            for number in 0..10 {
                let (store, id) = (store.clone(), at.id.clone());
                creates.spawn(async move {
                    let (record, version) = (record(number), Version::generate());
                    let created = store.create(&id, &record, version, MINUTE);
                    created.await.unwrap()
                });
            }
            let outcomes = in_time(creates.join_all()).await;
            let created = outcomes.iter().filter(|it| **it == CreateOutcome::Created);
            assert_eq!(created.count(), 1, "{setting}: {outcomes:?}");
        }
    }
}

#[tokio::test]
async fn the_defaults_of_the_server_have_no_effect() {
    let server = Server::start_with(engine::ODD_SETTINGS).unwrap();
    let store = store(&server).await;
    let created = create_record(&store, &record(1), 10 * MINUTE).await;
    let at = updated_for(&store, &created.unwrap(), 2, 20 * MINUTE).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(2));
    let at = updated_for(&store, &at, 3, Duration::ZERO).await;
    assert_eq!(value(&store, &at).await.unwrap(), None);
    assert_eq!(store.delete_expired(1).await.unwrap(), 1);
    let kept = create(&store, 4).await;
    assert_eq!(value(&store, &kept).await.unwrap(), Some(4));
}
