//! The metrics of a store on Redis.

use sessile::storage::{NearCacheConfig, RedisSessionStore, SessionStore as _};
use sessile_rig::{
    proxy::Proxy,
    redis::{Cluster, Redis},
};

use crate::{
    cluster::url_of,
    recorded::Recorded,
    setup::{HOUR, create, in_time, store, until_it_works, updated, value},
};

#[tokio::test]
async fn attempts_to_connect_and_waits_for_a_connection_are_counted() {
    let redis = Redis::start().unwrap();
    let proxy = Proxy::start(redis.port()).unwrap();
    let recorded = Recorded::start();
    let store = store(format!("127.0.0.1:{}", proxy.port())).await;
    let at = create(&store, 1).await;
    assert_eq!(
        recorded.take("connects"),
        ["connects_total redis connected 1"]
    );
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    assert!(recorded.take("connect").is_empty());

    proxy.cut();
    until_it_works(&store, &at).await;
    let connects = recorded.take("connect");
    assert_eq!(
        connects,
        [
            "connection_wait_seconds redis 1",
            "connects_total redis connected 1",
        ]
    );
}

#[tokio::test]
async fn the_near_cache_counts_what_it_serves_and_what_it_holds() {
    let redis = Redis::start().unwrap();
    let recorded = Recorded::start();
    let near = RedisSessionStore::builder(redis.url())
        .near_cache(NearCacheConfig::default().max_staleness(HOUR));
    let near = in_time(near.build()).await.unwrap();
    let other = store(redis.url()).await;
    let at = create(&other, 1).await;
    recorded.take("");
    for _ in 0..3 {
        let loading = near.load(&at.id, None, sessile::storage::Freshness::Cached);
        loading.await.unwrap().unwrap();
    }
    let lines = recorded.take("near_cache");
    let [bytes, hits, misses, sessions] = lines.as_slice() else {
        panic!("{lines:?}");
    };
    assert_eq!(hits, "near_cache_hits_total 2");
    assert_eq!(misses, "near_cache_misses_total 1");
    assert_eq!(sessions, "near_cache_sessions 1");
    assert!(bytes.len() > "near_cache_bytes 99".len(), "{bytes}");

    updated(&other, &at, 2).await;
    in_time(async {
        loop {
            let lines = recorded.take("near_cache");
            if lines.contains(&"near_cache_sessions 0".to_owned()) {
                let invalidated = "near_cache_invalidations_total 1".to_owned();
                assert!(lines.contains(&invalidated), "{lines:?}");
                assert!(
                    lines.contains(&"near_cache_bytes 0".to_owned()),
                    "{lines:?}"
                );
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;

    // What it holds ends with it.
    let at = create(&other, 1).await;
    let loading = near.load(&at.id, None, sessile::storage::Freshness::Cached);
    loading.await.unwrap().unwrap();
    assert!(
        recorded
            .take("near_cache_s")
            .contains(&"near_cache_sessions 1".to_owned())
    );
    drop(near);
    in_time(async {
        while recorded.take("near_cache_s") != ["near_cache_sessions 0"] {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn redirects_in_a_cluster_are_counted() {
    let cluster = Cluster::start().unwrap();
    let store = store(url_of(&cluster)).await;
    let recorded = Recorded::start();
    let at = create(&store, 1).await;
    let key = at.redis_key();
    let home = cluster.master_of(&key).unwrap();
    let masters = cluster.masters();
    let away = *masters.iter().find(|&&it| it != home).unwrap();

    cluster.migrate_slot(&key, away).unwrap();
    let at = updated(&store, &at, 2).await;
    assert_eq!(recorded.take("redis"), ["redis_redirects_total moved 1"]);
    cluster.begin_migration(&key, home).unwrap();
    assert_eq!(value(&store, &at).await.unwrap(), Some(2));
    assert_eq!(recorded.take("redis"), ["redis_redirects_total ask 1"]);
}
