use std::{collections::HashMap, sync::mpsc, thread, time::Duration};

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::*;
use crate::{failure::StateTooLargeError, json};

fn bounded(max_state_bytes: usize) -> Session {
    Session::with(Live::new(false), max_state_bytes, None)
}

/// Fails, rather than hangs, when `body` locks itself out.
fn without_deadlock(body: impl FnOnce() + Send + 'static) {
    let (done, finished) = mpsc::channel();
    thread::spawn(move || {
        body();
        done.send(()).unwrap();
    });
    finished
        .recv_timeout(Duration::from_secs(30))
        .expect("the application's code ran under the session's lock");
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
        session.live().status = SessionStatus::Unchanged;
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
fn a_purged_session_stays_empty() {
    let session = Session::new();
    session.insert("n", 1).unwrap();
    session.purge();
    session.insert("n", 2).unwrap();
    session.update_or("n", 3, |n: u32| n + 1).unwrap();
    session.renew();
    session.clear();
    assert_eq!(session.remove("n"), None);
    assert!(session.entries().is_empty());
    assert_eq!(session.status(), SessionStatus::Purged);
}

#[test]
fn a_failed_write_changes_nothing() {
    let session = Session::new();
    session.insert("text", "four").unwrap();
    session.live().status = SessionStatus::Unchanged;

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
    over.live().state.insert("long", "0123456789").unwrap();
    over.insert("long", "0123").unwrap();
    assert_eq!(over.get::<String>("long").unwrap().as_deref(), Some("0123"));
}

#[test]
fn updates_from_many_threads_are_all_counted() {
    const THREADS: u32 = 8;
    const ROUNDS: u32 = 200;
    let session = Session::new();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for _ in 0..ROUNDS {
                    session.update_or("n", 1, |n: u32| n + 1).unwrap();
                }
            });
        }
    });
    assert_eq!(session.get("n").unwrap(), Some(THREADS * ROUNDS));
}

/// Uses the session while it is serialized, and when it is dropped.
struct Meddler(Session);

impl Serialize for Meddler {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.insert("meddled", true).unwrap();
        serializer.serialize_bool(true)
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        let _ = self.0.status();
    }
}

#[test]
fn values_may_use_the_session_while_they_are_inserted() {
    without_deadlock(|| {
        let session = Session::new();
        session.insert("meddler", Meddler(session.clone())).unwrap();
        assert_eq!(session.entries().len(), 2);
    });
}

#[test]
fn closures_may_use_the_session_while_they_update() {
    without_deadlock(|| {
        let session = Session::new();
        session.insert("n", 1).unwrap();
        let handle = session.clone();
        session
            .update("n", move |n: u32| {
                handle.insert("other", n).unwrap();
                n + 1
            })
            .unwrap();
        assert_eq!(session.get("n").unwrap(), Some(2));
        assert_eq!(session.get("other").unwrap(), Some(1));
    });
}

#[test]
fn closures_may_use_the_session_when_they_are_dropped() {
    type Superseding = fn(&Session);
    let superseding: [Superseding; 4] = [
        |session| session.insert("n", 5).unwrap(),
        |session| assert!(session.remove("n").is_some()),
        Session::clear,
        Session::purge,
    ];
    for supersede in superseding {
        without_deadlock(move || {
            let session = Session::new();
            session.insert("n", 1).unwrap();
            let meddler = Meddler(session.clone());
            session
                .update("n", move |n: u32| {
                    n + u32::from(!meddler.0.contains_key("x"))
                })
                .unwrap();
            supersede(&session);
        });
    }
}

#[test]
fn a_closed_session_can_be_read_and_refuses_writes() {
    let session = Session::new();
    session.insert("n", 1).unwrap();
    session.close();
    let closed = WriteError::Closed(SessionClosedError::Committed);
    assert_eq!(session.insert("n", 2).unwrap_err().source, closed);
    assert_eq!(
        session.update("n", |n: u32| n + 1).unwrap_err().source,
        closed
    );
    assert_eq!(
        session.update_or("n", 1, |n: u32| n).unwrap_err().source,
        closed
    );
    assert_eq!(session.remove("n"), None);
    session.clear();
    session.purge();
    session.renew();
    assert_eq!(session.get("n").unwrap(), Some(1));
    assert_eq!(session.status(), SessionStatus::Changed);
}

#[test]
fn debug_shows_no_values() {
    let session = Session::new();
    session.insert("card", "4111").unwrap();
    let error = session.get::<u32>("card").unwrap_err();
    let debug = format!("{session:?} {error:?} {error}");
    assert!(debug.contains("card") && !debug.contains("4111"), "{debug}");
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
