//! Concurrent requests of one session, on several workers.

use serde_json::json;
use sessile::storage::RedisActorSessionStore;
use sessile_rig::redis::Redis;

use crate::{
    server::{get, serve},
    setup::address,
};

const ROUNDS: usize = 10;
const MANY: usize = 20;

#[actix_web::test]
async fn writes_are_all_kept() {
    let redis = Redis::start().unwrap();
    let server = serve(RedisActorSessionStore::new(address(&redis)));
    for _ in 0..ROUNDS {
        let cookie = get(&server, "/add/before", "").await.unwrap().cookie();
        let sum: Vec<_> = (0..MANY)
            .map(|_| get(&server, "/add/sum", &cookie))
            .collect();
        let own: Vec<_> = (0..MANY)
            .map(|number| get(&server, &format!("/add/own{number}"), &cookie))
            .collect();
        for reply in sum.into_iter().chain(own) {
            assert_eq!(reply.await.unwrap().status, 200);
        }
        let mut expected = json!({"before": 1, "sum": MANY});
        for number in 0..MANY {
            expected[format!("own{number}")] = json!(1);
        }
        assert_eq!(get(&server, "/", &cookie).await.unwrap().state(), expected);
    }
}

#[actix_web::test]
async fn a_sign_out_is_final() {
    let redis = Redis::start().unwrap();
    let server = serve(RedisActorSessionStore::new(address(&redis)));
    for round in 0..ROUNDS {
        let cookie = get(&server, "/add/before", "").await.unwrap().cookie();
        let requests: Vec<_> = (0..MANY)
            .map(|number| match number == round {
                true => get(&server, "/purge", &cookie),
                false => get(&server, "/add/late", &cookie),
            })
            .collect();
        for reply in requests {
            assert_eq!(reply.await.unwrap().status, 200);
        }
        assert_eq!(get(&server, "/", &cookie).await.unwrap().state(), json!({}));
    }
}
