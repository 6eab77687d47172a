//! Writes of a server with a near cache: they evict, and the server reads what it wrote.

use std::time::Duration;

use sessile::storage::{
    CreateOutcome, Freshness, SessionId, SessionStore as _, StoreErrorKind, UpdateOutcome, Version,
};
use sessile_rig::{proxy::Fault, redis::Cluster};

use super::{HIT, MISS, Scene, until};
use crate::{
    cluster::url_of,
    setup::{
        HOUR, Stored, create, in_time, kind, near_store, record, store, update, updated, value,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_write_evicts_whatever_its_outcome() {
    let scene = Scene::new().await;
    let near = &scene.near;
    let evicted = async |at: &Stored, expected| {
        scene.proxy.take_requests();
        assert_eq!(value(near, at).await.unwrap(), expected);
        assert_eq!(scene.proxy.take_requests(), MISS);
    };

    let at = scene.known(1).await;
    let at = updated(near, &at, 2).await;
    evicted(&at, Some(2)).await;

    let at = scene.known(1).await;
    let outdated = Stored {
        version: Version::generate(),
        ..at.clone()
    };
    let conflict = update(near, &outdated, 2).await.unwrap();
    assert_eq!(conflict, UpdateOutcome::Conflict);
    evicted(&at, Some(1)).await;

    let at = scene.known(1).await;
    let taken = near.create(&at.id, &record(2), at.version, HOUR).await;
    assert_eq!(taken.unwrap(), CreateOutcome::Taken);
    evicted(&at, Some(1)).await;

    let at = scene.known(1).await;
    near.delete(&at.id).await.unwrap();
    evicted(&at, None).await;
    assert_eq!(update(near, &at, 2).await.unwrap(), UpdateOutcome::Missing);
    evicted(&at, None).await;

    let at = scene.known(1).await;
    let ended = near
        .update(
            &at.id,
            at.version,
            &record(2),
            Version::generate(),
            Duration::ZERO,
        )
        .await;
    assert_eq!(ended.unwrap(), UpdateOutcome::Updated);
    evicted(&at, None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_fails_evicts() {
    let scene = Scene::new().await;
    let refusal = || Fault::error("OOM command not allowed when used memory > 'maxmemory'.");
    let at = scene.known(1).await;

    scene.proxy.inject_on("EVALSHA", refusal());
    let updated = update(&scene.near, &at, 2).await;
    assert_eq!(kind(updated), StoreErrorKind::Unavailable);
    assert_eq!(scene.cost(&at).await, MISS);
    scene.is_cached(&at).await;

    scene.proxy.inject_on("DEL", refusal());
    let deleted = scene.near.delete(&at.id).await;
    assert_eq!(kind(deleted), StoreErrorKind::Unavailable);
    assert_eq!(scene.cost(&at).await, MISS);
    scene.is_cached(&at).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_written_session_is_cached_after_the_next_read() {
    let scene = Scene::new().await;
    let mut at = create(&scene.near, 0).await;
    for change in 1..10 {
        scene.is_cached(&at).await;
        assert_eq!(value(&scene.near, &at).await.unwrap(), Some(change - 1));
        at = updated(&scene.near, &at, change).await;
    }
    scene.is_cached(&at).await;
    assert_eq!(scene.cost(&at).await, HIT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_another_server_arrive() {
    let scene = Scene::new().await;
    for _ in 0..20 {
        let at = create(&scene.near, 1).await;
        scene.is_cached(&at).await;
        let at = updated(&scene.other, &at, 2).await;
        scene.arrives(&at, Some(2)).await;

        let at = updated(&scene.near, &at, 3).await;
        let at = updated(&scene.other, &at, 4).await;
        scene.arrives(&at, Some(4)).await;

        scene.other.delete(&at.id).await.unwrap();
        scene.arrives(&at, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_on_an_outdated_session_is_a_conflict_and_the_next_load_is_right() {
    let scene = Scene::new().await;
    let at = scene.known(1).await;
    updated(&scene.other, &at, 2).await;
    let outcome = update(&scene.near, &at, 3).await;
    assert_eq!(outcome.unwrap(), UpdateOutcome::Conflict);
    assert_eq!(value(&scene.near, &at).await.unwrap(), Some(2));
}

/// Another server ends the session at the same moment, before the write or after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_right_after_a_write_is_noticed() {
    let mut scene = Scene::new().await;
    for round in 0..30 {
        let at = create(&scene.near, 1).await;
        assert_eq!(value(&scene.other, &at).await.unwrap(), Some(1));
        // Redis receives both requests when it continues.
        scene.redis.stop().unwrap();
        let (near, other) = (scene.near.clone(), scene.other.clone());
        let (to_change, to_end) = (at.clone(), at.clone());
        let change = tokio::spawn(async move { update(&near, &to_change, 2).await });
        let end = tokio::spawn(async move { other.delete(&to_end.id).await });
        tokio::time::sleep(Duration::from_millis(round % 3)).await;
        scene.redis.cont().unwrap();
        in_time(end).await.unwrap().unwrap();
        let outcome = in_time(change).await.unwrap().unwrap();
        assert_ne!(outcome, UpdateOutcome::Conflict);
        scene.arrives(&at, None).await;
    }
}

/// Redis evicts sessions for lack of memory when the server that has them in its near cache writes. It announces these
/// evictions, which it would not do over a connection with `NOLOOP`. Deleting the sessions later announces nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_that_redis_evicts_for_an_own_write_are_evicted() {
    let scene = Scene::new().await;
    let mut sessions = Vec::new();
    for number in 0..20 {
        sessions.push(scene.known(number).await);
    }
    let set = |name: &str, to: &str| {
        let reply = scene.redis.command(&["CONFIG", "SET", name, to]);
        assert!(reply.unwrap().is_ok());
    };
    set("maxmemory-policy", "volatile-ttl");
    let memory = scene.redis.command(&["INFO", "memory"]).unwrap();
    let memory = memory.text().unwrap();
    let mut lines = memory.lines();
    let used = lines.find_map(|line| line.strip_prefix("used_memory:"));
    let used: u64 = used.expect("a line").trim().parse().unwrap();
    set("maxmemory", &(used + 100_000).to_string());
    let mut large = record(1);
    let text = "x".repeat(200_000);
    large.state.insert("text", &text).unwrap();
    let day = Duration::from_secs(86_400);
    // The first exceeds the limit, the second has to make room.
    let mut dropped = false;
    for _ in 0..3 {
        let (id, version) = (SessionId::generate(), Version::generate());
        let _ = scene.near.create(&id, &large, version, day).await;
        let size = scene.redis.command(&["DBSIZE"]).unwrap().integer();
        dropped |= size.unwrap() < 20;
    }
    assert!(dropped);
    set("maxmemory", "0");
    for at in &sessions {
        scene.other.delete(&at.id).await.unwrap();
        until(&scene.near, at, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_on_a_cluster_arrive_while_a_slot_moves() {
    let cluster = Cluster::start().unwrap();
    let url = url_of(&cluster);
    let (near, other) = (near_store(url.clone()).await, store(url).await);
    let at = create(&near, 1).await;
    let home = cluster.master_of(&at.redis_key()).unwrap();
    let away = cluster
        .masters()
        .into_iter()
        .find(|&it| it != home)
        .unwrap();
    cluster.begin_migration(&at.redis_key(), away).unwrap();
    for change in 2..5 {
        let loaded = near.load(&at.id, None, Freshness::Current).await;
        let now = Stored {
            version: loaded.unwrap().unwrap().version,
            ..at.clone()
        };
        let now = updated(&near, &now, change).await;
        assert_eq!(value(&near, &now).await.unwrap(), Some(change));
        let now = updated(&other, &now, 10 * change).await;
        until(&near, &now, Some(10 * change)).await;
    }
    cluster.finish_migration(&at.redis_key(), away).unwrap();
    other.delete(&at.id).await.unwrap();
    until(&near, &at, None).await;
}
