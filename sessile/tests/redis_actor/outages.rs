//! A server that is not there yet, hangs, dies and comes back; and an actor that fails.

use std::{
    error::Error as _,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use actix_web::rt::{spawn, task::spawn_blocking};
use serde_json::json;
use sessile::{
    Clock as _, Record, SystemClock,
    storage::{
        RedisActorSessionStore, SessionKey, SessionStore as _, StoreError, StoreErrorKind,
        generate_session_key,
    },
};
use sessile_rig::redis::Redis;

use crate::setup::{address, get, in_time, serve};

/// The timeout, and what scheduling may add.
const LIMIT: Duration = Duration::from_millis(1200);
const MINUTE: Duration = Duration::from_secs(60);

async fn create(store: &RedisActorSessionStore) -> Result<SessionKey, StoreError> {
    let record = Record::new(SystemClock.now());
    Ok(store.create(&record, MINUTE).await?.key)
}

/// Many operations fail, all within the timeout, and none waits for another.
async fn all_fail(store: &RedisActorSessionStore) {
    let begun = Instant::now();
    let loads = (0..200).map(|_| {
        let store = store.clone();
        spawn(async move { store.load(&generate_session_key()).await })
    });
    for load in loads.collect::<Vec<_>>() {
        let error = in_time(load).await.unwrap().unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    }
    assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
}

/// It reads what was there, within two seconds.
async fn works_again(store: &RedisActorSessionStore, key: &SessionKey) {
    let begun = Instant::now();
    let loaded = in_time(async {
        loop {
            if let Ok(loaded) = store.load(key).await {
                return loaded;
            }
            // Only so that failing at once doesn't take the whole processor.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(2));
    assert!(loaded.is_some());
}

#[actix_web::test]
async fn a_server_that_hangs_or_dies_is_not_waited_for() {
    let mut redis = Redis::start().unwrap();
    let store = RedisActorSessionStore::new(address(&redis));
    let key = create(&store).await.unwrap();
    redis.stop().unwrap();
    all_fail(&store).await;
    all_fail(&store).await;
    redis.cont().unwrap();
    works_again(&store, &key).await;

    redis.kill().unwrap();
    all_fail(&store).await;
    redis.restart().unwrap();
    works_again(&store, &key).await;
}

#[actix_web::test]
async fn requests_are_answered_whatever_happens_to_it() {
    let mut redis = Redis::start().unwrap();
    let server = serve(RedisActorSessionStore::new(address(&redis)));
    let cookie = get(&server, "/add/n", "").await.unwrap().cookie();
    redis.stop().unwrap();
    let requests: Vec<_> = (0..50).map(|_| get(&server, "/", &cookie)).collect();
    for reply in requests {
        assert_eq!(reply.await.unwrap().status, 503);
    }
    redis.kill().unwrap();
    redis.restart().unwrap();
    in_time(async {
        // Each worker has to notice.
        let mut in_a_row = 0;
        while in_a_row < 10 {
            match get(&server, "/", &cookie).await.unwrap() {
                reply if reply.status == 503 => in_a_row = 0,
                reply => {
                    assert_eq!(reply.state(), json!({"n": 1}));
                    in_a_row += 1;
                }
            }
        }
    })
    .await;
}

#[actix_web::test]
async fn what_is_asked_while_it_connects_is_done_when_it_has() {
    let mut redis = Redis::start().unwrap();
    redis.kill().unwrap();
    let store = RedisActorSessionStore::builder(address(&redis))
        .response_timeout(MINUTE)
        .build();
    let server = serve(store);
    let requests: Vec<_> = (0..20).map(|_| get(&server, "/add/n", "")).collect();
    // Attempts fail meanwhile, and actors are started anew: as those of somebody less patient.
    let impatient = RedisActorSessionStore::builder(address(&redis))
        .response_timeout(Duration::from_millis(300))
        .build();
    assert!(create(&impatient).await.is_err());
    assert!(requests.iter().all(|request| !request.is_finished()));
    let _redis = spawn_blocking(move || {
        redis.restart().unwrap();
        redis
    })
    .await
    .unwrap();
    for reply in requests {
        let cookie = reply.await.unwrap().cookie();
        assert_eq!(
            get(&server, "/", &cookie).await.unwrap().state(),
            json!({"n": 1})
        );
    }
}

#[actix_web::test]
async fn a_server_that_is_not_up_is_waited_for_no_longer_than_the_timeout() {
    let mut redis = Redis::start().unwrap();
    redis.kill().unwrap();
    let store = RedisActorSessionStore::new(address(&redis));
    all_fail(&store).await;
    let error = create(&store).await.unwrap_err();
    assert_eq!(
        error.source().unwrap().to_string(),
        "there is no connection to Redis yet"
    );
    assert!(
        error.source().unwrap().source().is_some(),
        "the cause is not told"
    );
    redis.restart().unwrap();
    let begun = Instant::now();
    create(&store).await.unwrap();
    assert!(begun.elapsed() < LIMIT);
}

#[actix_web::test]
async fn a_server_that_hangs_from_the_beginning_is_not_waited_for() {
    let mut redis = Redis::start().unwrap();
    redis.stop().unwrap();
    let store = RedisActorSessionStore::new(address(&redis));
    all_fail(&store).await;
    redis.cont().unwrap();
    in_time(async { while create(&store).await.is_err() {} }).await;
}

#[actix_web::test]
async fn a_wrong_password_is_told_at_once() {
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
async fn a_panic_costs_the_operation_that_it_is_in() {
    static PANIC: AtomicBool = AtomicBool::new(false);
    let redis = Redis::start().unwrap();
    let store = RedisActorSessionStore::builder(address(&redis))
        .cache_keygen(|id| {
            assert!(!PANIC.swap(false, Ordering::SeqCst), "as the test wants it");
            id.to_owned()
        })
        .build();
    let key = create(&store).await.unwrap();
    PANIC.store(true, Ordering::SeqCst);
    let error = in_time(store.load(&key)).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(in_time(store.load(&key)).await.unwrap().is_some());
}
