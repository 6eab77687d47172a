//! [`MemorySessionStore`]: sessions in the memory of this process.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use moka::{Expiry, policy::EvictionPolicy, sync::Cache};

use super::{Loaded, SessionKey, SessionStore, StoreError, Stored, Swap, Version};
use crate::{
    clock::{Clock, SharedClock, Timestamp},
    key::generate_session_key,
    record::Record,
};

/// Keeps sessions in the memory of this process: gone when it ends, invisible to other servers.
///
/// Clones share the sessions. Sessions that have ended are removed by themselves. What the store
/// may take is bounded, by default by 256 MiB; when that is full, the session that was not used for
/// the longest time ends early.
///
/// ```
/// use std::time::Duration;
/// use sessile::{Clock, Record, SystemClock, storage::{MemorySessionStore, SessionStore}};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemorySessionStore::default();
/// let record = Record::new(SystemClock.now());
/// let stored = store.create(&record, Duration::from_secs(60)).await?;
///
/// assert_eq!(store.clone().load(&stored.key).await?.unwrap().record, record);
/// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct MemorySessionStore {
    /// Only finds slots. Whether a session lives is decided in its slot.
    slots: Cache<Arc<str>, Arc<Slot>>,
    clock: SharedClock,
}

impl MemorySessionStore {
    /// A store that is to be set up differently from the default.
    pub fn builder() -> MemorySessionStoreBuilder {
        MemorySessionStoreBuilder {
            max_bytes: 256 * 1024 * 1024,
            clock: SharedClock::default(),
        }
    }

    /// The slot under `key`, live or not.
    fn slot(&self, key: &SessionKey) -> Option<Arc<Slot>> {
        self.slots.get(key.as_ref())
    }

    /// Lets `key` lead to `slot`, and tells the cache how long and how large it is now.
    fn index(&self, key: &SessionKey, slot: Arc<Slot>) {
        self.slots.insert(key.as_ref().into(), slot);
    }
}

impl Default for MemorySessionStore {
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for MemorySessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySessionStore").finish_non_exhaustive()
    }
}

/// Sets up a [`MemorySessionStore`].
#[derive(Debug)]
#[must_use = "nothing is set up until `build` is called"]
pub struct MemorySessionStoreBuilder {
    max_bytes: u64,
    clock: SharedClock,
}

impl MemorySessionStoreBuilder {
    /// The most bytes that all sessions may take, counted roughly: names, values and what the
    /// store needs to keep track of them.
    ///
    /// Default: 256 MiB. When it is exceeded, the sessions that were not used for the longest time
    /// end early.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Reads the time from `clock` instead of the operating system: for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// The store.
    pub fn build(self) -> MemorySessionStore {
        MemorySessionStore {
            slots: Cache::builder()
                .max_capacity(self.max_bytes)
                .weigher(|key: &Arc<str>, slot: &Arc<Slot>| slot.weight(key))
                // Any other policy may turn away a session that was just created.
                .eviction_policy(EvictionPolicy::lru())
                .expire_after(ByTimeToLive)
                .build(),
            clock: self.clock,
        }
    }
}

/// Where one session lies, for as long as it lives.
///
/// A renewal changes the key it answers to. For a moment two keys find the slot, and exactly one of
/// them is `key`: so the old key dies at the very instant the new one comes to life.
struct Slot(Mutex<Content>);

struct Content {
    /// The key that leads here; `None` when the session was deleted.
    key: Option<SessionKey>,
    version: u64,
    record: Record,
    ends_at: Timestamp,
    /// What is left of its life as of when that was set, for the cache's own expiry.
    ttl: Duration,
}

impl Slot {
    fn new(key: SessionKey, record: Record, now: Timestamp, ttl: Duration) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Content {
            key: Some(key),
            version: 0,
            record,
            ends_at: now.saturating_add(ttl),
            ttl,
        })))
    }

    fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn weight(&self, key: &str) -> u32 {
        /// What slot, cache entry and allocations take beside the state.
        const OVERHEAD: usize = 512;
        /// What one entry of the state takes beside its name and value.
        const ENTRY_OVERHEAD: usize = 64;
        let state = &self.content().record.state;
        let bytes = OVERHEAD + key.len() + state.size() + state.len() * ENTRY_OVERHEAD;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// Stores `record` if `key` leads here and `version` is current; under `new_key`, if there is
    /// one.
    fn swap(
        &self,
        key: &SessionKey,
        version: Version,
        new_key: Option<&SessionKey>,
        replacement: (&Record, Duration),
        clock: &SharedClock,
    ) -> Swap {
        let (record, ttl) = replacement;
        let now = clock.now();
        let mut content = self.content();
        if !content.is_live(key, now) {
            return Swap::Gone;
        }
        if content.version != version.get() {
            return Swap::Conflict;
        }
        let key = new_key.unwrap_or(key);
        *content = Content {
            key: Some(key.clone()),
            version: content.version + 1,
            record: record.clone(),
            ends_at: now.saturating_add(ttl),
            ttl,
        };
        Swap::Stored(Stored {
            key: key.clone(),
            version: Version::new(content.version),
        })
    }
}

impl Content {
    fn is_live(&self, key: &SessionKey, now: Timestamp) -> bool {
        self.key.as_ref() == Some(key) && now < self.ends_at
    }
}

