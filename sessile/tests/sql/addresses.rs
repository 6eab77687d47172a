//! Addresses that lead nowhere, or not in.

use sessile::storage::{
    SessionStore as _,
    StoreErrorKind::{Denied, Misconfigured, Unavailable},
};

use crate::{
    engine::{SCHEMES, Server, Store},
    sql::setup::{MINUTE, in_time, patient, record, refused, store},
};

#[tokio::test]
async fn what_is_no_address_is_refused_without_its_password() {
    for address in [
        "",
        "x",
        "redis://u:hunter2@localhost/db",
        "sqlite::memory:",
        &format!("{}://u:hunter2@localhost:port/db", SCHEMES[0]),
        &format!("{}://u:hunter2@localhost/db?ssl-mode=sideways", SCHEMES[0]),
        &format!("{}:u:hunter2@localhost/db", SCHEMES[0]),
    ] {
        let (kind, text) = refused(Store::builder(address)).await;
        assert_eq!(kind, Misconfigured, "{address}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn both_forms_of_an_address_lead_to_the_same_table() {
    let server = Server::start().unwrap();
    let stored = store(&server).await.create(&record(1), MINUTE).await;
    let key = stored.unwrap().key;
    let (_, rest) = server
        .url()
        .split_once("://")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    for scheme in SCHEMES {
        let store = in_time(Store::new(format!("{scheme}://{rest}")))
            .await
            .unwrap();
        assert!(store.load(&key).await.unwrap().is_some());
    }
}

#[tokio::test]
async fn a_password_that_is_wrong_is_denied_and_not_told() {
    let server = Server::start().unwrap();
    let (kind, text) = refused(patient(server.url_as("sessile", "hunter2"))).await;
    assert_eq!(kind, Denied, "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_database_that_is_not_there_is_refused() {
    let server = Server::start().unwrap();
    let address = server.url().replace("/sessile", "/nowhere");
    let (kind, text) = refused(patient(address.replace("//sessile", "//sessile"))).await;
    // MariaDB tells only who may see it that there is none.
    assert!([Misconfigured, Denied].contains(&kind), "{text}");
    assert!(text.contains("nowhere"), "{text}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let mut server = Server::start().unwrap();
    server.kill().unwrap();
    let (kind, text) = refused(patient(server.url())).await;
    assert_eq!(kind, Unavailable, "{text}");
    assert!(!text.contains("secret"), "{text}");
}
