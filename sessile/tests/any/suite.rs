//! The acceptance suite, on every store.

use sessile::test_helpers::acceptance_test_suite;

use crate::place::{Place, in_time};

async fn passes(place: Place, is_invalidation_supported: bool) {
    let store = place.open().await;
    let suite = acceptance_test_suite(move || store.clone(), is_invalidation_supported);
    in_time(suite).await;
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
