//! Servers that stop and return, and runtimes that end.

use std::{sync::mpsc, thread};

use sessile::storage::StoreErrorKind::Unavailable;
use sessile_rig::proxy::Proxy;

use crate::{
    engine::{self, Server, Store},
    sql::setup::{
        built, create, failed, in_time, patient, store, try_create, until_it_works, update,
        updated, updated_at_last, value,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loads_survive_a_restart_of_the_server() {
    let mut server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    let read_at_once = || async {
        let many = (0..20).map(|_| {
            let (store, at) = (store.clone(), at.clone());
            tokio::spawn(async move { value(&store, &at).await.unwrap() })
        });
        for load in many.collect::<Vec<_>>() {
            assert_eq!(in_time(load).await.unwrap(), Some(1));
        }
    };
    // Several connections are open.
    read_at_once().await;
    server.kill().unwrap();
    server.restart().unwrap();
    read_at_once().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_server_is_an_error_at_once_until_it_returns() {
    let mut server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    server.kill().unwrap();
    for _ in 0..20 {
        assert_eq!(
            failed(in_time(value(&store, &at)).await).kind(),
            Unavailable
        );
    }
    // No connection can be made, so nothing is sent.
    assert!(!failed(try_create(&store, 2).await).may_have_happened());
    assert!(!failed(update(&store, &at, 2).await).may_have_happened());
    server.restart().unwrap();
    until_it_works(&store, &at).await;
    updated_at_last(&store, &at, 2).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_network_leaves_no_connection_behind() {
    let server = Server::start().unwrap();
    store(&server).await;
    let proxy = Proxy::start(server.port()).unwrap();
    let builder = engine::at_most(Store::builder(server.url_on(proxy.port())), 2);
    let store = built(builder).await;
    let at = create(&store, 1).await;
    proxy.stall();
    // Callers may give up before the store does.
    for _ in 0..5 {
        let patience = std::time::Duration::from_millis(20);
        let given_up = tokio::time::timeout(patience, value(&store, &at)).await;
        assert!(given_up.is_err());
    }
    for _ in 0..2 {
        assert_eq!(
            failed(in_time(value(&store, &at)).await).kind(),
            Unavailable
        );
    }
    proxy.resume();
    until_it_works(&store, &at).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}

#[tokio::test]
async fn the_server_gives_up_waiting_for_a_lock() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let (locked, free) = (create(&store, 1).await, create(&store, 1).await);
    let lock = format!(
        "SELECT 1 FROM sessile_sessions WHERE id = {} FOR UPDATE",
        engine::id_literal(&locked.id)
    );
    let holder = engine::hold(&server, &lock).await;

    // The store itself is patient here.
    let error = failed(in_time(update(&store, &locked, 2)).await);
    assert_eq!(error.kind(), Unavailable);
    assert!(!error.may_have_happened());
    assert_eq!(value(&store, &locked).await.unwrap(), Some(1));
    updated(&store, &free, 2).await;
    holder.release().await;
    updated(&store, &locked, 3).await;
}

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

#[test]
fn a_store_outlives_the_runtime_that_opened_it() {
    let server = Server::start().unwrap();
    let (store, at) = runtime().block_on(async {
        let store = built(engine::at_most(patient(server.url()).create_table(true), 1)).await;
        let at = create(&store, 1).await;
        (store, at)
    });
    for _ in 0..3 {
        let loaded = runtime().block_on(value(&store, &at));
        assert_eq!(loaded.unwrap(), Some(1));
    }
}

#[test]
fn a_blocked_handler_holds_no_connection() {
    let server = Server::start().unwrap();
    let (used, was_used) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let first = runtime();
    let builder = patient(server.url()).create_table(true);
    let store = first.block_on(built(engine::at_most(builder, 2)));
    let handler = thread::spawn({
        let store = store.clone();
        move || {
            first.block_on(async {
                create(&store, 1).await;
                used.send(()).unwrap();
                // Blocks the thread, as computing would.
                may_go_on.recv().unwrap();
            });
        }
    });
    was_used.recv().unwrap();
    runtime().block_on(async {
        in_time(create(&store, 2)).await;
    });
    go_on.send(()).unwrap();
    handler.join().unwrap();
}
