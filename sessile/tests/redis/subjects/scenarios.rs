//! Many sign-ins at once under a limit, and ends of all sessions while requests are in flight, over every kind of connection.

use deadpool_redis::{Config, Runtime};
use sessile::storage::{CreateOutcome, RedisSessionStore};
use sessile_rig::redis::{Cluster, Redis, Sentinel};

use super::scene::User;
use crate::{
    cluster::url_of,
    sentinel::url_of_master,
    setup::{ENOUGH, patient_near_store, patient_store, store, until_it_works},
    subject_scenarios::scenarios,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server() {
    let redis = Redis::start().unwrap();
    let first = patient_store(redis.url()).await;
    scenarios(&[first, patient_store(redis.url()).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_behind_near_caches() {
    let redis = Redis::start().unwrap();
    let first = patient_near_store(redis.url()).await;
    scenarios(&[first, patient_near_store(redis.url()).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool() {
    let redis = Redis::start().unwrap();
    let store = async || {
        let pool = Config::from_url(redis.url()).create_pool(Some(Runtime::Tokio1));
        let builder = RedisSessionStore::builder_pooled(pool.unwrap());
        builder.response_timeout(ENOUGH).build().await.unwrap()
    };
    scenarios(&[store().await, store().await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster() {
    let cluster = Cluster::start().unwrap();
    let first = patient_store(url_of(&cluster)).await;
    scenarios(&[first, patient_store(url_of(&cluster)).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_sentinels_watch() {
    let sentinel = Sentinel::start().unwrap();
    let first = patient_store(url_of_master(&sentinel)).await;
    scenarios(&[first, patient_store(url_of_master(&sentinel)).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn marks_survive_a_restart_of_the_server() {
    let mut redis = Redis::start().unwrap();
    let store = store(redis.url()).await;
    let user = User::of(&store);
    user.create(10).await;
    let guest = crate::setup::create(&store, 1).await;
    user.end_all(100).await;
    redis.kill().unwrap();
    redis.restart().unwrap();
    until_it_works(&store, &guest).await;
    let (session, outcome) = user.try_create(100).await.unwrap();
    assert!(matches!(outcome, CreateOutcome::Refused(_)));
    assert!(!user.opens(&session.id).await);

    let ttl = redis.command(&["PTTL", &user.key("mark")]).unwrap();
    let days = ttl.integer().unwrap() as f64 / 86_400_000.0;
    assert!((399.9..=400.0).contains(&days), "{days}");
}
