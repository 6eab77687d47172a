//! Concurrent requests of one session, on every kind of Redis.

use deadpool_redis::{Config, Runtime};
use sessile::storage::RedisSessionStore;
use sessile_rig::redis::{Cluster, Redis, Sentinel};

use crate::{
    cluster::url_of,
    race_suite::Servers,
    sentinel::url_of_master,
    setup::{in_time, near_store, store, trusting},
};

const ROUNDS: usize = 10;

async fn race(racing: [RedisSessionStore; 2]) {
    let observer = racing[0].clone();
    in_time(Servers::new(racing, observer).race(ROUNDS)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server() {
    let redis = Redis::start().unwrap();
    race([store(redis.url()).await, store(redis.url()).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_server_behind_near_caches() {
    let redis = Redis::start().unwrap();
    let near = [near_store(redis.url()).await, near_store(redis.url()).await];
    let servers = Servers::new(near, store(redis.url()).await);
    in_time(servers.race(ROUNDS)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_behind_near_caches() {
    let cluster = Cluster::start().unwrap();
    let url = url_of(&cluster);
    let near = [near_store(url.clone()).await, near_store(url.clone()).await];
    in_time(Servers::new(near, store(url).await).race(ROUNDS)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool() {
    let redis = Redis::start().unwrap();
    let pool = || {
        let config = Config::from_url(redis.url());
        RedisSessionStore::new_pooled(config.create_pool(Some(Runtime::Tokio1)).unwrap())
    };
    race([pool().await.unwrap(), pool().await.unwrap()]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster() {
    let cluster = Cluster::start().unwrap();
    let url = url_of(&cluster);
    race([store(url.clone()).await, store(url).await]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_sentinels_watch() {
    let sentinel = Sentinel::start().unwrap();
    let url = url_of_master(&sentinel);
    race([store(url.clone()).await, store(url).await]).await;
}

#[cfg(feature = "_redis-tls")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_tls() {
    use sessile_rig::redis::TlsRedis;

    let redis = TlsRedis::start().unwrap();
    let connect = || {
        let builder = RedisSessionStore::builder(redis.url());
        builder.tls(trusting(&redis)).build()
    };
    race([connect().await.unwrap(), connect().await.unwrap()]).await;
}
