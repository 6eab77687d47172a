//! What every store has to do.

use sessile::{storage::RedisActorSessionStore, test_helpers::acceptance_test_suite};
use sessile_rig::redis::Redis;

use crate::setup::{WORKERS, address, get, in_time, serve};

async fn passes(store: RedisActorSessionStore) {
    in_time(acceptance_test_suite(move || store.clone(), true)).await;
}

#[actix_web::test]
async fn it_passes() {
    let redis = Redis::start().unwrap();
    passes(RedisActorSessionStore::new(address(&redis))).await;
    passes(RedisActorSessionStore::new(redis.url())).await;
}

#[actix_web::test]
async fn it_passes_with_keys_of_our_own() {
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

/// How many clients came through the network, as the rig doesn't.
fn connections(redis: &Redis) -> usize {
    let list = redis.command(&["CLIENT", "LIST"]).unwrap();
    let list = list.text().unwrap();
    let from_network = |line: &&str| line.contains(" addr=127.0.0.1:");
    list.lines().filter(from_network).count()
}

#[actix_web::test]
async fn each_worker_has_one_connection_which_ends_with_it() {
    let redis = Redis::start().unwrap();
    let server = serve(RedisActorSessionStore::new(address(&redis)));
    assert_eq!(connections(&redis), 0);
    for _ in 0..3 * WORKERS {
        assert_eq!(get(&server, "/add/n", "").await.unwrap().status, 200);
    }
    assert_eq!(connections(&redis), WORKERS);

    drop(server);
    in_time(async {
        while connections(&redis) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[actix_web::test]
async fn the_last_clone_takes_the_actor_with_it() {
    use sessile::storage::{SessionStore as _, generate_session_key};

    let redis = Redis::start().unwrap();
    let store = RedisActorSessionStore::new(address(&redis));
    assert!(store.load(&generate_session_key()).await.unwrap().is_none());
    assert_eq!(connections(&redis), 1);
    drop(store);
    in_time(async {
        while connections(&redis) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}
