//! The cost of each operation.

use sessile::storage::SessionStore as _;
use sessile_rig::proxy::Proxy;

use crate::{
    engine::{self, Server},
    sql::setup::{built, create, patient, updated, value},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_is_one_round_trip() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    let store = built(patient(server.url_on(proxy.port())).create_table(true)).await;
    // In the first round, the connection prepares each statement.
    for round in 0..3 {
        let mut counts = Vec::new();
        let mut count = || counts.push(proxy.take_requests().len());
        count();
        let at = create(&store, 1).await;
        count();
        value(&store, &at).await.unwrap();
        count();
        let at = updated(&store, &at, 2).await;
        count();
        store.delete(&at.id).await.unwrap();
        count();
        assert!(round == 0 || counts[1..] == [1, 1, 1, 1], "{counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_number_of_connections_is_bounded() {
    let server = Server::start().unwrap();
    let builder = patient(server.url()).create_table(true);
    let store = built(engine::at_most(builder, 3)).await;
    let at = create(&store, 1).await;
    let many = (0..50).map(|_| {
        let (store, at) = (store.clone(), at.clone());
        tokio::spawn(async move { value(&store, &at).await.unwrap() })
    });
    for load in many.collect::<Vec<_>>() {
        assert_eq!(load.await.unwrap(), Some(1));
    }
    assert!(engine::connections(&server) <= 3);
}
