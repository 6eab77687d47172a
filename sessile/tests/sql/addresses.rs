//! Addresses that are invalid or refused.

use sessile::storage::StoreErrorKind::{Denied, Misconfigured, Unavailable};

use crate::{
    engine::{SCHEMES, Server, Store},
    sql::setup::{built, create, in_time, patient, refused, store, value},
};

#[tokio::test]
async fn an_invalid_address_is_refused_without_its_password() {
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
async fn a_password_that_is_not_percent_encoded_is_not_shown() {
    // 12 is a valid port, so PostgreSQL reads the rest of the password as parameters.
    let password = "12/x?correct=horse&battery=staple";
    let address = format!("{}://u:{password}@localhost/db", SCHEMES[0]);
    let (kind, text) = refused(Store::builder(address)).await;
    assert_eq!(kind, Misconfigured);
    for part in ["correct", "horse", "battery", "staple"] {
        assert!(!text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn an_unknown_parameter_is_refused_by_name() {
    for (parameter, name) in [
        ("ssl_mode=VERIFY_IDENTITY", "`ssl_mode`"),
        ("sslmod=require", "`sslmod`"),
        ("create-table=true", "`create-table`"),
        ("create_table=yes", "`create_table`"),
        ("sslmode", "`sslmode`"),
        ("sslmode=", "`sslmode`"),
    ] {
        let address = format!("{}://u:hunter2@localhost/db?{parameter}", SCHEMES[0]);
        let (kind, text) = refused(Store::builder(address)).await;
        assert_eq!(kind, Misconfigured, "{parameter}");
        assert!(text.contains(name), "{text}");
        assert!(!text.contains("hunter2"), "{text}");
    }
}

#[tokio::test]
async fn the_address_can_ask_for_the_tables() {
    let server = Server::start().unwrap();
    let address = format!("{}?create_table=true", server.url());
    create(&built(patient(address)).await, 1).await;
}

#[tokio::test]
async fn both_forms_of_an_address_lead_to_the_same_table() {
    let server = Server::start().unwrap();
    let at = create(&store(&server).await, 1).await;
    let (_, rest) = server
        .url()
        .split_once("://")
        .map(|(a, b)| (a.to_owned(), b.to_owned()))
        .unwrap();
    for scheme in SCHEMES {
        let store = in_time(Store::new(format!("{scheme}://{rest}")))
            .await
            .unwrap();
        assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    }
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_not_shown() {
    let server = Server::start().unwrap();
    let (kind, text) = refused(patient(server.url_as("sessile", "hunter2"))).await;
    assert_eq!(kind, Denied, "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[tokio::test]
async fn a_missing_database_is_refused() {
    let server = Server::start().unwrap();
    let address = server.url();
    let (address, _) = address.rsplit_once('/').unwrap();
    let (kind, text) = refused(patient(format!("{address}/nowhere"))).await;
    // MariaDB says so only to users who may see the database.
    assert!([Misconfigured, Denied].contains(&kind), "{text}");
    assert!(text.contains("nowhere"), "{text}");
}

#[tokio::test]
async fn a_missing_server_is_unavailable() {
    let mut server = Server::start().unwrap();
    server.kill().unwrap();
    let (kind, text) = refused(patient(server.url())).await;
    assert_eq!(kind, Unavailable, "{text}");
    assert!(!text.contains("secret"), "{text}");
}
