//! The engine on a real store that can be told to fail.

mod ending;
mod failing;
mod lifetimes;
mod merging;
mod saving;
mod settings;

use std::sync::{
    Mutex,
    atomic::{AtomicU32, Ordering},
};

use super::*;
use crate::{
    Clock as _, ManualClock, Record, SessionClosedError, SessionReloadError, SessionStatus,
    config::{PersistentSession, TtlExtensionPolicy},
    storage::{MemorySessionStore, StoreError, Stored, Swap, Version},
};

/// What the store is to do wrong with its next write.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// Fail, and do nothing.
    Fail,
    /// Do it, and then report a failure.
    DoAndFail,
    /// Never answer.
    Hang,
    /// Do it when told to.
    Wait,
}

/// A real store that counts what it is asked, lets others go first, and fails when told to.
struct Faulty {
    store: MemorySessionStore,
    next_write: Mutex<Option<Fault>>,
    go_on: tokio::sync::Notify,
    loads: AtomicU32,
    writes: AtomicU32,
}

impl Faulty {
    fn inject(&self, fault: Fault) {
        *self.next_write.lock().unwrap() = Some(fault);
    }

    fn counts(&self) -> (u32, u32) {
        let take = |counter: &AtomicU32| counter.swap(0, Ordering::SeqCst);
        (take(&self.loads), take(&self.writes))
    }

    async fn write<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let fault = self.next_write.lock().unwrap().take();
        tokio::task::yield_now().await;
        let failure = || Err(StoreError::new(StoreErrorKind::Unavailable, "a fault"));
        match fault {
            None => operation.await,
            Some(Fault::Fail) => failure(),
            Some(Fault::DoAndFail) => {
                operation.await?;
                failure()
            }
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Wait) => {
                self.go_on.notified().await;
                operation.await
            }
        }
    }
}

impl SessionStore for Faulty {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.store.load(key).await
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        self.write(self.store.create(record, ttl)).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        self.write(self.store.update(key, version, record, ttl))
            .await
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        self.write(self.store.renew(key, version, record, ttl))
            .await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.write(self.store.delete(key)).await
    }
}

/// A server, and a browser that keeps its cookie.
struct World {
    manager: SessionManager<Arc<Faulty>>,
    store: Arc<Faulty>,
    clock: ManualClock,
}

impl World {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let clock = ManualClock::default();
        let store = Arc::new(Faulty {
            store: MemorySessionStore::builder().clock(clock.clone()).build(),
            next_write: Mutex::new(None),
            go_on: tokio::sync::Notify::new(),
            loads: AtomicU32::new(0),
            writes: AtomicU32::new(0),
        });
        let mut settings = Settings::default().with_clock(clock.clone());
        change(&mut settings);
        let manager =
            SessionManager::new(Arc::clone(&store), SealingKey::generate(), settings).unwrap();
        Self {
            manager,
            store,
            clock,
        }
    }

    async fn open(&self, cookie: &str) -> Session {
        self.manager.open([cookie.as_bytes()]).await.unwrap()
    }

    async fn commit(&self, session: &Session) -> Option<String> {
        let set_cookie = self.manager.commit(session).await.unwrap()?;
        Some(set_cookie.as_str().split(';').next().unwrap().to_owned())
    }

    /// A stored session with `n` = 1, as the cookie that names it.
    async fn stored(&self) -> String {
        let session = self.open("").await;
        session.insert("n", 1).unwrap();
        let cookie = self.commit(&session).await.unwrap();
        self.store.counts();
        cookie
    }

    async fn n(&self, cookie: &str) -> Option<u32> {
        self.open(cookie).await.get("n").unwrap()
    }
}

fn increment(session: &Session) {
    session.update("n", |n: u32| n + 1).unwrap();
}

#[tokio::test]
async fn round_trips_are_as_few_as_can_be() {
    let world = World::new(|_| {});
    let anonymous = world.open("").await;
    assert_eq!(world.commit(&anonymous).await, None);
    assert_eq!(world.store.counts(), (0, 0));

    let cookie = world.stored().await;
    type Handler = fn(&Session);
    let handlers: [(Handler, (u32, u32)); 4] = [
        (|session| assert!(session.contains_key("n")), (1, 0)),
        (increment, (1, 1)),
        (|session| session.insert("m", 1).unwrap(), (1, 1)),
        (Session::purge, (1, 1)),
    ];
    for (handler, counts) in handlers {
        let session = world.open(&cookie).await;
        handler(&session);
        world.commit(&session).await;
        assert_eq!(world.store.counts(), counts);
    }
}
