//! The suites of what the store has beside the contract, over every kind of connection.

use deadpool_redis::{Config, Runtime};
use sessile::{
    storage::RedisSessionStore,
    test_helpers::{
        clear_test_suite, end_everything_test_suite, iterable_store_test_suite,
        managed_store_test_suite, subject_store_test_suite,
    },
};
use sessile_rig::redis::{Cluster, Redis, Sentinel};

use crate::{
    cluster::url_of,
    sentinel::url_of_master,
    setup::{ENOUGH, patient_near_store, patient_store},
};

async fn passes(open: impl AsyncFn() -> RedisSessionStore) {
    let store = open().await;
    let shared = || {
        let store = store.clone();
        move || store.clone()
    };
    subject_store_test_suite(shared()).await;
    iterable_store_test_suite(shared()).await;
    clear_test_suite(shared()).await;
    end_everything_test_suite(shared()).await;
    managed_store_test_suite(open).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server() {
    let redis = Redis::start().unwrap();
    passes(async || patient_store(redis.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_behind_a_near_cache() {
    let redis = Redis::start().unwrap();
    passes(async || patient_near_store(redis.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool() {
    let redis = Redis::start().unwrap();
    let pool = Config::from_url(redis.url()).create_pool(Some(Runtime::Tokio1));
    let pool = pool.unwrap();
    passes(async || {
        let builder = RedisSessionStore::builder_pooled(pool.clone());
        builder.response_timeout(ENOUGH).build().await.unwrap()
    })
    .await;
    assert!(!pool.is_closed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster() {
    let cluster = Cluster::start().unwrap();
    passes(async || patient_store(url_of(&cluster)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_behind_a_near_cache() {
    let cluster = Cluster::start().unwrap();
    passes(async || patient_near_store(url_of(&cluster)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_sentinels_watch() {
    let sentinel = Sentinel::start().unwrap();
    passes(async || patient_store(url_of_master(&sentinel)).await).await;
}
