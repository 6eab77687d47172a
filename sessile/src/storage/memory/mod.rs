//! [`MemorySessionStore`]: sessions in the memory of this process.

mod slot;

use std::{
    fmt,
    sync::Arc,
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;
use moka::{Expiry, ops::compute::Op, policy::EvictionPolicy, sync::Cache};

use self::slot::Slot;
use super::{Loaded, SessionKey, SessionStore, StoreError, Stored, Swap, Version};
use crate::{
    clock::{Clock, SharedClock},
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
    /// Finds slots by the ids of sessions. Whether a session lives is decided in its slot.
    slots: Cache<Arc<str>, Arc<Slot>, RandomState>,
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

    /// The slot of the session that `key` leads to or led to, live or not.
    fn slot(&self, key: &SessionKey) -> Option<Arc<Slot>> {
        self.slots.get(key.id())
    }

    fn swap(
        &self,
        (key, version): (&SessionKey, Version),
        new_key: SessionKey,
        record: &Record,
        ttl: Duration,
    ) -> Swap {
        let Some(slot) = self.slot(key) else {
            return Swap::Gone;
        };
        let (swap, cache_must_know) =
            slot.swap((key, version), new_key, (record, ttl), self.clock.now());
        if cache_must_know {
            // Unless it was dropped meanwhile.
            let id = Arc::from(key.id());
            self.slots.entry(id).and_compute_with(|entry| match entry {
                Some(entry) if Arc::ptr_eq(entry.value(), &slot) => Op::Put(slot),
                Some(_) | None => Op::Nop,
            });
        }
        swap
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
                .weigher(|_: &Arc<str>, slot: &Arc<Slot>| slot.told().weight)
                // Any other policy may turn away a session that was just created.
                .eviction_policy(EvictionPolicy::lru())
                .expire_after(ByTimeToLive)
                .build_with_hasher(RandomState::default()),
            clock: self.clock,
        }
    }
}

/// The cache drops what has ended. It only cleans up, by its own clock: the slot decides.
struct ByTimeToLive;

impl Expiry<Arc<str>, Arc<Slot>> for ByTimeToLive {
    fn expire_after_create(&self, _: &Arc<str>, slot: &Arc<Slot>, _: Instant) -> Option<Duration> {
        Some(slot.told().ttl)
    }

    fn expire_after_update(
        &self,
        _: &Arc<str>,
        slot: &Arc<Slot>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(slot.told().ttl)
    }
}

impl SessionStore for MemorySessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        let now = self.clock.now();
        Ok(self.slot(key).and_then(|slot| slot.load(key, now)))
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        let now = self.clock.now();
        loop {
            let key = generate_session_key();
            let slot = Slot::new(key.clone(), record.clone(), now, ttl);
            let entry = self.slots.entry(key.id().into()).or_insert(slot);
            if entry.is_fresh() {
                return Ok(Stored {
                    key,
                    version: Slot::FIRST_VERSION,
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
        Ok(self.swap((key, version), key.clone(), record, ttl))
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        Ok(self.swap((key, version), key.renewed(), record, ttl))
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        if let Some(slot) = self.slots.remove(key.id()) {
            slot.end();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
