//! The handle, without a store.

mod closed;
mod closures;

use std::collections::HashMap;

use serde_json::Value;

use super::*;
use crate::{
    error::{
        SessionClosedError, SessionReloadError, SessionSaveError, StateTooLargeError, WriteError,
    },
    record::json,
};

fn bounded(max_state_bytes: usize) -> Session {
    let session = Session::new();
    session.machine().max_state_bytes = max_state_bytes;
    session
}

#[test]
fn it_can_be_shared_between_threads() {
    fn assert_shareable<T: Send + Sync + Clone + 'static>() {}
    assert_shareable::<Session>();
}

#[test]
fn reading_leaves_the_status_alone() {
    let session = Session::new();
    assert_eq!(session.get::<u32>("n").unwrap(), None);
    assert!(!session.contains_key("n"));
    assert!(session.entries().is_empty());
    assert_eq!(session.status(), SessionStatus::Unchanged);
}

#[test]
fn writing_changes_the_status() {
    let writes: [fn(&Session); 4] = [
        |session| session.insert("n", 2).unwrap(),
        |session| session.update("n", |n: u32| n + 1).unwrap(),
        |session| assert_eq!(session.remove("n"), Some(Value::from(1))),
        |session| session.clear(),
    ];
    for write in writes {
        let session = Session::new();
        session.insert("n", 1).unwrap();
        session.machine().status = SessionStatus::Unchanged;
        write(&session);
        assert_eq!(session.status(), SessionStatus::Changed);
        session.renew();
        session.insert("n", 1).unwrap();
        write(&session);
        assert_eq!(session.status(), SessionStatus::Renewed);
    }
}

#[test]
fn what_changes_nothing_leaves_the_status_alone() {
    let session = Session::new();
    session.update("missing", |n: u32| n + 1).unwrap();
    assert_eq!(session.remove("missing"), None);
    assert_eq!(session.remove_as::<u32>("missing"), None);
    assert!(session.entries().is_empty());
    assert_eq!(session.status(), SessionStatus::Unchanged);
}

#[test]
fn a_failed_write_changes_nothing() {
    let session = Session::new();
    session.insert("text", "four").unwrap();
    session.machine().status = SessionStatus::Unchanged;

    let unserializable = HashMap::from([(vec![1], 1)]);
    let inserted = session.insert("text", unserializable).unwrap_err();
    assert_eq!(
        inserted.source,
        WriteError::Json(json::JsonError::Unserializable)
    );
    let updated = session.update("text", |n: u32| n + 1).unwrap_err();
    assert!(matches!(
        updated.source,
        WriteError::Json(json::JsonError::Shape { .. })
    ));
    let updated = session
        .update_or("map", HashMap::from([(vec![1], 1)]), |map| map)
        .unwrap_err();
    assert_eq!(
        updated.source,
        WriteError::Json(json::JsonError::Unserializable)
    );

    assert_eq!(session.status(), SessionStatus::Unchanged);
    assert_eq!(
        session.entries(),
        HashMap::from([("text".into(), "four".into())])
    );
}

#[test]
fn what_is_of_another_type_comes_back_as_it_is() {
    let session = Session::new();
    session.insert("n", "four").unwrap();
    let error = session.get::<u32>("n").unwrap_err();
    assert_eq!((error.name.as_str(), error.expected), ("n", "u32"));
    assert_eq!(session.remove_as::<u32>("n"), Some(Err("four".into())));
    assert!(!session.contains_key("n"));
}

#[test]
fn a_snapshot_blocks_nothing_and_stays_as_it_was() {
    let session = Session::new();
    session.insert("n", 1).unwrap();
    let entries = session.entries();
    session.insert("n", 2).unwrap();
    session.remove("n");
    assert_eq!(entries["n"], 1);
}

#[test]
fn the_size_is_bounded_and_may_always_shrink() {
    let session = bounded(10);
    session.insert("ab", 12_345_678).unwrap();
    let error = session.insert("c", 1).unwrap_err();
    let too_large = StateTooLargeError { bytes: 12, max: 10 };
    assert_eq!(error.source, WriteError::TooLarge(too_large));
    assert!(too_large.to_string().contains("2 more"));
    let error = session.update("ab", |n: u64| n * 10).unwrap_err();
    assert!(matches!(error.source, WriteError::TooLarge(_)));
    assert_eq!(session.get("ab").unwrap(), Some(12_345_678));

    // It holds more than it may since the bound was lowered.
    let over = bounded(10);
    over.machine()
        .payload
        .state
        .insert("long", "0123456789")
        .unwrap();
    over.insert("long", "0123").unwrap();
    assert_eq!(over.get::<String>("long").unwrap().as_deref(), Some("0123"));
}

#[test]
fn debug_shows_no_values() {
    let session = Session::new();
    session.insert("card", "4111").unwrap();
    let error = session.get::<u32>("card").unwrap_err();
    let debug = format!("{session:?} {error:?} {error}");
    assert!(debug.contains("card") && !debug.contains("4111"), "{debug}");
}

#[test]
fn debug_writes_without_the_lock() {
    struct Reading(Session);

    impl std::fmt::Write for Reading {
        fn write_str(&mut self, _: &str) -> std::fmt::Result {
            self.0.insert("written", true).map_err(|_| std::fmt::Error)
        }
    }

    let session = Session::new();
    std::fmt::Write::write_fmt(&mut Reading(session.clone()), format_args!("{session:?}")).unwrap();
    assert_eq!(session.get("written").unwrap(), Some(true));
}

#[tokio::test]
async fn without_a_store_there_is_nothing_to_save_or_reload() {
    let session = Session::new();
    assert!(matches!(
        session.save().await,
        Err(SessionSaveError::NoStore)
    ));
    assert!(matches!(
        session.reload().await,
        Err(SessionReloadError::NoStore)
    ));
    assert_eq!((session.created_at(), session.expires_at()), (None, None));
}
