//! The acceptance suite, over every kind of connection.

use deadpool_redis::{Config, Runtime};
use sessile::{storage::RedisSessionStore, test_helpers::acceptance_test_suite};
use sessile_rig::redis::{Cluster, Redis, Sentinel};

use crate::{
    cluster::url_of,
    sentinel::url_of_master,
    setup::{in_time, near_store, store, trusting},
};

async fn passes(store: RedisSessionStore) {
    in_time(acceptance_test_suite(move || store.clone(), true)).await;
}

#[actix_web::test]
async fn one_server() {
    let redis = Redis::start().unwrap();
    passes(store(redis.url()).await).await;
}

#[actix_web::test]
async fn one_server_with_keys_of_our_own() {
    let redis = Redis::start().unwrap();
    let builder = RedisSessionStore::builder(format!("127.0.0.1:{}", redis.port()));
    let store = builder.cache_keygen(|id| format!("session:{{{id}}}"));
    passes(store.build().await.unwrap()).await;
    let keys = redis.command(&["KEYS", "*"]).unwrap();
    assert!(!keys.items().is_empty());
    for key in keys.items() {
        assert!(key.text().unwrap().starts_with("session:{"));
    }
}

#[actix_web::test]
async fn one_server_behind_a_near_cache() {
    let redis = Redis::start().unwrap();
    passes(near_store(redis.url()).await).await;
}

#[actix_web::test]
async fn a_cluster_behind_a_near_cache() {
    let cluster = Cluster::start().unwrap();
    passes(near_store(url_of(&cluster)).await).await;
}

#[actix_web::test]
async fn a_master_that_sentinels_watch_behind_a_near_cache() {
    let sentinel = Sentinel::start().unwrap();
    passes(near_store(url_of_master(&sentinel)).await).await;
}

#[actix_web::test]
async fn a_unix_socket() {
    let redis = Redis::start().unwrap();
    passes(store(format!("unix:{}", redis.unix_socket().display())).await).await;
}

#[actix_web::test]
async fn a_pool() {
    let redis = Redis::start().unwrap();
    let pool = Config::from_url(redis.url())
        .create_pool(Some(Runtime::Tokio1))
        .unwrap();
    let store = RedisSessionStore::new_pooled(pool).await.unwrap();
    passes(store).await;
}

#[actix_web::test]
async fn a_cluster() {
    let cluster = Cluster::start().unwrap();
    passes(store(url_of(&cluster)).await).await;
}

#[actix_web::test]
async fn a_master_that_sentinels_watch() {
    let sentinel = Sentinel::start().unwrap();
    passes(store(url_of_master(&sentinel)).await).await;
}

#[cfg(feature = "_redis-tls")]
#[actix_web::test]
async fn a_server_with_tls() {
    use sessile_rig::redis::TlsRedis;

    let redis = TlsRedis::start().unwrap();
    let builder = RedisSessionStore::builder(redis.url()).tls(trusting(&redis));
    passes(builder.build().await.unwrap()).await;
}
