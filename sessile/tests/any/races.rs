//! Requests that race, on two servers of the application that know the address only.

use std::sync::Arc;

use sessile::{SealingKey, SessionManager, Settings, storage::AnySessionStore};
use tokio::{sync::Barrier, task::JoinSet};

use crate::place::{Place, in_time};

/// How many clients share the session, and how often each writes.
const CLIENTS: usize = 20;
const ROUNDS: usize = 10;

/// Two servers of the application on the stores at one address.
async fn servers(place: &Place) -> [SessionManager<AnySessionStore>; 2] {
    let first = place.open().await;
    let second = match place.address.as_str() {
        // There is no other way to the memory of this process.
        "memory:" => first.clone(),
        _ => place.open().await,
    };
    let key = SealingKey::generate();
    let mut settings = Settings::default();
    settings.store_timeout = time::Duration::MINUTE;
    [first, second].map(|store| SessionManager::new(store, key.clone(), settings.clone()).unwrap())
}

async fn no_write_is_lost(place: Place) {
    let servers = servers(&place).await;
    let session = servers[0].open([]).await.unwrap();
    session.insert("counter", 0).unwrap();
    let cookie = servers[0].commit(&session).await.unwrap().unwrap();
    let cookie: Arc<str> = cookie.as_str().split(';').next().unwrap().into();

    let start = Arc::new(Barrier::new(CLIENTS));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let server = servers[client % servers.len()].clone();
        let (cookie, start) = (Arc::clone(&cookie), Arc::clone(&start));
        clients.spawn(async move {
            start.wait().await;
            for round in 0..ROUNDS {
                let session = server.open([cookie.as_bytes()]).await.unwrap();
                session.insert(format!("{client}-{round}"), true).unwrap();
                session.update("counter", |n: usize| n + 1).unwrap();
                server.commit(&session).await.unwrap();
            }
        });
    }
    in_time(clients.join_all()).await;

    let session = servers[1].open([cookie.as_bytes()]).await.unwrap();
    let written = CLIENTS * ROUNDS;
    assert_eq!(session.get("counter").unwrap(), Some(written));
    assert_eq!(session.entries().len(), written + 1);

    // Signing out on one wins over what is under way on the other.
    session.insert("late", true).unwrap();
    let ended = servers[0].open([cookie.as_bytes()]).await.unwrap();
    ended.purge();
    servers[0].commit(&ended).await.unwrap();
    assert!(servers[1].commit(&session).await.unwrap().is_none());
    for server in &servers {
        let session = server.open([cookie.as_bytes()]).await.unwrap();
        assert!(session.entries().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory() {
    no_write_is_lost(Place::without_server("memory:")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    no_write_is_lost(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    no_write_is_lost(Place::postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb() {
    no_write_is_lost(Place::mariadb()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_redis() {
    no_write_is_lost(Place::redis()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_redis_cluster() {
    no_write_is_lost(Place::cluster()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_redis_behind_sentinels() {
    no_write_is_lost(Place::sentinel()).await;
}
