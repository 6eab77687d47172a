//! Stores that break one rule of [`IterableStore`] or [`ManagedStore`] each. The suite has to name the rule.

mod operations;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Instant,
};

use sessile::{
    storage::Version,
    test_helpers::{clear_test_suite, iterable_store_test_suite, managed_store_test_suite},
};

use crate::subject_rules::fails;
use IterationFault::*;

/// A fault of such a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum IterationFault {
    OmitsGuests,
    OmitsTheLast,
    ShowsExpired,
    IgnoresTheLimit,
    /// The cursor is a number of sessions to skip.
    SkipsByNumber,
    UnreadableFailsThePage,
    UnreadableIsOmitted,
    BeginsAgainAtAnotherCursor,
    CountsExpired,
    ClearOmitsUsers,
    /// An update looks for its session, and stores it a moment later.
    UpdateChecksFirst,
    PingsWhenClosed,
    ClosesOnce,
    ClosedIsUncertain,
}

/// Clones share the sessions.
#[derive(Clone)]
struct Broken {
    fault: Option<IterationFault>,
    entries: Arc<Mutex<BTreeMap<String, Entry>>>,
    is_closed: Arc<AtomicBool>,
}

#[derive(Clone)]
struct Entry {
    text: String,
    version: Version,
    ends_at: Instant,
}

impl Broken {
    fn new(fault: Option<IterationFault>) -> Self {
        Self {
            fault,
            entries: Arc::default(),
            is_closed: Arc::default(),
        }
    }

    fn has(&self, fault: IterationFault) -> bool {
        self.fault == Some(fault)
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap()
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(SeqCst)
    }
}

#[tokio::test]
async fn a_correct_store_passes() {
    let store = Broken::new(None);
    let shared = store.clone();
    iterable_store_test_suite(move || shared.clone()).await;
    clear_test_suite(move || store.clone()).await;
    managed_store_test_suite(async || Broken::new(None)).await;
}

#[tokio::test]
async fn a_wrong_iteration_is_caught() {
    let shown = "an iteration shows every live session of users and guests, as it is stored";
    let ended = "an iteration shows no session that was deleted or has expired";
    let bounded = "a page has hardly more sessions than its limit, which is any number above zero";
    let throughout = "an iteration shows a session that lives throughout at least once, whatever happens to others and to its content meanwhile";
    let unreadable = "a record that can't be decoded is shown with its error, of kind Corrupt or Newer, and the others of its page are shown as well";
    let cursor =
        "`page` refuses a cursor that the store did not make, with an error of kind Unsupported";
    for (fault, rule, did) in [
        (OmitsGuests, shown, "did not show a live session"),
        (OmitsTheLast, shown, "did not show a live session"),
        (ShowsExpired, ended, "showed the expired session"),
        (IgnoresTheLimit, bounded, "at most 1 sessions has 120"),
        (SkipsByNumber, throughout, "of 40 sessions"),
        (UnreadableFailsThePage, unreadable, "`page` failed"),
        (UnreadableIsOmitted, unreadable, "did not show the record"),
        (BeginsAgainAtAnotherCursor, cursor, "was accepted"),
    ] {
        let suite = iterable_store_test_suite(move || Broken::new(Some(fault)));
        fails(fault, suite, rule, did).await;
    }
}

#[tokio::test]
async fn a_wrong_count_or_clear_is_caught() {
    let count = "`count` returns the number of live sessions of users and guests";
    let cleared = "after `clear` no session is there, for any operation";
    let stays =
        "a session that `clear` has deleted never comes back, whatever updates were in flight";
    for (fault, rule, did) in [
        (CountsExpired, count, "It returned 29. The rule asks for 28"),
        (ClearOmitsUsers, cleared, "then found a record"),
        (UpdateChecksFirst, stays, ""),
    ] {
        let store = Broken::new(Some(fault));
        let suite = clear_test_suite(move || store.clone());
        fails(fault, suite, rule, did).await;
    }
}

#[tokio::test]
async fn a_store_that_can_be_neither_checked_nor_closed_is_caught() {
    let ping = "`ping` succeeds if and only if a `load` does";
    let closed = "`close` can be repeated, and later operations succeed or certainly do not happen";
    for (fault, rule, did) in [
        (PingsWhenClosed, ping, "a `ping` succeeded"),
        (ClosesOnce, closed, "`close` failed"),
        (ClosedIsUncertain, closed, "may have happened"),
    ] {
        let suite = managed_store_test_suite(async move || Broken::new(Some(fault)));
        fails(fault, suite, rule, did).await;
    }
}
