//! Tests for MySQL and MariaDB alone.

use sessile::storage::StoreErrorKind::Misconfigured;
use sqlx::{Executor as _, mysql::MySqlPoolOptions};

use crate::{
    engine::{Server, Store},
    sql::setup::{built, create, patient, refused, store, value},
};

#[tokio::test]
async fn a_pool_without_autocommit_is_refused() {
    let server = Server::start().unwrap();
    store(&server).await;
    let options = MySqlPoolOptions::new().after_connect(|connection, _| {
        Box::pin(async move {
            connection.execute("SET autocommit = 0").await?;
            Ok(())
        })
    });
    let pool = options.connect(&server.url()).await.unwrap();
    let (kind, text) = refused(Store::builder_pooled(pool)).await;
    assert_eq!(kind, Misconfigured, "{text}");
    assert!(text.contains("autocommit"), "{text}");
}

#[tokio::test]
async fn an_address_without_a_database_needs_the_setting() {
    let server = Server::start().unwrap();
    store(&server).await;
    let address = server.url();
    let (address, _) = address.rsplit_once('/').unwrap();
    let (kind, text) = refused(patient(address)).await;
    assert_eq!(kind, Misconfigured, "{text}");
    let store = built(patient(address).database("sessile")).await;
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}

#[tokio::test]
async fn an_address_may_name_a_unix_socket() {
    let server = Server::start().unwrap();
    let socket = server.folder().join("mariadb.sock");
    let address = format!("{}?socket={}", server.url(), socket.display());
    let store = built(patient(address).create_table(true)).await;
    let at = create(&store, 1).await;
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
}
