//! Iterating over all sessions, counting and clearing them, and checking and closing the store, through an actor.

use sessile::{
    storage::RedisActorSessionStore,
    test_helpers::{clear_test_suite, iterable_store_test_suite, managed_store_test_suite},
};
use sessile_rig::redis::Redis;

use crate::setup::{ENOUGH, address, in_time};

#[actix_web::test]
async fn a_store_passes() {
    let redis = Redis::start().unwrap();
    let open = || {
        let builder = RedisActorSessionStore::builder(address(&redis));
        builder.response_timeout(ENOUGH).build()
    };
    let store = open();
    let shared = store.clone();
    in_time(iterable_store_test_suite(move || shared.clone())).await;
    in_time(clear_test_suite(move || store.clone())).await;
    in_time(managed_store_test_suite(async || open())).await;
}
