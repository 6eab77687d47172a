//! Connections that end or fall silent, and servers that are replaced: no outdated session is served beyond
//! `max_staleness`.

use std::time::{Duration, Instant};

use sessile::storage::{NearCacheConfig, RedisSessionStore, SessionStore as _};
use sessile_rig::redis::{Cluster, Redis, Sentinel};

use super::{HIT, Scene, until};
use crate::{
    cluster::url_of,
    sentinel::url_of_master,
    setup::{
        Stored, create, in_time, near_store, store, until_it_works, until_replicated, updated,
        value,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_connection_ends_what_was_read_over_it() {
    let scene = Scene::new().await;
    for cut in ["at the proxy", "by the server"] {
        let at = scene.known(1).await;
        scene.cut(cut, &at).await;
        let at = updated(&scene.other, &at, 2).await;
        until(&scene.near, &at, Some(2)).await;
        assert_eq!(scene.cost(&at).await, HIT, "{cut}: it is of use again");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restarted_server_announces_nothing_of_earlier_connections() {
    let mut scene = Scene::new().await;
    let at = scene.known(1).await;
    scene.redis.kill().unwrap();
    scene.redis.restart().unwrap();
    until_it_works(&scene.other, &at).await;
    let at = updated(&scene.other, &at, 2).await;
    until(&scene.near, &at, Some(2)).await;
}

const STALENESS: Duration = Duration::from_millis(200);

/// Loads `at` until it is no longer served, which has to be at most `STALENESS` after `answered`, the last
/// reply of Redis.
async fn goes_in_time(near: &RedisSessionStore, at: &Stored, answered: Instant) {
    in_time(async {
        loop {
            let begun = Instant::now();
            if !matches!(value(near, at).await, Ok(Some(_))) {
                return;
            }
            let age = begun - answered;
            assert!(
                age <= STALENESS,
                "it was served {age:?} after the last reply"
            );
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_connection_is_not_relied_on() {
    let scene = Scene::with(NearCacheConfig::default().max_staleness(STALENESS)).await;
    let at = scene.known(1).await;
    let answered = Instant::now();
    scene.proxy.stall();
    scene.other.delete(&at.id).await.unwrap();
    goes_in_time(&scene.near, &at, answered).await;
    for _ in 0..2 {
        assert!(!matches!(value(&scene.near, &at).await, Ok(Some(_))));
    }
    scene.proxy.resume();
    until_it_works(&scene.near, &at).await;
    assert_eq!(value(&scene.near, &at).await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_hangs_is_not_relied_on() {
    let mut scene = Scene::with(NearCacheConfig::default().max_staleness(STALENESS)).await;
    let at = scene.known(1).await;
    let answered = Instant::now();
    scene.redis.stop().unwrap();
    goes_in_time(&scene.near, &at, answered).await;
    assert!(value(&scene.near, &at).await.is_err());
    scene.redis.cont().unwrap();
    until_it_works(&scene.near, &at).await;
    assert_eq!(value(&scene.near, &at).await.unwrap(), Some(1));
}

/// One reply renews the limit of all sessions that were read over the same connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_in_use_sends_one_request_per_max_staleness() {
    let scene = Scene::with(NearCacheConfig::default().max_staleness(STALENESS)).await;
    let mut sessions = Vec::new();
    for number in 0..50 {
        sessions.push(scene.known(number).await);
    }
    let begun = Instant::now();
    scene.proxy.take_requests();
    let mut reads = 0;
    while begun.elapsed() < 5 * STALENESS {
        for at in &sessions {
            value(&scene.near, at).await.unwrap();
            reads += 1;
        }
    }
    let asked = scene.proxy.take_requests().len() / 2;
    let most = begun.elapsed().as_millis() / STALENESS.as_millis() + 1;
    assert!(asked >= 1 && asked as u128 <= most, "{asked} of {reads}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_master_that_was_replaced_is_not_relied_on() {
    let mut sentinel = Sentinel::start().unwrap();
    let url = url_of_master(&sentinel);
    let (near, other) = (near_store(url.clone()).await, store(url).await);
    let at = create(&other, 1).await;
    assert_eq!(value(&near, &at).await.unwrap(), Some(1));
    until_replicated(sentinel.servers(), &at).await;
    sentinel.kill_master().unwrap();
    let limit = Duration::from_secs(30);
    sentinel.wait_for_failover(limit).unwrap();
    until_it_works(&other, &at).await;
    let at = updated(&other, &at, 2).await;
    until(&near, &at, Some(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_a_cluster_that_was_replaced_is_not_relied_on() {
    let mut cluster = Cluster::start().unwrap();
    let url = url_of(&cluster);
    let (near, other) = (near_store(url.clone()).await, store(url).await);
    let at = create(&other, 1).await;
    assert_eq!(value(&near, &at).await.unwrap(), Some(1));
    cluster.wait_until_whole(Duration::from_secs(30)).unwrap();
    until_replicated(cluster.nodes(), &at).await;
    cluster.kill_master_of(&at.redis_key()).unwrap();
    let limit = Duration::from_secs(30);
    cluster.wait_for_promotion(&at.redis_key(), limit).unwrap();
    until_it_works(&other, &at).await;
    let at = updated(&other, &at, 2).await;
    until(&near, &at, Some(2)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_move_within_a_cluster_are_followed() {
    let cluster = Cluster::start().unwrap();
    let url = url_of(&cluster);
    let (near, other) = (near_store(url.clone()).await, store(url).await);
    let at = create(&other, 1).await;
    let id = at.redis_key();
    let home = cluster.master_of(&id).unwrap();
    let mut masters = cluster.masters().into_iter();
    let away = masters.find(|&it| it != home).unwrap();

    assert_eq!(value(&near, &at).await.unwrap(), Some(1));
    cluster.migrate_slot(&id, away).unwrap();
    let at = updated(&other, &at, 2).await;
    until(&near, &at, Some(2)).await;

    // On the way back, one node sends to the other for each single request.
    cluster.begin_migration(&id, home).unwrap();
    let at = updated(&other, &at, 3).await;
    until(&near, &at, Some(3)).await;
    let at = updated(&other, &at, 4).await;
    until(&near, &at, Some(4)).await;
    cluster.finish_migration(&id, home).unwrap();
    let at = updated(&other, &at, 5).await;
    until(&near, &at, Some(5)).await;
    other.delete(&at.id).await.unwrap();
    until(&near, &at, None).await;
}

/// It still answers `CLUSTER SLOTS`, as before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_of_a_cluster_that_has_lost_the_others_is_not_relied_on() {
    let mut cluster = Cluster::start().unwrap();
    let builder = RedisSessionStore::builder(url_of(&cluster))
        .near_cache(NearCacheConfig::default().max_staleness(STALENESS));
    let near = in_time(builder.build()).await.unwrap();
    let at = create(&near, 1).await;
    assert_eq!(value(&near, &at).await.unwrap(), Some(1));
    let master = cluster.master_of(&at.redis_key()).unwrap();
    let nodes = cluster.nodes_mut().iter_mut().enumerate();
    for (_, other) in nodes.filter(|(index, _)| *index != master) {
        other.stop().unwrap();
    }
    in_time(async {
        while value(&near, &at).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    for _ in 0..3 {
        assert!(value(&near, &at).await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_node_of_a_cluster_announces_changes_of_its_own_sessions() {
    let cluster = Cluster::start().unwrap();
    let url = url_of(&cluster);
    let (near, other) = (near_store(url.clone()).await, store(url).await);
    let mut sessions = Vec::new();
    for number in 0..60 {
        let at = create(&other, number).await;
        assert_eq!(value(&near, &at).await.unwrap(), Some(number));
        sessions.push(at);
    }
    // One connection to each of the three masters.
    let before: Vec<i64> = cluster.nodes().iter().map(tracking_clients).collect();
    assert_eq!(before.iter().filter(|&&clients| clients == 1).count(), 3);
    for at in &sessions {
        other.delete(&at.id).await.unwrap();
    }
    for at in &sessions {
        until(&near, at, None).await;
    }
}

/// The number of clients that the server announces changes to.
fn tracking_clients(redis: &Redis) -> i64 {
    let reply = redis.command(&["INFO", "clients"]).unwrap();
    let text = reply.text().unwrap();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("tracking_clients:"));
    line.expect("a Redis that tracks").parse().unwrap()
}
