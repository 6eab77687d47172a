//! The memory that the index of subjects takes.

use std::collections::HashSet;

use super::*;
use crate::{
    engine::{EndCause, EventKind},
    storage::{MARK_LIFETIME, SessionLimit, SignInOutcome, SignInWrite, SubjectStore as _},
};

pub(super) fn signed_in(subject: &str, label: &str) -> Record {
    let mut record = record_of(500);
    let mut payload = record.payload();
    let details = payload.details_mut();
    details.subject = Some(subject.to_owned());
    details.signed_in_at = Some(Timestamp::from_unix_millis(1));
    details.lookup_label = Some(label.to_owned());
    record.set_payload(payload);
    record
}

impl MemorySessionStore {
    /// The number of ids in the index, by subject and by label.
    fn indexed(&self) -> (usize, usize) {
        let index = self.index();
        (
            index.subjects.values().map(HashSet::len).sum(),
            index.labels.values().map(HashSet::len).sum(),
        )
    }

    pub(super) async fn signed_in(&self, old: Option<&Stored>, record: &Record) -> Stored {
        let id = old.map_or_else(SessionId::generate, |old| old.id.clone());
        let version = Version::generate();
        let write = match old {
            Some(old) => SignInWrite::update(&id, old.version, record, version, MINUTE),
            None => SignInWrite::create(&id, record, version, MINUTE),
        };
        let limit = SessionLimit::new(u32::MAX).unwrap();
        self.sign_in(write, limit).await.unwrap();
        Stored { id, version }
    }
}

/// No operation comes that is not about users.
#[tokio::test]
async fn sign_ins_alone_free_what_they_evict() {
    for signs_in in [false, true] {
        let store = small_store();
        for number in 0..1000 {
            let record = signed_in(&format!("user {}", number % 7), &format!("sid {number}"));
            match signs_in {
                true => store.signed_in(None, &record).await,
                false => store.created(&record, MINUTE).await,
            };
        }
        let len = store.len();
        assert!(len < 200);
        assert_eq!(store.indexed(), (len, len));
        for shard in &store.shared.shards {
            assert!(shard.lock().unwrap().take_removed().is_empty());
        }
    }
}

#[tokio::test]
async fn creates_alone_free_what_has_expired() {
    let (store, clock) = single_shard_and_clock();
    for number in 0..100 {
        store
            .created(&signed_in("ferris", &number.to_string()), MINUTE)
            .await;
    }
    clock.advance(MINUTE);
    for number in 0..100 {
        store
            .created(&signed_in("corro", &number.to_string()), MINUTE)
            .await;
    }
    assert_eq!(store.len(), 100);
    assert_eq!(store.indexed(), (100, 100));
}

#[tokio::test]
async fn what_a_sign_in_replaces_leaves_the_index() {
    let store = MemorySessionStore::default();
    let first = store.signed_in(None, &signed_in("ferris", "first")).await;
    store
        .signed_in(Some(&first), &signed_in("corro", "second"))
        .await;
    assert_eq!(store.indexed(), (1, 1));
}

#[tokio::test]
async fn a_user_who_ends_all_again_and_again_takes_the_memory_of_one_mark() {
    let (store, clock) = store_and_clock();
    let [ferris, corro] = ["ferris", "corro"].map(SubjectDigest::of);
    for _ in 0..100 {
        clock.advance(SECOND);
        store.end_subject(&ferris, clock.now(), None).await.unwrap();
    }
    let marks = || {
        let index = store.index();
        (index.marks.len(), index.expiries.len())
    };
    assert_eq!(marks(), (1, 1));
    // The first mark is due, and the last one is not.
    clock.advance(MARK_LIFETIME - SECOND);
    store.end_subject(&corro, clock.now(), None).await.unwrap();
    assert_eq!(marks(), (2, 2));
    clock.advance(SECOND);
    store.end_subject(&corro, clock.now(), None).await.unwrap();
    assert_eq!(marks(), (1, 1));
}

#[tokio::test]
async fn a_session_that_a_sign_in_evicts_is_not_reported_as_displaced() {
    let record = signed_in("user", "sid");
    // There is room for one session.
    let max_bytes = shard::footprint(&record.compacted()) as u64;
    let store = MemorySessionStore::builder().max_bytes(max_bytes).build();
    let mut events = store.shared.end_reporter.subscribe();
    let first = store.signed_in(None, &record).await;
    let (id, version) = (SessionId::generate(), Version::generate());
    let write = SignInWrite::create(&id, &record, version, MINUTE);
    let outcome = store.sign_in(write, SessionLimit::new(1).unwrap()).await;
    let displaced = Vec::new();
    assert_eq!(outcome.unwrap(), SignInOutcome::Stored { displaced });
    let event = events.try_recv().unwrap();
    assert_eq!(event.id, Some(first.id));
    assert_eq!(event.kind, EventKind::Ended(EndCause::Evicted));
    assert!(events.try_recv().is_err());
}
