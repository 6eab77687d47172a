use std::{num::NonZeroU32, time::Duration};

use super::*;
use crate::{
    clock::ManualClock,
    record::State,
    storage::{IterableStore as _, MARK_LIFETIME, MemorySessionStore},
};

const MINUTE: Duration = Duration::from_secs(60);

/// A store that moves sessions, and a session of `record` in the old store, which lives for a minute.
async fn scene(
    clock: &ManualClock,
    record: &Record,
) -> (
    MigratingStore<MemorySessionStore, MemorySessionStore>,
    SessionId,
    Version,
) {
    let memory = || MemorySessionStore::builder().clock(clock.clone()).build();
    let store = MigratingStore::new(memory(), memory()).unwrap();
    let store = store.clock(clock.clone());
    let (id, version) = (SessionId::generate(), Version::generate());
    let created = store.old.create(&id, record, version, MINUTE).await;
    assert_eq!(created.unwrap(), CreateOutcome::Created);
    let end = store.move_some(None, NonZeroU32::MAX).await;
    assert_eq!(end.unwrap(), None);
    (store, id, version)
}

#[tokio::test]
async fn a_session_without_an_end_does_not_live_forever_after_its_move() {
    let clock = ManualClock::default();
    let (store, id, _) = scene(&clock, &Record::new(clock.now())).await;
    assert_eq!(store.old.count().await.unwrap(), 0);
    clock.advance(MARK_LIFETIME);
    let load = || store.load(&id, None, Freshness::Current);
    assert!(load().await.unwrap().is_some());
    clock.advance(MINUTE);
    assert_eq!(load().await.unwrap(), None);
}

#[tokio::test]
async fn a_session_of_actix_session_moves_with_its_first_change() {
    let clock = ManualClock::default();
    let undated = Record::undated(State::default(), clock.now());
    let (store, id, version) = scene(&clock, &undated).await;
    assert_eq!(store.old.count().await.unwrap(), 1);
    assert_eq!(store.new.count().await.unwrap(), 0);

    let record = Record::new(clock.now());
    let update = store.update(&id, version, &record, Version::generate(), MINUTE);
    assert_eq!(update.await.unwrap(), UpdateOutcome::Updated);
    assert_eq!(store.old.count().await.unwrap(), 0);
    assert_eq!(store.new.count().await.unwrap(), 1);
}
