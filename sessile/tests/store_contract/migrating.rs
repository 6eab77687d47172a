//! Sessions that move from one store to another, while servers race, fail and crash.

mod races;

use std::{num::NonZeroU32, time::Duration};

use sessile::{
    clock::{Clock as _, ManualClock},
    config::Settings,
    engine::{ResponseHead, SealingKey, SessionManager},
    record::Record,
    storage::{Freshness::Current, *},
    test_helpers::{
        clear_test_suite, iterable_store_test_suite, managed_store_test_suite,
        store_contract_test_suite,
    },
};

use crate::unreliable::Unreliable;

const DAY: Duration = Duration::from_secs(24 * 3600);

type Store = MigratingStore<Unreliable, Unreliable>;

/// An old store that has one session, and a new one.
struct Scene {
    old: Unreliable,
    new: Unreliable,
    clock: ManualClock,
    id: SessionId,
}

impl Scene {
    async fn new() -> Self {
        let clock = ManualClock::default();
        let scene = Self {
            old: Unreliable::new(&clock),
            new: Unreliable::new(&clock),
            id: SessionId::generate(),
            clock,
        };
        let record = scene.record(0);
        let created = scene
            .old
            .memory
            .create(&scene.id, &record, Version::generate(), DAY);
        assert_eq!(created.await.unwrap(), CreateOutcome::Created);
        scene
    }

    fn record(&self, value: u32) -> Record {
        let mut record = Record::new(self.clock.now());
        record.state.insert("value", &value).unwrap();
        record
    }

    fn moving(&self) -> Store {
        let store = MigratingStore::new(self.old.clone(), self.new.clone());
        store.unwrap().clock(self.clock.clone())
    }

    fn preparing(&self) -> Store {
        MigratingStore::prepare(self.old.clone(), self.new.clone()).unwrap()
    }

    fn fail(&self, percent: u32) {
        self.old.fail(percent);
        self.new.fail(percent);
    }

    async fn value(&self, store: &Store) -> Option<u32> {
        let loaded = store.load(&self.id, None, Current).await.unwrap()?;
        loaded.record.state.get("value").unwrap()
    }
}

#[tokio::test]
async fn all_sessions_move_with_their_versions() {
    let scene = Scene::new().await;
    let store = scene.moving();
    let before = scene
        .old
        .memory
        .load(&scene.id, None, Current)
        .await
        .unwrap();
    // A copy that a crashed server has left, and a placeholder.
    let (left, slot) = (SessionId::generate(), SessionId::generate());
    for store in [&scene.old, &scene.new] {
        let record = scene.record(5);
        let created = store
            .memory
            .create(&left, &record, Version::generate(), DAY);
        created.await.unwrap();
    }
    let moved = scene.new.memory.load(&left, None, Current).await.unwrap();
    let text = br#"{"v":3,"c":0,"u":0,"x":0,"p":0,"s":{}}"#;
    let placeholder = Record::decode(text).unwrap();
    let created = scene
        .new
        .memory
        .create(&slot, &placeholder, Version::generate(), DAY);
    created.await.unwrap();
    let record = scene.record(7);
    let created = scene
        .old
        .memory
        .create(&slot, &record, Version::generate(), DAY);
    created.await.unwrap();
    assert_eq!(
        store
            .load(&slot, None, Current)
            .await
            .unwrap()
            .unwrap()
            .record,
        record
    );

    let mut after = None;
    loop {
        after = store
            .move_some(after.as_ref(), NonZeroU32::MIN)
            .await
            .unwrap();
        if after.is_none() {
            break;
        }
    }
    assert_eq!(store.old_store().count().await.unwrap(), 0);
    assert_eq!(store.count().await.unwrap(), 3);
    let load = async |id| scene.new.memory.load(id, None, Current).await.unwrap();
    assert_eq!(load(&scene.id).await, before);
    assert_eq!(load(&left).await, moved);
    assert_eq!(load(&slot).await.unwrap().record, record);
}

