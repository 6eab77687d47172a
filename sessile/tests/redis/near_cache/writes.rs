//! What a server has written itself: it has it in its near cache, and Redis has the last word on it as on
//! what was read.

use std::time::{Duration, Instant};

use sessile::{
    SealingKey, SessionManager, Settings,
    storage::{SessionStore as _, Stored, Swap},
};
use sessile_rig::{proxy::Fault, redis::Cluster};

use super::{HIT, MISS, Scene, until};
use crate::{
    cluster::url_of,
    setup::{
        create, in_time, near_store, record, renew, store, stored, until_it_works, update, value,
    },
};

/// One round trip: the script, and a look at what is there afterwards.
const WRITE: [&str; 2] = ["EVALSHA", "GETRANGE"];

impl Scene {
    /// One where Redis has seen the scripts.
    pub(super) async fn prepared() -> Self {
        let scene = Self::new().await;
        let at = create(&scene.other, 0).await;
        stored(update(&scene.other, &at, 0).await);
        scene.proxy.take_requests();
        scene
    }

    /// What was asked of Redis since this was last called.
    pub(super) fn asked(&self) -> Vec<String> {
        self.proxy.take_requests()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_here_is_read_without_a_command() {
    let scene = Scene::prepared().await;
    let near = &scene.near;
    for round in 0..10 {
        let mut at = create(near, 0).await;
        assert_eq!(scene.asked(), WRITE, "{round}");
        assert_eq!(value(near, &at).await.unwrap(), Some(0));
        assert_eq!(scene.asked(), HIT, "{round}");
        for change in 1..10 {
            at = stored(update(near, &at, 2 * change).await);
            assert_eq!(scene.asked(), WRITE, "{round}");
            assert_eq!(value(near, &at).await.unwrap(), Some(2 * change));
            assert_eq!(scene.asked(), HIT, "{round}");

            let renewed = stored(renew(near, &at, 2 * change + 1).await);
            assert_eq!(scene.asked(), WRITE, "{round}");
            assert_eq!(value(near, &renewed).await.unwrap(), Some(2 * change + 1));
            assert_eq!(scene.asked(), HIT, "{round}");
            // Of the key from before only Redis can tell.
            assert_eq!(value(near, &at).await.unwrap(), None);
            assert_eq!(scene.asked(), MISS, "{round}");
            at = renewed;
        }
        near.delete(&at.key).await.unwrap();
        assert_eq!(scene.asked(), ["DEL"], "{round}");
        assert_eq!(value(near, &at).await.unwrap(), None);
        assert_eq!(scene.asked(), MISS, "{round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_read_and_then_written_here_is_read_without_a_command() {
    let scene = Scene::prepared().await;
    let at = scene.known(1).await;
    let at = stored(update(&scene.near, &at, 2).await);
    assert_eq!(scene.cost(&at).await, HIT);
    let here = scene.near.load(&at.key).await.unwrap().unwrap();
    let there = scene.other.load(&at.key).await.unwrap().unwrap();
    assert_eq!(here.version, there.version);
    assert_eq!(here.record, there.record);
}

/// As an application sees it: one round trip for a request that changes its session, none for one that reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_changes_is_one_round_trip() {
    let scene = Scene::prepared().await;
    let key = SealingKey::generate();
    let manager = SessionManager::new(scene.near.clone(), key, Settings::default()).unwrap();
    let cookie = |set_cookie: Option<sessile::SetCookie>| {
        let set_cookie = set_cookie.expect("a cookie");
        set_cookie.as_str().split(';').next().unwrap().to_owned()
    };
    let nothing: [&[u8]; 0] = [];
    let session = manager.open(nothing).await.unwrap();
    session.insert("n", 0).unwrap();
    let mut visitor = cookie(manager.commit(&session).await.unwrap());
    assert_eq!(scene.asked(), WRITE);
    for n in 1..20 {
        let session = manager.open([visitor.as_bytes()]).await.unwrap();
        assert_eq!(session.get::<u32>("n").unwrap(), Some(n - 1));
        manager.commit(&session).await.unwrap();
        assert_eq!(scene.asked(), HIT);

        let session = manager.open([visitor.as_bytes()]).await.unwrap();
        session.insert("n", n).unwrap();
        if n % 5 == 0 {
            session.renew();
        }
        let set_cookie = manager.commit(&session).await.unwrap();
        assert_eq!(scene.asked(), WRITE);
        if n % 5 == 0 {
            visitor = cookie(set_cookie);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_has_not_seen_the_scripts_is_sent_them() {
    let scene = Scene::new().await;
    scene.proxy.take_requests();
    let at = create(&scene.near, 1).await;
    assert_eq!(scene.asked(), ["EVALSHA", "GETRANGE", "EVAL", "GETRANGE"]);
    // The first look has Redis tell of the second attempt, which comes unexpected.
    assert_eq!(scene.cost(&at).await, MISS);
    let at = stored(update(&scene.near, &at, 2).await);
    assert_eq!(scene.asked(), ["EVALSHA", "GETRANGE", "EVAL", "GETRANGE"]);
    assert_eq!(scene.cost(&at).await, HIT);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_server_does_to_what_was_written_here_is_heard_of() {
    let scene = Scene::prepared().await;
    for _ in 0..20 {
        let at = create(&scene.near, 1).await;
        let at = stored(update(&scene.other, &at, 2).await);
        scene.hears(&at, Some(2)).await;

        let at = stored(update(&scene.near, &at, 3).await);
        assert_eq!(scene.cost(&at).await, HIT);
        let at = stored(update(&scene.other, &at, 4).await);
        scene.hears(&at, Some(4)).await;

        let at = stored(update(&scene.near, &at, 5).await);
        let renewed = stored(renew(&scene.other, &at, 6).await);
        scene.hears(&at, None).await;

        let at = stored(renew(&scene.near, &renewed, 7).await);
        assert_eq!(scene.cost(&at).await, HIT);
        scene.other.delete(&at.key).await.unwrap();
        scene.hears(&at, None).await;
    }
}

/// Another server ends the session at the same moment, before the write or after it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_right_behind_a_write_is_heard_of() {
    let mut scene = Scene::prepared().await;
    for round in 0..30 {
        let at = create(&scene.near, 1).await;
        assert_eq!(value(&scene.other, &at).await.unwrap(), Some(1));
        // Redis finds both when it wakes up.
        scene.redis.stop().unwrap();
        let (near, other) = (scene.near.clone(), scene.other.clone());
        let (to_change, to_end) = (at.clone(), at.clone());
        let change = tokio::spawn(async move { update(&near, &to_change, 2).await });
        let end = tokio::spawn(async move { other.delete(&to_end.key).await });
        tokio::time::sleep(Duration::from_millis(round % 3)).await;
        scene.redis.cont().unwrap();
        in_time(end).await.unwrap().unwrap();
        match in_time(change).await.unwrap().unwrap() {
            Swap::Gone | Swap::Stored(_) => (),
            Swap::Conflict => panic!("nobody changed it"),
        }
        scene.hears(&at, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_cut_takes_with_it_what_was_written_over_it() {
    let scene = Scene::prepared().await;
    for cut in ["at the proxy", "by the server"] {
        let at = create(&scene.near, 1).await;
        let at = stored(update(&scene.near, &at, 2).await);
        assert_eq!(scene.cost(&at).await, HIT, "{cut}");
        scene.cut(cut, &at).await;
        let at = stored(update(&scene.other, &at, 3).await);
        until(&scene.near, &at, Some(3)).await;
        let at = stored(update(&scene.near, &at, 4).await);
        assert_eq!(scene.cost(&at).await, HIT, "{cut}: it is of use again");
    }
}

/// It may have lived for a while already.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_twice_is_read_anew() {
    let scene = Scene::prepared().await;
    let at = create(&scene.near, 1).await;
    scene.proxy.inject_on("EVALSHA", Fault::CutBeforeReply);
    let at = stored(update(&scene.near, &at, 2).await);
    assert_eq!(scene.cost(&at).await, MISS);
    assert_eq!(value(&scene.near, &at).await.unwrap(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_is_done_whatever_comes_of_looking() {
    let scene = Scene::prepared().await;
    let at = create(&scene.near, 1).await;
    for answer in [
        "NOPERM this user has no permissions to run the 'getrange' command",
        "LOADING Redis is loading the dataset in memory",
        "MOVED 42 127.0.0.1:1",
    ] {
        scene.proxy.inject_on("GETRANGE", Fault::error(answer));
        let created = create(&scene.near, 7).await;
        assert_eq!(scene.proxy.pending_faults(), 0);
        assert_eq!(scene.cost(&created).await, MISS, "{answer}");
    }
    // Another version than was written, as if somebody had been faster.
    let other_version = b"$16\r\n0000000000000000\r\n".to_vec();
    let fault = Fault::ReplaceReply(other_version);
    scene.proxy.inject_on("GETRANGE", fault);
    let at = stored(update(&scene.near, &at, 2).await);
    assert_eq!(scene.cost(&at).await, MISS);
}

/// Redis knows a session for as long as it lives, and so does who wrote it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_written_here_ends_in_time() {
    let scene = Scene::prepared().await;
    let ttl = Duration::from_millis(300);
    let at = create(&scene.near, 1).await;
    let new = record(2);
    let at = stored(scene.near.update(&at.key, at.version, &new, ttl).await);
    let written = Instant::now();
    scene.proxy.stall();
    in_time(async {
        loop {
            let begun = Instant::now();
            if !matches!(value(&scene.near, &at).await, Ok(Some(_))) {
                return;
            }
            assert!(begun - written <= ttl, "it is served after its time");
            tokio::task::yield_now().await;
        }
    })
    .await;
    scene.proxy.resume();
    until_it_works(&scene.near, &at).await;
    // What has no time left is deleted.
    let at = create(&scene.near, 1).await;
    let no_time = Duration::ZERO;
    let swap = scene.near.update(&at.key, at.version, &new, no_time).await;
    let at = stored(swap);
    assert_eq!(value(&scene.near, &at).await.unwrap(), None);
}

/// Redis drops sessions for lack of memory, at the request of the very server that has them in its near
/// cache. It tells of that, which it would not over a connection with `NOLOOP`: and of the end of what is
/// not there any more nobody is told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_redis_drops_for_a_write_of_ours_goes() {
    let scene = Scene::prepared().await;
    let mut sessions = Vec::new();
    for number in 0..20 {
        sessions.push(create(&scene.near, number).await);
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
    let used: u64 = used.expect("what it takes").trim().parse().unwrap();
    set("maxmemory", &(used + 100_000).to_string());
    let mut large = record(1);
    let text = "x".repeat(200_000);
    large.state.insert("text", &text).unwrap();
    let day = Duration::from_secs(86_400);
    // The first makes it too much, the second has to make room.
    let mut dropped = false;
    for _ in 0..3 {
        let _ = scene.near.create(&large, day).await;
        let size = scene.redis.command(&["DBSIZE"]).unwrap().integer();
        dropped |= size.unwrap() < 20;
    }
    assert!(dropped);
    set("maxmemory", "0");
    for at in &sessions {
        scene.other.delete(&at.key).await.unwrap();
        until(&scene.near, at, None).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_cluster_it_is_the_same() {
    let cluster = Cluster::start().unwrap();
    let url = url_of(&cluster);
    let (near, other) = (near_store(url.clone()).await, store(url).await);
    let gets = || -> u64 { cluster.nodes().iter().map(super::gets).sum() };
    for number in 0..20 {
        let at = create(&near, number).await;
        let at = stored(update(&near, &at, number + 1).await);
        let before = gets();
        assert_eq!(value(&near, &at).await.unwrap(), Some(number + 1));
        assert_eq!(gets(), before, "it was not kept");
        let at = stored(update(&other, &at, number + 2).await);
        until(&near, &at, Some(number + 2)).await;
    }

    // What is written where a slot is on its way to is read anew.
    let at = create(&near, 1).await;
    let home = cluster.master_of(at.key.id()).unwrap();
    let away = cluster
        .masters()
        .into_iter()
        .find(|&it| it != home)
        .unwrap();
    cluster.begin_migration(at.key.id(), away).unwrap();
    for change in 2..5 {
        let loaded = near.load(&at.key).await.unwrap().unwrap();
        let now = Stored {
            key: at.key.clone(),
            version: loaded.version,
        };
        let now = stored(update(&near, &now, change).await);
        assert_eq!(value(&near, &now).await.unwrap(), Some(change));
        let now = stored(update(&other, &now, 10 * change).await);
        until(&near, &now, Some(10 * change)).await;
    }
    cluster.finish_migration(at.key.id(), away).unwrap();
    other.delete(&at.key).await.unwrap();
    until(&near, &at, None).await;
}
