//! What each operation costs.

use sessile::storage::SessionStore as _;
use sessile_rig::proxy::Proxy;

use crate::{
    engine::Server,
    sql::setup::{built, create, patient, renew, stored, update, value},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_is_one_round_trip() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    let store = built(patient(server.url_on(proxy.port())).create_table(true)).await;
    // The connection is sent each statement once to be prepared.
    for round in 0..3 {
        let mut counts = Vec::new();
        let mut count = || counts.push(proxy.take_requests().len());
        count();
        let at = create(&store, 1).await;
        count();
        value(&store, &at).await.unwrap();
        count();
        let at = stored(update(&store, &at, 2).await);
        count();
        let at = stored(renew(&store, &at, 3).await);
        count();
        store.delete(&at.key).await.unwrap();
        count();
        assert!(round == 0 || counts[1..] == [1, 1, 1, 1, 1], "{counts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_could_not_be_here_is_not_asked_for() {
    let server = Server::start().unwrap();
    let proxy = Proxy::start(server.port()).unwrap();
    let store = built(patient(server.url_on(proxy.port())).create_table(true)).await;
    proxy.take_requests();
    for text in ["\0", "ä", "a.b", &"x".repeat(4096)] {
        let key = sessile::storage::SessionKey::try_from(text.to_owned()).unwrap();
        assert!(store.load(&key).await.unwrap().is_none());
        store.delete(&key).await.unwrap();
    }
    assert_eq!(proxy.take_requests(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_connections_are_made_than_are_allowed() {
    let server = Server::start().unwrap();
    let store = built(patient(server.url()).create_table(true).connections(3)).await;
    let at = create(&store, 1).await;
    let many = (0..50).map(|_| {
        let (store, at) = (store.clone(), at.clone());
        tokio::spawn(async move { value(&store, &at).await.unwrap() })
    });
    for load in many.collect::<Vec<_>>() {
        assert_eq!(load.await.unwrap(), Some(1));
    }
    assert!(crate::engine::connections(&server) <= 3);
}
