//! The acceptance suite, on every store, and the suites of what stores have beside the contract, on those that have no tests of
//! their own.

use sessile::test_helpers::{
    acceptance_test_suite, clear_test_suite, end_everything_test_suite, iterable_store_test_suite,
    managed_store_test_suite, subject_store_test_suite,
};

use crate::place::{Place, in_time};

async fn passes(place: Place, is_invalidation_supported: bool) {
    let store = place.open().await;
    let suite = acceptance_test_suite(move || store.clone(), is_invalidation_supported);
    in_time(suite).await;
}

async fn finds_and_ends_sessions(place: Place) {
    let store = place.open().await;
    let shared = || {
        let store = store.clone();
        move || store.clone()
    };
    in_time(subject_store_test_suite(shared())).await;
    in_time(iterable_store_test_suite(shared())).await;
    in_time(clear_test_suite(shared())).await;
    in_time(end_everything_test_suite(shared())).await;
    in_time(managed_store_test_suite(async || place.open().await)).await;
}

#[actix_web::test]
async fn memory() {
    passes(Place::without_server("memory:"), true).await;
}

#[actix_web::test]
async fn cookie() {
    passes(Place::without_server("cookie:"), false).await;
}

#[actix_web::test]
async fn sqlite() {
    passes(Place::sqlite(), true).await;
    passes(Place::without_server("sqlite::memory:"), true).await;
}

#[actix_web::test]
async fn postgres() {
    passes(Place::postgres(), true).await;
}

#[actix_web::test]
async fn mariadb() {
    passes(Place::mariadb(), true).await;
}

#[actix_web::test]
async fn redis() {
    passes(Place::redis(), true).await;
}

#[actix_web::test]
async fn redis_over_a_unix_socket() {
    passes(Place::redis_socket(), true).await;
}

#[actix_web::test]
async fn redis_through_actors() {
    passes(Place::redis_actor(), true).await;
}

#[actix_web::test]
async fn a_redis_cluster() {
    passes(Place::cluster(), true).await;
}

#[actix_web::test]
async fn redis_behind_sentinels() {
    passes(Place::sentinel(), true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subjects_in_sqlite() {
    finds_and_ends_sessions(Place::sqlite()).await;
    finds_and_ends_sessions(Place::without_server("sqlite::memory:")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subjects_in_postgres() {
    finds_and_ends_sessions(Place::postgres()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subjects_in_mariadb() {
    finds_and_ends_sessions(Place::mariadb()).await;
}
