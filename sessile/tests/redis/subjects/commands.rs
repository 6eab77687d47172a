//! The commands that signed-in sessions need. Those of guests are in `round_trips.rs` and `requests.rs`.

use sessile::storage::{Freshness, SessionStore as _};
use sessile_rig::{proxy::Proxy, redis::Redis};

use super::scene::{User, limit};
use crate::setup::store;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_signed_in_sessions_need_more_commands() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let store = store(format!("127.0.0.1:{}", proxy.port())).await;
    let user = User::of(&store);
    // After this the server knows the scripts.
    let first = user.create(10).await;
    user.update(&first).await;
    user.sign_in(15, limit(3)).await.unwrap();
    proxy.take_requests();

    let session = user.create(20).await;
    assert_eq!(
        proxy.take_requests(),
        ["EVALSHA", "SET", "GET", "GET", "EVALSHA"]
    );
    let subject = user.subject();
    let loaded = store.load(&session.id, Some(&subject), Freshness::Current);
    assert!(loaded.await.unwrap().is_some());
    assert_eq!(proxy.take_requests(), ["GET", "GET", "GET"]);
    let session = user.update(&session).await;
    assert_eq!(proxy.take_requests(), ["EVALSHA", "EVALSHA", "GET", "GET"]);
    store.delete(&session.id).await.unwrap();
    assert_eq!(proxy.take_requests(), ["DEL"]);
    user.sign_in(30, limit(9)).await.unwrap();
    assert_eq!(
        proxy.take_requests(),
        ["EVALSHA", "SET", "GET", "GET", "EVALSHA"]
    );
}
