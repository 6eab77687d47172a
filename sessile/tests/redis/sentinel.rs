//! A master that fails and is replaced by its replica.

use std::time::Duration;

use sessile::storage::{RedisSessionStore, StoreErrorKind};
use sessile_rig::redis::Sentinel;

use crate::setup::{
    create, failed, in_time, kind, store, try_create, until_it_works, until_replicated, updated,
    value, whole,
};

pub(crate) fn url_of_master(sentinel: &Sentinel) -> String {
    url_of(sentinel, sentinel.master_name())
}

fn url_of(sentinel: &Sentinel, master: &str) -> String {
    let hosts: Vec<String> = sentinel
        .sentinel_urls()
        .iter()
        .map(|url| url.trim_start_matches("redis://").to_owned())
        .collect();
    format!("redis+sentinel://{}/{master}", hosts.join(","))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_new_master_is_found() {
    let mut sentinel = Sentinel::start().unwrap();
    let store = store(url_of_master(&sentinel)).await;
    let at = create(&store, 1).await;
    sentinel.wait_until_whole(Duration::from_secs(30)).unwrap();
    until_replicated(sentinel.servers(), &at).await;
    sentinel.kill_master().unwrap();
    assert_eq!(
        kind(in_time(value(&store, &at)).await),
        StoreErrorKind::Unavailable
    );

    sentinel.wait_for_failover(Duration::from_secs(50)).unwrap();
    let waited = until_it_works(&store, &at).await;
    assert!(waited < Duration::from_secs(2), "{waited:?}");
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    updated(&store, &at, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_became_a_replica_is_disconnected() {
    let sentinel = Sentinel::start().unwrap();
    let store = store(url_of_master(&sentinel)).await;
    let at = create(&store, 1).await;
    sentinel.wait_until_whole(Duration::from_secs(30)).unwrap();
    until_replicated(sentinel.servers(), &at).await;
    let before = sentinel.master_port().unwrap();
    let name = sentinel.master_name().to_owned();
    let told = sentinel.sentinels()[0].command(&["SENTINEL", "FAILOVER", &name]);
    assert!(told.unwrap().is_ok());

    in_time(async {
        while sentinel.master_port().unwrap() == before {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        while try_create(&store).await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    updated(&store, &at, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_running_sentinel_is_enough() {
    let mut sentinel = Sentinel::start().unwrap();
    let url = url_of_master(&sentinel);
    for index in [0, 1] {
        sentinel.sentinels_mut()[index].kill().unwrap();
    }
    let store = store(url.clone()).await;
    let at = create(&store, 1).await;
    sentinel.sentinels_mut()[2].kill().unwrap();
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    let error = failed(RedisSessionStore::new(url).await);
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_master_is_named() {
    let sentinel = Sentinel::start().unwrap();
    let error = failed(RedisSessionStore::new(url_of(&sentinel, "unknown")).await);
    let text = whole(&error);
    assert_eq!(error.kind(), StoreErrorKind::Misconfigured, "{text}");
    assert!(text.contains("`unknown`"), "{text}");
}
