//! The contract of a store, called directly.

use std::{sync::Arc, time::Duration};

use super::key;
use crate::{
    Clock as _, CookieContentSecurity, Record, SealingKey, SessionManager, Settings, SystemClock,
    cookie::SessionCookie,
    storage::{
        SessionStore, StoreError, StoreErrorKind, Stored, Swap, Version, generate_session_key,
    },
};

const MINUTE: Duration = Duration::from_secs(60);

fn record(value: u32) -> Record {
    let mut record = Record::new(SystemClock.now());
    record.state.insert("value", &value).unwrap();
    record
}

fn value(record: &Record) -> u32 {
    record.state.get("value").unwrap().unwrap()
}

async fn update(store: &impl SessionStore, at: &Stored, value: u32, ttl: Duration) -> Swap {
    let updated = store.update(&at.key, at.version, &record(value), ttl).await;
    updated.unwrap()
}

async fn renew(store: &impl SessionStore, at: &Stored, value: u32, ttl: Duration) -> Swap {
    let renewed = store.renew(&at.key, at.version, &record(value), ttl).await;
    renewed.unwrap()
}

fn stored(swap: Swap) -> Stored {
    match swap {
        Swap::Stored(stored) => stored,
        other => panic!("expected the record to be stored, got {other:?}"),
    }
}

/// The value under the key of `stored`, if it leads to a record.
async fn value_at(store: &impl SessionStore, stored: &Stored) -> Option<u32> {
    let loaded = store.load(&stored.key).await.unwrap();
    loaded.map(|loaded| value(&loaded.record))
}

/// What holds for every store.
pub(super) async fn everywhere(store: &impl SessionStore) {
    let original = record(1);
    let created = store.create(&original, MINUTE).await.unwrap();
    let loaded = store.load(&created.key).await.unwrap().expect("a record");
    assert_eq!(loaded.record, original);
    assert_eq!(loaded.version, created.version);

    let updated = stored(update(store, &created, 2, MINUTE).await);
    assert_eq!(value_at(store, &updated).await, Some(2));

    let renewed = stored(renew(store, &updated, 3, MINUTE).await);
    assert_eq!(value_at(store, &renewed).await, Some(3));

    let expired = store.create(&record(4), Duration::ZERO).await.unwrap();
    assert_eq!(value_at(store, &expired).await, None);

    store.delete(&renewed.key).await.unwrap();
    store.delete(&renewed.key).await.unwrap();
    store.delete(&generate_session_key()).await.unwrap();
}

/// What holds for stores that keep sessions on the server.
pub(super) async fn on_the_server<S: SessionStore>(store: S) {
    let store = Arc::new(store);
    missing(&*store).await;
    expired(&*store).await;
    created_twice(&*store).await;
    stale_version(&*store).await;
    deleted(&*store).await;
    renewed(&*store).await;
    many_updates_at_once(&store).await;
    many_renewals_at_once(&store).await;
    ended_amid_updates(&store).await;
}

async fn assert_gone(store: &impl SessionStore, at: &Stored) {
    assert_eq!(value_at(store, at).await, None);
    let updated = update(store, at, 9, MINUTE).await;
    assert!(matches!(updated, Swap::Gone), "{updated:?}");
    let renewed = renew(store, at, 9, MINUTE).await;
    assert!(matches!(renewed, Swap::Gone), "{renewed:?}");
    assert_eq!(value_at(store, at).await, None, "it was brought back");
}

async fn missing(store: &impl SessionStore) {
    let nowhere = Stored {
        key: generate_session_key(),
        version: Version::new(0),
    };
    assert_gone(store, &nowhere).await;
}

async fn expired(store: &impl SessionStore) {
    let created = store.create(&record(1), Duration::ZERO).await.unwrap();
    assert_gone(store, &created).await;

    let created = store.create(&record(1), MINUTE).await.unwrap();
    let updated = stored(update(store, &created, 2, Duration::ZERO).await);
    assert_gone(store, &updated).await;
}

async fn created_twice(store: &impl SessionStore) {
    let one = store.create(&record(1), MINUTE).await.unwrap();
    let other = store.create(&record(2), MINUTE).await.unwrap();
    assert_ne!(one.key, other.key);
    assert_eq!(value_at(store, &one).await, Some(1));
    assert_eq!(value_at(store, &other).await, Some(2));
}

async fn stale_version(store: &impl SessionStore) {
    let created = store.create(&record(1), MINUTE).await.unwrap();
    let current = stored(update(store, &created, 2, MINUTE).await);
    assert_eq!(current.key, created.key, "an update keeps the key");
    assert_ne!(current.version, created.version);

    let updated = update(store, &created, 9, MINUTE).await;
    assert!(matches!(updated, Swap::Conflict), "{updated:?}");
    let renewed = renew(store, &created, 9, MINUTE).await;
    assert!(matches!(renewed, Swap::Conflict), "{renewed:?}");
    assert_eq!(value_at(store, &current).await, Some(2));

    // Neither attempt used up the current version.
    stored(update(store, &current, 3, MINUTE).await);
}

async fn deleted(store: &impl SessionStore) {
    let created = store.create(&record(1), MINUTE).await.unwrap();
    store.delete(&created.key).await.unwrap();
    assert_gone(store, &created).await;

    // Whatever its version.
    let created = store.create(&record(1), MINUTE).await.unwrap();
    let updated = stored(update(store, &created, 2, MINUTE).await);
    store.delete(&created.key).await.unwrap();
    assert_gone(store, &updated).await;
}

