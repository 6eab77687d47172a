//! A server that goes and comes back, and runtimes that do.

use std::{sync::mpsc, thread};

use sessile::storage::{SessionStore as _, StoreErrorKind::Unavailable};
use sessile_rig::proxy::Proxy;

use crate::{
    engine::{Server, Store},
    sql::setup::{
        MINUTE, built, create, failed, in_time, patient, record, store, stored, until_it_works,
        update, value,
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_that_nobody_noticed_costs_nothing() {
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
async fn a_server_that_dies_is_an_error_at_once_and_works_when_it_is_back() {
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
    server.restart().unwrap();
    assert_eq!(in_time(value(&store, &at)).await.unwrap(), Some(1));
    stored(update(&store, &at, 2).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_network_that_swallows_everything_leaves_no_connection_behind() {
    let server = Server::start().unwrap();
    store(&server).await;
    let proxy = Proxy::start(server.port()).unwrap();
    let builder = Store::builder(server.url_on(proxy.port())).connections(2);
    let store = built(builder).await;
    let at = create(&store, 1).await;
    proxy.stall();
    // Also those who give up before the store does.
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

fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

#[test]
fn a_runtime_that_ends_takes_no_store_with_it() {
    let server = Server::start().unwrap();
    let (store, at) = runtime().block_on(async {
        let store = built(patient(server.url()).create_table(true).connections(1)).await;
        let at = create(&store, 1).await;
        (store, at)
    });
    for _ in 0..3 {
        let loaded = runtime().block_on(value(&store, &at));
        assert_eq!(loaded.unwrap(), Some(1));
    }
}

#[test]
fn a_handler_that_blocks_its_thread_holds_no_connection() {
    let server = Server::start().unwrap();
    let (used, was_used) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel::<()>();
    let first = runtime();
    let store = first.block_on(built(
        patient(server.url()).create_table(true).connections(2),
    ));
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
        let created = in_time(store.create(&record(2), MINUTE)).await;
        created.unwrap();
    });
    go_on.send(()).unwrap();
    handler.join().unwrap();
}
