//! A server that starts late, hangs, fails and returns, and a key function that panics.

use std::{
    error::Error as _,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use actix_web::rt::spawn;
use sessile::{
    clock::{Clock as _, SystemClock},
    record::Record,
    storage::{
        CreateOutcome, RedisActorSessionStore, SessionId, SessionStore as _, StoreError,
        StoreErrorKind, UpdateOutcome, Version,
    },
};
use sessile_rig::redis::Redis;

use crate::setup::{address, connections, in_time, load};

/// The timeout, and an allowance for scheduling.
const LIMIT: Duration = Duration::from_millis(1200);
const MINUTE: Duration = Duration::from_secs(60);

async fn create(store: &RedisActorSessionStore) -> Result<SessionId, StoreError> {
    let (id, version) = (SessionId::generate(), Version::generate());
    let record = Record::new(SystemClock.now());
    let created = store.create(&id, &record, version, MINUTE).await?;
    assert_eq!(created, CreateOutcome::Created);
    Ok(id)
}

#[actix_web::test]
async fn every_operation_reaches_redis() {
    let redis = Redis::start().unwrap();
    let store = RedisActorSessionStore::new(address(&redis));
    assert!(store.opens_actix_session_key(&"k".repeat(64)));
    let id = create(&store).await.unwrap();
    let before = load(&store, &id).await.unwrap().unwrap();
    let version = Version::generate();
    let updated = store
        .update(&id, before.version, &before.record, version, MINUTE)
        .await;
    assert_eq!(updated.unwrap(), UpdateOutcome::Updated);
    let after = load(&store, &id).await.unwrap().unwrap();
    assert_eq!((after.record, after.version), (before.record, version));
    store.delete(&id).await.unwrap();
    assert_eq!(load(&store, &id).await.unwrap(), None);
}

#[actix_web::test]
async fn the_last_clone_ends_the_actor_and_its_connection() {
    let redis = Redis::start().unwrap();
    let store = RedisActorSessionStore::new(address(&redis));
    let loaded = load(&store, &SessionId::generate()).await;
    assert!(loaded.unwrap().is_none());
    assert_eq!(connections(&redis), 1);
    drop(store);
    in_time(async {
        while connections(&redis) > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

/// Many operations fail at the same time, all within the timeout.
async fn all_fail(store: &RedisActorSessionStore) {
    let begun = Instant::now();
    let loads = (0..200).map(|_| {
        let store = store.clone();
        spawn(async move { load(&store, &SessionId::generate()).await })
    });
    for load in loads.collect::<Vec<_>>() {
        let error = in_time(load).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
}

/// It loads the session within two seconds.
async fn works_again(store: &RedisActorSessionStore, id: &SessionId) {
    let begun = Instant::now();
    let loaded = in_time(async {
        loop {
            if let Ok(loaded) = load(store, id).await {
                return loaded;
            }
            // Operations that fail at once must not use the whole processor.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(loaded.is_some());
}

#[actix_web::test]
async fn operations_fail_while_a_server_hangs_or_is_down() {
    let mut redis = Redis::start().unwrap();
    let store = RedisActorSessionStore::new(address(&redis));
    let id = create(&store).await.unwrap();
    redis.stop().unwrap();
    all_fail(&store).await;
    all_fail(&store).await;
    redis.cont().unwrap();
    works_again(&store, &id).await;

    redis.kill().unwrap();
    all_fail(&store).await;
    redis.restart().unwrap();
    works_again(&store, &id).await;
}

#[actix_web::test]
async fn operations_wait_for_a_first_connection_until_the_timeout() {
    let mut redis = Redis::start().unwrap();
    redis.kill().unwrap();
    let store = RedisActorSessionStore::new(address(&redis));
    all_fail(&store).await;
    let error = create(&store).await.unwrap_err();
    assert!(!error.may_have_happened());
    assert_eq!(
        error.source().unwrap().to_string(),
        "there is no connection to Redis yet"
    );
    assert!(
        error.source().unwrap().source().is_some(),
        "the cause is missing"
    );
    redis.restart().unwrap();
    let begun = Instant::now();
    create(&store).await.unwrap();
    assert!(begun.elapsed() < LIMIT);
}

#[actix_web::test]
async fn operations_fail_if_the_server_hangs_from_the_beginning() {
    let mut redis = Redis::start().unwrap();
    redis.stop().unwrap();
    let store = RedisActorSessionStore::new(address(&redis));
    all_fail(&store).await;
    redis.cont().unwrap();
    in_time(async { while create(&store).await.is_err() {} }).await;
}

#[actix_web::test]
async fn a_wrong_password_fails_immediately() {
    let redis = Redis::start_with(&["--requirepass", "secret"]).unwrap();
    let store = RedisActorSessionStore::builder(format!("redis://:hunter2@{}", address(&redis)))
        .response_timeout(MINUTE)
        .build();
    let error = in_time(create(&store)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Denied);
    let right = format!("redis://:secret@{}", address(&redis));
    create(&RedisActorSessionStore::new(right)).await.unwrap();
}

#[actix_web::test]
async fn a_panic_fails_only_its_own_operation() {
    static PANIC: AtomicBool = AtomicBool::new(false);
    let redis = Redis::start().unwrap();
    let store = RedisActorSessionStore::builder(address(&redis))
        .cache_keygen(|id| {
            assert!(
                !PANIC.swap(false, Ordering::SeqCst),
                "the panic of this test"
            );
            id.to_owned()
        })
        .build();
    let id = create(&store).await.unwrap();
    PANIC.store(true, Ordering::SeqCst);
    let request = {
        let (store, id) = (store.clone(), id.clone());
        spawn(async move { load(&store, &id).await })
    };
    assert!(in_time(request).await.unwrap_err().is_panic());
    assert!(in_time(load(&store, &id)).await.unwrap().is_some());
}