async fn renewed(store: &impl SessionStore) {
    let created = store.create(&record(1), MINUTE).await.unwrap();
    let renewed = stored(renew(store, &created, 2, MINUTE).await);
    assert_ne!(renewed.key, created.key);
    assert_eq!(value_at(store, &renewed).await, Some(2));
    assert_gone(store, &created).await;

    let updated = stored(update(store, &renewed, 3, MINUTE).await);
    assert_gone(store, &created).await;
    assert_eq!(value_at(store, &updated).await, Some(3));

    // Signing out may have begun before the renewal: it ends what the session became.
    store.delete(&created.key).await.unwrap();
    assert_gone(store, &updated).await;
}

/// Adds one to the value at `at`, however often others get in first; tells whether it was there.
async fn increment(store: &impl SessionStore, at: &Stored) -> Result<bool, StoreError> {
    loop {
        let Some(loaded) = store.load(&at.key).await? else {
            return Ok(false);
        };
        let next = record(value(&loaded.record) + 1);
        match store.update(&at.key, loaded.version, &next, MINUTE).await? {
            Swap::Stored(_) => return Ok(true),
            Swap::Gone => return Ok(false),
            Swap::Conflict => tokio::task::yield_now().await,
        }
    }
}

async fn many_updates_at_once<S: SessionStore>(store: &Arc<S>) {
    const TASKS: u32 = 20;
    const ROUNDS: u32 = 5;
    let created = store.create(&record(0), MINUTE).await.unwrap();
    let tasks: Vec<_> = (0..TASKS)
        .map(|_| {
            let (store, at) = (Arc::clone(store), created.clone());
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    assert!(increment(&*store, &at).await.unwrap());
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(value_at(&**store, &created).await, Some(TASKS * ROUNDS));
}

async fn many_renewals_at_once<S: SessionStore>(store: &Arc<S>) {
    let created = store.create(&record(0), MINUTE).await.unwrap();
    let tasks: Vec<_> = (1..=20)
        .map(|number| {
            let (store, at) = (Arc::clone(store), created.clone());
            tokio::spawn(async move {
                let renewed = store
                    .renew(&at.key, at.version, &record(number), MINUTE)
                    .await;
                (number, renewed.unwrap())
            })
        })
        .collect();
    let mut winner = None;
    for task in tasks {
        if let (number, Swap::Stored(renewed)) = task.await.unwrap() {
            assert!(winner.is_none(), "a record was moved to two keys");
            winner = Some((number, renewed));
        }
    }
    let (number, renewed) = winner.expect("one renewal wins");
    assert_eq!(value_at(&**store, &renewed).await, Some(number));
    assert_gone(&**store, &created).await;
}

async fn ended_amid_updates<S: SessionStore>(store: &Arc<S>) {
    for _ in 0..20 {
        let created = store.create(&record(0), MINUTE).await.unwrap();
        let tasks: Vec<_> = (0..5)
            .map(|_| {
                let (store, at) = (Arc::clone(store), created.clone());
                tokio::spawn(async move {
                    while increment(&*store, &at).await.unwrap() {
                        // A store that never waits would let nobody else in.
                        tokio::task::yield_now().await;
                    }
                })
            })
            .collect();
        tokio::task::yield_now().await;
        store.delete(&created.key).await.unwrap();
        assert_eq!(value_at(&**store, &created).await, None);
        for task in tasks {
            task.await.unwrap();
        }
        assert_gone(&**store, &created).await;
    }
}

/// A record that can't be decoded is served as no session, and its key not used again.
///
/// A store that keeps records as they are, without encoding them, has nothing that could be
/// corrupt.
pub(super) async fn corrupt_at_rest(store: impl SessionStore, security: CookieContentSecurity) {
    let mut broken = record(1);
    broken.state.set(&"broken".into(), "{".into());
    let store = Arc::new(store);
    let Ok(corrupt) = store.create(&broken, MINUTE).await else {
        // A store that looks at what it is given may refuse it.
        return;
    };
    match store.load(&corrupt.key).await {
        Err(error) => assert_eq!(error.kind(), StoreErrorKind::Corrupt),
        Ok(Some(loaded)) => return assert_eq!(loaded.record, broken),
        Ok(None) => panic!("a corrupt record was passed off as a missing one"),
    }

    let sealing_key = SealingKey::try_from(key().master()).unwrap();
    let settings = Settings {
        cookie_content_security: security,
        ..Settings::default()
    };
    let cookie = SessionCookie::new(sealing_key.clone(), &settings);
    let manager = SessionManager::new(Arc::clone(&store), sealing_key, settings).unwrap();
    let set_cookie = cookie.issue(&corrupt.key, None).unwrap();
    let header = set_cookie.as_str().split(';').next().unwrap();

    let session = manager.open([header.as_bytes()]).await.unwrap();
    assert!(session.entries().is_empty());
    session.insert("value", 2).unwrap();
    let set_cookie = manager.commit(&session).await.unwrap().expect("a cookie");
    let header = set_cookie.as_str().split(';').next().unwrap();
    let new_key = cookie.read([header.as_bytes()]).expect("a cookie of ours");
    assert_ne!(new_key, corrupt.key);
    assert!(
        store.load(&corrupt.key).await.is_err(),
        "it was overwritten"
    );
}
