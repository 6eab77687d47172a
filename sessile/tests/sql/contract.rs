//! The rules of the store contract, where databases differ from each other.

use std::time::Duration;

use sessile::{
    record::Record,
    storage::{
        CreateOutcome, Freshness::Current, SessionStore as _, SubjectDigest, UpdateOutcome, Version,
    },
};

use crate::{
    engine::{self, Server, Store},
    sql::setup::{
        At, MINUTE, create, create_record, record, rows, store, updated, updated_for, value,
    },
};

async fn create_at(store: &Store, at: &At, value: u32) -> CreateOutcome {
    let record = record(value);
    let created = store.create(&at.id, &record, at.version, MINUTE);
    created.await.unwrap()
}

#[tokio::test]
async fn a_create_replaces_an_expired_record_but_no_live_one() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    let other = At {
        version: Version::generate(),
        ..at.clone()
    };
    assert_eq!(create_at(&store, &other, 2).await, CreateOutcome::Taken);
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));

    updated_for(&store, &at, 3, Duration::ZERO).await;
    assert_eq!(create_at(&store, &other, 4).await, CreateOutcome::Created);
    assert_eq!(value(&store, &at).await.unwrap(), Some(4));
    assert_eq!(rows(&server), 1);
    updated(&store, &other, 5).await;
}

#[tokio::test]
async fn an_update_says_what_it_found() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let at = create(&store, 1).await;
    let (new, version) = (record(2), Version::generate());
    let update = |expected| store.update(&at.id, expected, &new, version, MINUTE);

    let other = Version::generate();
    assert_eq!(update(other).await.unwrap(), UpdateOutcome::Conflict);
    assert_eq!(value(&store, &at).await.unwrap(), Some(1));
    assert_eq!(update(at.version).await.unwrap(), UpdateOutcome::Updated);
    // It is at the new version already.
    assert_eq!(update(at.version).await.unwrap(), UpdateOutcome::Updated);
    assert_eq!(update(other).await.unwrap(), UpdateOutcome::Updated);
    let loaded = store.load(&at.id, None, Current).await.unwrap().unwrap();
    assert_eq!((loaded.record, loaded.version), (new.clone(), version));

    let at = At {
        version,
        ..at.clone()
    };
    let ended = updated_for(&store, &at, 3, Duration::ZERO).await;
    let outcome = update(ended.version).await.unwrap();
    assert_eq!(outcome, UpdateOutcome::Missing);
    store.delete(&at.id).await.unwrap();
    store.delete(&at.id).await.unwrap();
    let outcome = update(ended.version).await.unwrap();
    assert_eq!(outcome, UpdateOutcome::Missing);
    assert_eq!(rows(&server), 0);
}

#[tokio::test]
async fn every_id_and_version_comes_back() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    for byte in [0, b'\'', b'\\', 0x80, 0xff] {
        let at = At {
            id: sessile::storage::SessionId::from_bytes([byte; 16]),
            version: Version::new(u64::MAX - u64::from(byte)),
        };
        assert_eq!(create_at(&store, &at, 1).await, CreateOutcome::Created);
        let loaded = store.load(&at.id, None, Current).await.unwrap().unwrap();
        assert_eq!(loaded.version, at.version);
        updated(&store, &at, 2).await;
    }
}

/// The columns that sessions are found by: those of the only row.
fn columns(server: &Server) -> String {
    let columns = format!(
        "SELECT {}, signed_in_at, {} FROM sessile_sessions",
        engine::hex("subject"),
        engine::hex("label")
    );
    let columns = server.execute(&columns).unwrap();
    columns.trim_end().replace('\t', "|")
}

#[tokio::test]
async fn the_subject_the_sign_in_and_the_label_have_columns() {
    let server = Server::start().unwrap();
    let store = store(&server).await;
    let signed_in = |subject: &str| {
        let text = format!(
            r#"{{"v":3,"c":1,"u":2,"x":3,"p":4,"s":{{}},"sub":"{subject}","in":5,"auth":5,"label":"sid 1"}}"#
        );
        Record::decode(text.as_bytes()).unwrap()
    };
    let shown = |subject: &str| {
        let digest = SubjectDigest::of(subject);
        let hex = digest.as_bytes().map(|byte| format!("{byte:02x}"));
        format!("{}|5|7369642031", hex.concat())
    };
    let at = create_record(&store, &signed_in("ferris"), MINUTE).await;
    assert_eq!(columns(&server), shown("ferris"));
    let at = at.unwrap();
    let (new, version) = (signed_in("corro"), Version::generate());
    let update = store.update(&at.id, at.version, &new, version, MINUTE);
    assert_eq!(update.await.unwrap(), UpdateOutcome::Updated);
    assert_eq!(columns(&server), shown("corro"));
    let at = At { version, ..at };
    updated(&store, &at, 1).await;
    assert_eq!(columns(&server), engine::NO_VALUES);
}
