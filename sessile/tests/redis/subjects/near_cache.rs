//! Marks and near caches.

use sessile::storage::{Freshness, RedisSessionStore, SessionId, SessionStore as _};
use sessile_rig::redis::{Cluster, Redis};

use super::scene::User;
use crate::{
    cluster::url_of,
    setup::{in_time, near_store, store},
};

async fn is_cached(user: &User, id: &SessionId) -> bool {
    let subject = user.subject();
    let loaded = user.store.load(id, Some(&subject), Freshness::Cached).await;
    loaded.unwrap().is_some()
}

/// A mark reaches a near cache even if no index names the session, so that it is not deleted.
async fn marks_arrive(near: RedisSessionStore, other: RedisSessionStore, forget: impl Fn(&str)) {
    let user = User::of(&other);
    let session = user.create(10).await;
    let near = user.at(&near);
    assert!(is_cached(&near, &session.id).await);
    assert!(is_cached(&near, &session.id).await);
    for part in ["sessions", "sign-ins", "new"] {
        forget(&user.key(part));
    }
    assert_eq!(user.end_all(100).await.1, []);
    in_time(async {
        while is_cached(&near, &session.id).await {
            tokio::task::yield_now().await;
        }
    })
    .await;
    // The server that ends them sees it at once.
    let session = near.create(200).await;
    assert!(is_cached(&near, &session.id).await);
    for part in ["sessions", "sign-ins", "new"] {
        forget(&user.key(part));
    }
    near.end_all(300).await;
    assert!(!is_cached(&near, &session.id).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_reaches_a_near_cache_of_one_server() {
    let redis = Redis::start().unwrap();
    let stores = (near_store(redis.url()).await, store(redis.url()).await);
    marks_arrive(stores.0, stores.1, |key| {
        redis.command(&["DEL", key]).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mark_reaches_a_near_cache_of_a_cluster() {
    let cluster = Cluster::start().unwrap();
    let url = url_of(&cluster);
    let stores = (near_store(url.clone()).await, store(url).await);
    marks_arrive(stores.0, stores.1, |key| {
        let master = cluster.master_of(key).unwrap();
        cluster.nodes()[master].command(&["DEL", key]).unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_in_session_is_served_without_a_round_trip() {
    let redis = Redis::start().unwrap();
    let proxy = sessile_rig::proxy::Proxy::start(redis.port()).unwrap();
    let near = near_store(format!("127.0.0.1:{}", proxy.port())).await;
    let user = User::of(&near);
    let session = user.create(10).await;
    // Redis may announce this server's own change after the first read has begun.
    in_time(async {
        loop {
            proxy.take_requests();
            assert!(is_cached(&user, &session.id).await);
            if proxy.take_requests().is_empty() {
                break;
            }
        }
    })
    .await;
}
