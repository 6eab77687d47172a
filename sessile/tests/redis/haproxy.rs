//! HAProxy in front of a master and its replica, and pools, which keep connections to a former master.

use std::{collections::BTreeSet, time::Duration};

use deadpool_redis::{Config, Runtime};
use sessile::storage::{IterableStore as _, RedisSessionStore, SessionStore as _, UpdateOutcome};
use sessile_rig::{
    haproxy::{HaProxy, REDIS_MASTER},
    proxy::Proxy,
    redis::Redis,
};

use crate::setup::{Stored, create, in_time, store, until_replicated, update, value};

/// A master and its replica.
fn pair() -> [Redis; 2] {
    let pair = [Redis::start().unwrap(), Redis::start().unwrap()];
    let [master, replica] = &pair;
    set_master(replica, Some(master.port()));
    pair
}

/// Makes a server a replica of the one on this port, or a master.
fn set_master(redis: &Redis, port: Option<u16>) {
    let (host, port) = match port {
        Some(port) => ("127.0.0.1", port.to_string()),
        None => ("NO", "ONE".to_owned()),
    };
    let set = redis.command(&["REPLICAOF", host, &port]).unwrap();
    assert!(set.is_ok());
}

/// Updates the session until a server accepts it.
async fn updated_at_last(store: &RedisSessionStore, at: &Stored) {
    in_time(async {
        while update(store, at, 2).await.ok() != Some(UpdateOutcome::Updated) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn requests_follow_a_switch_behind_haproxy() {
    let pair = pair();
    let ports = [pair[0].port(), pair[1].port()];
    let haproxy = HaProxy::start(&ports, REDIS_MASTER).unwrap();
    let store = store(format!("redis://127.0.0.1:{}", haproxy.port())).await;
    let (at, ended) = (create(&store, 1).await, create(&store, 1).await);
    for it in [&at, &ended] {
        until_replicated(&pair, it).await;
    }
    set_master(&pair[1], None);
    set_master(&pair[0], Some(ports[1]));
    // Another server of the application has followed already.
    let other = crate::setup::store(pair[1].url()).await;
    other.delete(&ended.id).await.unwrap();
    updated_at_last(&store, &at).await;
    assert_eq!(in_time(value(&store, &ended)).await.unwrap(), None);
    assert_eq!(value(&other, &at).await.unwrap(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_leaves_the_former_master_with_the_first_write_that_the_new_one_accepts() {
    const READS: usize = 8;
    let pair = pair();
    let proxy = Proxy::start(pair[0].port()).unwrap();
    let config = Config::from_url(format!("redis://127.0.0.1:{}", proxy.port()));
    let pool = config.create_pool(Some(Runtime::Tokio1)).unwrap();
    let store = RedisSessionStore::new_pooled(pool.clone()).await.unwrap();
    let (at, ended) = (create(&store, 1).await, create(&store, 1).await);
    for it in [&at, &ended] {
        until_replicated(&pair, it).await;
    }
    let read = async |expected| {
        // Several connections at the same time.
        let reads = [(); READS].map(|()| {
            let (store, at) = (store.clone(), ended.clone());
            tokio::spawn(async move { value(&store, &at).await.unwrap() })
        });
        for read in reads {
            assert_eq!(in_time(read).await.unwrap(), expected);
        }
    };
    read(Some(1)).await;
    set_master(&pair[1], None);
    // It is a replica of a server that does not run, and serves what it has.
    set_master(&pair[0], Some(sessile_rig::free_port().unwrap()));
    assert!(update(&store, &at, 2).await.is_err());
    read(Some(1)).await;

    proxy.switch_to(pair[1].port());
    let other = crate::setup::store(pair[1].url()).await;
    other.delete(&ended.id).await.unwrap();
    updated_at_last(&store, &at).await;
    read(None).await;
}

/// A runtime that has only read learns from the write of another one that its server is no longer the master.
#[tokio::test]
async fn the_connections_of_all_runtimes_leave_a_former_master() {
    let pair = pair();
    let proxy = Proxy::start(pair[0].port()).unwrap();
    let store = store(format!("redis://127.0.0.1:{}", proxy.port())).await;
    let (at, ended) = (create(&store, 1).await, create(&store, 1).await);
    for it in [&at, &ended] {
        until_replicated(&pair, it).await;
    }
    let (reader, key) = (store.clone(), ended.clone());
    let (ask, asked) = std::sync::mpsc::channel();
    let (answer, mut answers) = tokio::sync::mpsc::unbounded_channel();
    let other_runtime = std::thread::spawn(move || {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_all().build().unwrap();
        for () in asked {
            let read = runtime.block_on(in_time(value(&reader, &key)));
            answer.send(read.unwrap()).unwrap();
        }
    });
    ask.send(()).unwrap();
    assert_eq!(in_time(answers.recv()).await, Some(Some(1)));

    set_master(&pair[1], None);
    // It is a replica of a server that does not run, and serves what it has.
    set_master(&pair[0], Some(sessile_rig::free_port().unwrap()));
    proxy.switch_to(pair[1].port());
    let other = crate::setup::store(pair[1].url()).await;
    other.delete(&ended.id).await.unwrap();
    updated_at_last(&store, &at).await;
    ask.send(()).unwrap();
    assert_eq!(in_time(answers.recv()).await, Some(None));
    drop(ask);
    other_runtime.join().unwrap();
}

/// The cursor of one server means nothing to another.
#[tokio::test]
async fn an_iteration_begins_again_on_a_server_that_has_taken_over() {
    const SESSIONS: usize = 2000;
    let pair = pair();
    let proxy = Proxy::start(pair[0].port()).unwrap();
    let store = store(format!("redis://127.0.0.1:{}", proxy.port())).await;
    let mut all = BTreeSet::new();
    let mut last = None;
    for _ in 0..SESSIONS {
        let stored = create(&store, 1).await;
        all.insert(stored.id.to_string());
        last = Some(stored);
    }
    until_replicated(&pair, &last.unwrap()).await;
    let limit = std::num::NonZeroU32::new(100).unwrap();
    let mut page = store.page(None, limit).await.unwrap();
    let mut seen = BTreeSet::new();
    let mut pages = 0;
    loop {
        pages += 1;
        seen.extend(page.sessions.iter().map(|(id, _)| id.to_string()));
        let Some(next) = &page.next else { break };
        if pages == SESSIONS / 100 / 2 {
            assert!(seen.len() < SESSIONS);
            set_master(&pair[1], None);
            proxy.switch_to(pair[1].port());
            proxy.cut();
        }
        page = store.page(Some(next), limit).await.unwrap();
    }
    assert_eq!(seen, all);
}
