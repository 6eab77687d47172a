//! Concurrent requests to two servers of an application that share only the address of their store.

use crate::{
    place::{Place, in_time},
    race_suite::Servers,
};

const ROUNDS: usize = 5;

async fn race(place: Place) {
    let first = place.open().await;
    let second = match place.address.as_str() {
        // Another store in memory would have other sessions.
        "memory:" => first.clone(),
        _ => place.open().await,
    };
    let servers = Servers::new([first.clone(), second], first);
    in_time(servers.race(ROUNDS)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_memory() {
    race(Place::without_server("memory:")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_sqlite() {
    race(Place::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_postgres() {
    race(Place::postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_mariadb() {
    race(Place::mariadb()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_redis() {
    race(Place::redis()).await;
}

#[actix_web::test]
async fn on_redis_through_an_actor() {
    race(Place::redis_actor()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_redis_cluster() {
    race(Place::cluster()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_redis_behind_sentinels() {
    race(Place::sentinel()).await;
}

/// Requests with sessions in the cookie can't be merged: each is acknowledged, and its response's cookie has its
/// change.
#[tokio::test]
async fn in_the_cookie() {
    let store = Place::without_server("cookie:").open().await;
    let servers = Servers::new([store.clone(), store.clone()], store);
    in_time(servers.each_cookie_has_its_own_write()).await;
}