#[tokio::test]
async fn a_store_that_is_down_is_an_error() {
    for (fails_old, fails_new) in [(100, 0), (0, 100)] {
        let scene = Scene::new().await;
        let store = scene.moving();
        let known = scene
            .old
            .memory
            .load(&scene.id, None, Current)
            .await
            .unwrap();
        scene.old.fail(fails_old);
        scene.new.fail(fails_new);
        assert!(store.load(&scene.id, None, Current).await.is_err());
        assert!(store.delete(&scene.id).await.is_err());
        let (record, version) = (scene.record(1), known.unwrap().version);
        let update = store.update(&scene.id, version, &record, Version::generate(), DAY);
        assert!(update.await.is_err());
        scene.fail(0);
        while store.delete(&scene.id).await.is_err() {}
        assert_eq!(scene.value(&store).await, None);
    }
}

#[tokio::test]
async fn a_failed_end_does_not_bring_back_an_old_copy() {
    let scene = Scene::new().await;
    let moved = scene.record(1);
    let creating = (scene.new.memory).create(&scene.id, &moved, Version::generate(), DAY);
    creating.await.unwrap();
    let store = scene.moving();
    scene.old.fail(100);
    assert!(store.delete(&scene.id).await.is_err());
    scene.fail(0);
    assert_eq!(scene.value(&store).await, Some(1));
}

#[tokio::test]
async fn a_store_that_moves_sessions_keeps_the_contract() {
    let stores = || (MemorySessionStore::default(), MemorySessionStore::default());
    let moving = move || {
        let (old, new) = stores();
        MigratingStore::new(old, new).unwrap()
    };
    let preparing = move || {
        let (old, new) = stores();
        MigratingStore::prepare(old, new).unwrap()
    };
    store_contract_test_suite(moving).await;
    store_contract_test_suite(preparing).await;
    iterable_store_test_suite(moving).await;
    iterable_store_test_suite(preparing).await;
    clear_test_suite(moving).await;
    clear_test_suite(preparing).await;
    managed_store_test_suite(async || moving()).await;
}

#[tokio::test]
async fn users_stay_signed_in() {
    let (old, new) = (MemorySessionStore::default(), MemorySessionStore::default());
    let key = SealingKey::generate();
    let before = SessionManager::new(old.clone(), key.clone(), Settings::default()).unwrap();
    let session = before.open([]).await.unwrap();
    session.sign_in("ferris").await.unwrap();
    let headers = before
        .commit(&session, &ResponseHead::to("POST"))
        .await
        .unwrap();
    let cookie = headers.set_cookie.unwrap();
    let cookie = cookie.as_str().split(';').next().unwrap();

    let moving = MigratingStore::new(old.clone(), new.clone()).unwrap();
    let meanwhile = SessionManager::new(moving, key.clone(), Settings::default()).unwrap();
    let session = meanwhile.open([cookie.as_bytes()]).await.unwrap();
    assert_eq!(session.subject().as_deref(), Some("ferris"));
    session.insert("theme", "dark").unwrap();
    meanwhile
        .commit(&session, &ResponseHead::to("POST"))
        .await
        .unwrap();
    assert_eq!(old.count().await.unwrap(), 0);

    let after = SessionManager::new(new, key, Settings::default()).unwrap();
    let session = after.open([cookie.as_bytes()]).await.unwrap();
    assert_eq!(session.subject().as_deref(), Some("ferris"));
    assert_eq!(after.sessions().list("ferris").await.unwrap().len(), 1);
}

#[cfg(feature = "cookie-session")]
#[test]
fn sessions_in_cookies_cannot_be_moved() {
    let error = MigratingStore::new(CookieSessionStore::default(), MemorySessionStore::default());
    assert_eq!(error.unwrap_err().kind(), StoreErrorKind::Misconfigured);
    let error =
        MigratingStore::prepare(MemorySessionStore::default(), CookieSessionStore::default());
    assert_eq!(error.unwrap_err().kind(), StoreErrorKind::Misconfigured);
}
