//! Requests to servers with several workers, each with a connection of its own.

use std::time::Duration;

use actix_web::rt::task::spawn_blocking;
use serde_json::json;
use sessile::storage::{RedisActorSessionStore, SessionId};
use sessile_rig::redis::Redis;

use crate::{
    server::{WORKERS, get, serve},
    setup::{address, connections, in_time, load},
};

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
async fn requests_are_answered_while_the_server_hangs_and_restarts() {
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
        // Each worker has its own connection.
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
async fn requests_wait_for_the_first_connection() {
    let mut redis = Redis::start().unwrap();
    redis.kill().unwrap();
    let store = RedisActorSessionStore::builder(address(&redis))
        .response_timeout(Duration::from_secs(60))
        .build();
    let server = serve(store);
    let requests: Vec<_> = (0..20).map(|_| get(&server, "/add/n", "")).collect();
    // In the meantime attempts fail and actors are restarted. The actors of another store show that.
    let impatient = RedisActorSessionStore::builder(address(&redis))
        .response_timeout(Duration::from_millis(300))
        .build();
    let loaded = load(&impatient, &SessionId::generate()).await;
    assert!(loaded.is_err());
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
