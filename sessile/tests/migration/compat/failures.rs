//! Stores that fail, and stored data that is not a session.

use std::error::Error;

use actix_web::cookie::time;
use sessile::{
    clock::{Clock as _, SystemClock},
    record::Record,
    storage::{
        Freshness, SessionId, SessionStore as _, StoreError, StoreErrorKind, Version,
        compat::Adapter,
    },
};

use super::world::{HOUR, World, increment};
use crate::old_stores::ours::TableStore;

#[tokio::test]
async fn data_that_is_not_a_session_opens_an_empty_one_and_is_kept() {
    let day = time::Duration::days(1);
    for text in ["", "null", "[]", r#"{"n":1}"#, r#"{"n":"ferris"}"#] {
        let world = World::new();
        let cookie = world.stored().await;
        let key = world.table.only_key();
        world.table.put_text(&key, text.to_owned(), day);
        let session = world.open(&cookie).await;
        assert_eq!(session.id(), None);
        session.insert("n", 5).unwrap();
        let cookie = world.commit(&session).await.unwrap();
        assert_eq!(world.n(&cookie).await, Some(5));
        assert_eq!(world.table.text(&key).as_deref(), Some(text));
    }
}

#[tokio::test]
async fn a_change_is_refused_if_the_stored_session_has_been_corrupted() {
    let world = World::new();
    let cookie = world.stored().await;
    let session = world.open(&cookie).await;
    increment(&session);
    let key = world.table.only_key();
    let day = time::Duration::days(1);
    world.table.put_text(&key, "{".to_owned(), day);
    assert_eq!(world.failure(&session).await, 503);
    assert_eq!(world.table.text(&key).as_deref(), Some("{"));
}

#[tokio::test]
async fn a_record_of_a_later_version_is_an_error() {
    let world = World::new();
    let cookie = world.stored().await;
    let key = world.table.only_key();
    let later = world.table.text(&key).unwrap();
    let later = later.replace(r#"v\\\":3"#, r#"v\\\":4"#);
    world.table.put_text(&key, later, time::Duration::days(1));
    let failed = world.manager.open([cookie.as_bytes()]).await;
    assert_eq!(failed.unwrap_err().status(), 503);
}

#[tokio::test]
async fn a_failure_of_the_store_is_a_503_and_loses_nothing() {
    let world = World::new();
    world.table.fail("save");
    let session = world.open("").await;
    session.insert("n", 1).unwrap();
    assert_eq!(world.failure(&session).await, 503);

    let cookie = world.stored().await;
    world.table.fail("load");
    let failed = world.manager.open([cookie.as_bytes()]).await;
    assert_eq!(failed.unwrap_err().status(), 503);

    let session = world.open(&cookie).await;
    increment(&session);
    world.table.fail("update");
    assert!(session.save().await.is_err());
    world.table.fail("load");
    assert!(session.save().await.is_err());
    world.commit(&session).await;
    assert_eq!(world.n(&cookie).await, Some(2));

    let session = world.open(&cookie).await;
    session.purge();
    world.table.fail("delete");
    assert_eq!(world.failure(&session).await, 503);
    assert_eq!(world.n(&cookie).await, Some(2));
}

#[tokio::test]
async fn a_renewal_whose_writes_fail_can_be_tried_again() {
    for failing in ["save", "update", "load"] {
        let world = World::new();
        let old = world.stored().await;
        let session = world.open(&old).await;
        session.renew();
        world.table.fail(failing);
        assert!(session.save().await.is_err(), "{failing}");
        let new = world.commit(&session).await.unwrap();
        assert_eq!((world.n(&old).await, world.n(&new).await), (None, Some(1)));
    }
}

#[tokio::test]
async fn errors_leave_the_outcome_open_and_keep_their_cause() {
    let world = World::new();
    world.stored().await;
    let store = Adapter::new(TableStore(world.table.clone()));
    let record = Record::new(SystemClock.now());
    let id = SessionId::generate();
    world.table.fail("save");
    let created = store.create(&id, &record, Version::generate(), HOUR).await;
    let error: StoreError = created.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.may_have_happened());
    let source = error.source().unwrap();
    assert_eq!(source.to_string(), "the new session could not be stored");
    let source = source.source().unwrap();
    assert_eq!(source.to_string(), "the connection was reset");
}

/// The store has nothing under ids that the engine generated.
#[tokio::test]
async fn ids_of_another_form_are_missing() {
    let world = World::new();
    let store = Adapter::new(TableStore(world.table.clone()));
    let id = SessionId::generate();
    let loaded = store.load(&id, None, Freshness::Current).await;
    assert_eq!(loaded.unwrap(), None);
    store.delete(&id).await.unwrap();
    assert!(world.table.operations().is_empty());
}

#[test]
fn keys_are_bounded() {
    let store = Adapter::new(TableStore(World::new().table));
    for (len, opens) in [(1, true), (4064, true), (4065, false)] {
        assert_eq!(store.opens_actix_session_key(&"a".repeat(len)), opens);
    }
}
