//! Rows of sessions whose time is over.

use std::time::Duration;

use sessile::storage::SessionStore as _;

use crate::{
    engine::{self, Server, Store},
    sql::setup::{MINUTE, create, in_time, record, rows, store, value},
};

/// So many rows whose time is over, in one statement; the first one's for the longest time.
fn add_expired(server: &Server, count: u32) {
    server.execute(&engine::insert_expired(count)).unwrap();
}

#[tokio::test]
async fn only_what_is_over_is_deleted_and_the_oldest_first() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let live = create(&store, 1).await;
    assert_eq!(store.delete_expired(100).await.unwrap(), 0);
    add_expired(&server, 5);
    assert_eq!(store.delete_expired(0).await.unwrap(), 0);
    assert_eq!(store.delete_expired(3).await.unwrap(), 3);
    let left = "SELECT min(expires_at) FROM sessile_sessions";
    assert_eq!(server.execute(left).unwrap(), "4\n");
    assert_eq!(store.delete_expired(3).await.unwrap(), 2);
    assert_eq!(value(&store, &live).await.unwrap(), Some(1));
    assert_eq!(rows(&server), 1);
}

#[tokio::test]
async fn more_than_a_batch_is_deleted_at_once_if_that_is_asked_for() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    add_expired(&server, 1700);
    assert_eq!(store.delete_expired(1600).await.unwrap(), 1600);
    assert_eq!(store.delete_expired(u32::MAX).await.unwrap(), 100);
}

#[tokio::test]
async fn what_is_over_is_not_served_before_it_is_deleted() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let ended = store.create(&record(1), Duration::ZERO).await.unwrap();
    assert_eq!(rows(&server), 1);
    assert_eq!(value(&store, &ended).await.unwrap(), None);
    let longest = store.create(&record(2), Duration::MAX).await.unwrap();
    assert_eq!(value(&store, &longest).await.unwrap(), Some(2));
}

#[tokio::test]
async fn the_clean_up_task_goes_through_all_batches_and_stops() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    add_expired(&server, 1100);
    let live = create(&store, 1).await;
    let cleanup = store.start_cleanup(MINUTE);
    in_time(async {
        while rows(&server) > 1 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    cleanup.stop().await;
    assert_eq!(value(&store, &live).await.unwrap(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_cleaners_and_users_are_not_in_each_others_way() {
    const EXPIRED: u32 = 5000;
    let server = Server::start().unwrap();
    let store = store(&server).await;
    add_expired(&server, EXPIRED);
    let clean = |store: Store| async move {
        let mut deleted = 0;
        let mut empty = 0;
        // What the others are at now isn't there for this one.
        while empty < 3 {
            let now = store.delete_expired(300).await.unwrap();
            empty += u32::from(now == 0);
            deleted += now;
        }
        deleted
    };
    let cleaners: Vec<_> = (0..3).map(|_| tokio::spawn(clean(store.clone()))).collect();
    let users: Vec<_> = (0..3)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    let at = create(&store, 1).await;
                    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
                }
            })
        })
        .collect();
    let mut deleted = 0;
    for cleaner in cleaners {
        deleted += in_time(cleaner).await.unwrap();
    }
    for user in users {
        in_time(user).await.unwrap();
    }
    deleted += store.delete_expired(EXPIRED).await.unwrap();
    assert_eq!(deleted, u64::from(EXPIRED));
    assert_eq!(rows(&server), 300);
}
