//! The commands that each operation sends.

use sessile::storage::SessionStore as _;
use sessile_rig::{proxy::Proxy, redis::Redis};

use crate::setup::{create, store, updated, value};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_is_one_command() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let store = store(format!("127.0.0.1:{}", proxy.port())).await;
    // After this the server knows the script.
    let at = create(&store, 0).await;
    updated(&store, &at, 0).await;
    proxy.take_requests();

    let at = create(&store, 1).await;
    assert_eq!(proxy.take_requests(), ["SET"]);
    value(&store, &at).await.unwrap();
    assert_eq!(proxy.take_requests(), ["GET"]);
    let at = updated(&store, &at, 2).await;
    assert_eq!(proxy.take_requests(), ["EVALSHA"]);
    store.delete(&at.id).await.unwrap();
    assert_eq!(proxy.take_requests(), ["DEL"]);
}
