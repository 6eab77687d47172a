//! The acceptance suite.

use sessile::{storage::RedisActorSessionStore, test_helpers::acceptance_test_suite};
use sessile_rig::redis::Redis;

use crate::setup::{address, in_time};

async fn passes(store: RedisActorSessionStore) {
    in_time(acceptance_test_suite(move || store.clone(), true)).await;
}

#[actix_web::test]
async fn a_store_passes() {
    let redis = Redis::start().unwrap();
    passes(RedisActorSessionStore::new(address(&redis))).await;
    passes(RedisActorSessionStore::new(redis.url())).await;
}

#[actix_web::test]
async fn a_store_with_its_own_redis_keys_passes() {
    let redis = Redis::start().unwrap();
    let builder = RedisActorSessionStore::builder(address(&redis));
    let store = builder.cache_keygen(|id| format!("session:{id}")).build();
    passes(store).await;
    let keys = redis.command(&["KEYS", "*"]).unwrap();
    assert!(!keys.items().is_empty());
    for key in keys.items() {
        assert!(key.text().unwrap().starts_with("session:"));
    }
}
