//! Addresses of no store, and the errors for them.

use std::{error::Error, time::Duration};

use sessile::{
    clock::{Clock as _, SystemClock},
    record::Record,
    storage::{
        AnySessionStore, Freshness::Current, Loaded, ManagedStore as _, MemorySessionStore,
        SessionId, SessionStore as _, StoreErrorKind, Version,
    },
};
use sessile_rig::free_port;

use crate::place::{ENOUGH, Place, in_time};

/// The error for an address of no store.
async fn refused(address: &str) -> (StoreErrorKind, String) {
    let builder = AnySessionStore::builder(address).connect_timeout(ENOUGH);
    let error = in_time(builder.build()).await.unwrap_err();
    let mut text = format!("{error} {error:?}");
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    (error.kind(), text)
}

#[tokio::test]
async fn an_address_of_no_store_is_misconfigured() {
    for address in ["", "sessions.db", "mongodb://host", "localhost:6379"] {
        let (kind, text) = refused(address).await;
        assert_eq!(kind, StoreErrorKind::Misconfigured, "{address}");
        assert!(text.contains("sqlite:"), "{text}");
    }
    for address in [
        "memory:x",
        "cookie://",
        "sqlite:",
        "redis://",
        "rediss+actor",
    ] {
        let (kind, text) = refused(address).await;
        assert_eq!(kind, StoreErrorKind::Misconfigured, "{address}: {text}");
    }
}

#[tokio::test]
async fn no_error_has_the_password() {
    let port = free_port().unwrap();
    for address in [
        format!("postgres://user:hunter2@127.0.0.1:{port}/db"),
        format!("mysql://user:hunter2@127.0.0.1:{port}/db"),
        format!("redis://user:hunter2@127.0.0.1:{port}"),
        format!("redis+cluster://user:hunter2@127.0.0.1:{port}"),
        format!("redis+sentinel://user:hunter2@127.0.0.1:{port}/name"),
        "postgres://user:hunter2@host:port/db".to_owned(),
        "mysql://user:hunter2@host:port/db".to_owned(),
        "redis://user:hunter2@host:port".to_owned(),
        "hunter2://host".to_owned(),
    ] {
        let (_, text) = refused(&address).await;
        assert!(!text.contains("hunter2"), "{text}");
        let debug = format!("{:?}", AnySessionStore::builder(address));
        assert!(!debug.contains("hunter2"), "{debug}");
    }
}

#[tokio::test]
async fn a_table_is_created_if_it_is_configured() {
    for place in [Place::postgres(), Place::mariadb()] {
        let (kind, text) = refused(&place.address).await;
        assert_eq!(kind, StoreErrorKind::Incompatible, "{text}");
        assert!(text.contains("sessile_sessions"), "{text}");
        place.open().await;
        let builder = AnySessionStore::builder(place.address.as_str());
        let connected = builder.connect_timeout(ENOUGH).build();
        in_time(connected).await.unwrap();
    }
}

#[tokio::test]
async fn only_databases_need_a_clean_up() {
    let minute = Duration::from_secs(60);
    for place in [Place::sqlite(), Place::postgres(), Place::mariadb()] {
        let store = place.open().await;
        store.start_cleanup(minute).unwrap().stop().await;
    }
    for address in ["memory:", "cookie:"] {
        let store = AnySessionStore::connect(address).await.unwrap();
        assert!(store.start_cleanup(minute).is_none());
    }
}

#[tokio::test]
async fn a_store_on_a_server_can_be_closed() {
    for place in [Place::sqlite(), Place::postgres(), Place::redis()] {
        let store = place.open().await;
        store.ping().await.unwrap();
        store.clone().close().await.unwrap();
        let unavailable = StoreErrorKind::Unavailable;
        assert_eq!(store.ping().await.unwrap_err().kind(), unavailable);
        let loaded = store.load(&SessionId::generate(), None, Current).await;
        assert_eq!(loaded.unwrap_err().kind(), unavailable);
    }
}

#[tokio::test]
async fn a_store_of_the_application_can_be_wrapped() {
    let own = MemorySessionStore::default();
    let store = AnySessionStore::new(own.clone());
    let record = Record::new(SystemClock.now());
    let (id, version) = (SessionId::generate(), Version::generate());
    let created = store.create(&id, &record, version, Duration::from_secs(60));
    created.await.unwrap();
    let loaded = own.load(&id, None, Current).await.unwrap();
    assert_eq!(loaded, Some(Loaded { record, version }));
}
