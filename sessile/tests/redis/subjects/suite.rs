//! The suite of stores with subjects, over every kind of connection.

use deadpool_redis::{Config, Runtime};
use sessile::{
    storage::RedisSessionStore,
    test_helpers::{end_everything_test_suite, subject_store_test_suite},
};
use sessile_rig::redis::{Cluster, Redis, Sentinel};

use crate::{
    cluster::url_of,
    sentinel::url_of_master,
    setup::{ENOUGH, patient_near_store, patient_store},
};

async fn passes(store: RedisSessionStore) {
    let shared = store.clone();
    subject_store_test_suite(move || shared.clone()).await;
    end_everything_test_suite(move || store.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server() {
    let redis = Redis::start().unwrap();
    passes(patient_store(redis.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_behind_a_near_cache() {
    let redis = Redis::start().unwrap();
    passes(patient_near_store(redis.url()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool() {
    let redis = Redis::start().unwrap();
    let pool = Config::from_url(redis.url()).create_pool(Some(Runtime::Tokio1));
    let builder = RedisSessionStore::builder_pooled(pool.unwrap()).response_timeout(ENOUGH);
    passes(builder.build().await.unwrap()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster() {
    let cluster = Cluster::start().unwrap();
    passes(patient_store(url_of(&cluster)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_behind_a_near_cache() {
    let cluster = Cluster::start().unwrap();
    passes(patient_near_store(url_of(&cluster)).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_sentinels_watch() {
    let sentinel = Sentinel::start().unwrap();
    passes(patient_store(url_of_master(&sentinel)).await).await;
}