/// The cache drops what has ended. It only cleans up, by its own clock: the slot decides.
struct ByTimeToLive;

impl Expiry<Arc<str>, Arc<Slot>> for ByTimeToLive {
    fn expire_after_create(&self, _: &Arc<str>, slot: &Arc<Slot>, _: Instant) -> Option<Duration> {
        Some(slot.content().ttl)
    }

    fn expire_after_update(
        &self,
        _: &Arc<str>,
        slot: &Arc<Slot>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(slot.content().ttl)
    }
}

impl SessionStore for MemorySessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        let Some(slot) = self.slot(key) else {
            return Ok(None);
        };
        let content = slot.content();
        Ok(content.is_live(key, self.clock.now()).then(|| Loaded {
            record: content.record.clone(),
            version: Version::new(content.version),
        }))
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        loop {
            let key = generate_session_key();
            let slot = Slot::new(key.clone(), record.clone(), self.clock.now(), ttl);
            let entry = self.slots.entry(key.as_ref().into()).or_insert(slot);
            if entry.is_fresh() {
                return Ok(Stored {
                    key,
                    version: Version::new(0),
                });
            }
        }
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        let Some(slot) = self.slot(key) else {
            return Ok(Swap::Gone);
        };
        let swap = slot.swap(key, version, None, (record, ttl), &self.clock);
        if matches!(swap, Swap::Stored(_)) {
            self.index(key, slot);
        }
        Ok(swap)
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        let Some(slot) = self.slot(key) else {
            return Ok(Swap::Gone);
        };
        let new_key = generate_session_key();
        // The new key leads to the slot before the slot answers to it, so that it is never lost.
        self.index(&new_key, Arc::clone(&slot));
        let swap = slot.swap(key, version, Some(&new_key), (record, ttl), &self.clock);
        if matches!(swap, Swap::Stored(_)) {
            self.index(&new_key, slot);
            self.slots.invalidate(key.as_ref());
        } else {
            self.slots.invalidate(new_key.as_ref());
        }
        Ok(swap)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        if let Some(slot) = self.slot(key) {
            let mut content = slot.content();
            if content.key.as_ref() == Some(key) {
                content.key = None;
            }
        }
        self.slots.invalidate(key.as_ref());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::ManualClock;

    const MINUTE: Duration = Duration::from_secs(60);

    fn record(value: &str) -> Record {
        let mut record = Record::new(Timestamp::from_unix_millis(0));
        record.state.insert("value", value).unwrap();
        record
    }

    #[tokio::test]
    async fn time_ends_sessions_by_the_clock_that_was_passed_in() {
        let clock = ManualClock::default();
        let store = MemorySessionStore::builder().clock(clock.clone()).build();
        let stored = store.create(&record("a"), MINUTE).await.unwrap();

        clock.advance(MINUTE);
        assert!(store.load(&stored.key).await.unwrap().is_none());
        let swap = store
            .update(&stored.key, stored.version, &record("b"), MINUTE)
            .await;
        assert!(matches!(swap, Ok(Swap::Gone)));
    }

    #[tokio::test]
    async fn it_stays_within_its_bound_and_keeps_the_newest() {
        let store = MemorySessionStore::builder().max_bytes(100_000).build();
        let mut newest = None;
        for _ in 0..1000 {
            newest = Some(
                store
                    .create(&record(&"x".repeat(500)), MINUTE)
                    .await
                    .unwrap(),
            );
        }
        store.slots.run_pending_tasks();
        assert!(store.slots.weighted_size() <= 100_000);
        assert!(store.slots.entry_count() > 50);
        let newest = newest.unwrap();
        assert!(store.load(&newest.key).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn ended_sessions_leave_no_memory_behind() {
        let store = MemorySessionStore::default();
        for _ in 0..100 {
            let stored = store.create(&record("a"), MINUTE).await.unwrap();
            let renewed = store
                .renew(&stored.key, stored.version, &record("b"), MINUTE)
                .await;
            let Ok(Swap::Stored(renewed)) = renewed else {
                panic!("not renewed: {renewed:?}");
            };
            store.delete(&renewed.key).await.unwrap();
        }
        store.slots.run_pending_tasks();
        assert_eq!(store.slots.entry_count(), 0);
    }

    #[tokio::test]
    async fn expired_sessions_go_by_themselves() {
        let store = MemorySessionStore::default();
        for _ in 0..100 {
            store
                .create(&record("a"), Duration::from_millis(1))
                .await
                .unwrap();
        }
        // The cache has a clock of its own, and looks at it about once a second.
        let deadline = Instant::now() + MINUTE;
        while store.slots.entry_count() > 0 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
            store.slots.run_pending_tasks();
        }
        assert_eq!(store.slots.entry_count(), 0);
    }

    #[tokio::test]
    async fn a_failed_renewal_leaves_the_old_key_alone() {
        let store = MemorySessionStore::default();
        let stored = store.create(&record("a"), MINUTE).await.unwrap();
        let stale = Version::new(7);
        let swap = store.renew(&stored.key, stale, &record("b"), MINUTE).await;
        assert!(matches!(swap, Ok(Swap::Conflict)));
        let loaded = store.load(&stored.key).await.unwrap().unwrap();
        assert_eq!(loaded.record, record("a"));
    }
}
