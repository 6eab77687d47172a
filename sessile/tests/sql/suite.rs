//! The acceptance suite, over every kind of connection to the database.

use sessile::test_helpers::acceptance_test_suite;

use crate::{
    engine::{self, Server, Store},
    sql::setup::{built, in_time, patient, store, with_patience},
};

async fn passes(store: Store) {
    in_time(acceptance_test_suite(move || store.clone(), true)).await;
}

#[actix_web::test]
async fn connections_of_its_own() {
    let server = Server::start().unwrap();
    passes(store(&server).await).await;
}

#[actix_web::test]
async fn a_single_connection() {
    let server = Server::start().unwrap();
    let builder = patient(server.url()).create_table(true);
    passes(built(engine::at_most(builder, 1)).await).await;
}

#[actix_web::test]
async fn a_pool_of_the_applications() {
    let server = Server::start().unwrap();
    let pool = engine::pool(&server).await;
    let builder = with_patience(Store::builder_pooled(pool.clone()));
    passes(built(builder.create_table(true)).await).await;
    in_time(Store::new_pooled(pool)).await.unwrap();
}

#[actix_web::test]
async fn names_of_the_applications() {
    let server = Server::start().unwrap();
    server.execute(engine::CREATE_SCHEMA).unwrap();
    let builder = engine::in_schema(patient(server.url()), "Some_schema").table("Select");
    passes(built(builder.create_table(true)).await).await;
}

/// Isolation as strict as it gets, an odd time zone and dialect, and nothing for good by default.
#[actix_web::test]
async fn a_server_with_unusual_defaults() {
    let server = Server::start_with(engine::ODD_SETTINGS).unwrap();
    passes(store(&server).await).await;
}
