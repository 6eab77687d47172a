//! The application's code that runs while the session is changed, and the journal that it leaves.

use std::{sync::mpsc, thread, time::Duration};

use serde::{Serialize, Serializer};

use super::*;

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
fn an_update_that_changes_its_own_value_ends() {
    let session = Session::new();
    session.insert("n", 1).unwrap();
    let handle = session.clone();
    let updated = session.update("n", move |n: u32| {
        handle.insert("n", n + 1).unwrap();
        n
    });
    assert_eq!(updated.unwrap_err().source, WriteError::KeepsChanging);
}

#[test]
fn alternating_inserts_leave_one_change_for_each_name() {
    let session = Session::new();
    for round in 0..200_000 {
        session.insert(["a", "b"][round % 2], round).unwrap();
    }
    assert_eq!(session.machine().journal.len(), 2);
}

#[test]
fn alternating_removals_leave_one_change_for_each_name() {
    let session = Session::new();
    for _ in 0..100_000 {
        session.insert("a", 1).unwrap();
        session.remove("a").unwrap();
    }
    assert_eq!(session.machine().journal.len(), 1);
}

#[test]
fn alternating_updates_and_clears_leave_one_change_for_each_name() {
    let session = Session::new();
    for _ in 0..50_000 {
        session.update_or("a", 1, |n: u32| n + 1).unwrap();
        session.update("a", |n: u32| n + 1).unwrap();
        session.clear();
    }
    assert_eq!(session.machine().journal.len(), 0);
    assert!(!session.machine().journal.is_empty());
}
