//! [`MemorySessionStore`]: sessions in the memory of this process.

mod ids;
mod shard;
mod slots;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError, TryLockError},
    time::Duration,
};

use self::{
    ids::{Ids, Key},
    shard::{LEAST_WEIGHT, Shard},
    slots::Place,
};
use super::{Loaded, SessionKey, SessionStore, StoreError, Stored, Swap, Version};
use crate::{
    clock::{Clock, SharedClock, Timestamp},
    key::KeyBytes,
    record::Record,
};

/// Keeps sessions in the memory of this process: gone when it ends, invisible to other servers.
///
/// Clones share the sessions. What the store may take is
/// [bounded](MemorySessionStoreBuilder::max_bytes), by default by 256 MiB; when that is full, sessions
/// that were not used for the longest time, to within ten seconds, end early.
///
/// Sessions whose time is over are removed along the way: each operation, a load too, looks for a few of
/// them. So nothing runs in the background, and a store that nobody uses keeps what it has.
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
    shards: Arc<[Mutex<Shard>]>,
    ids: Ids,
    clock: SharedClock,
}

/// How many shards there are, at most.
const MOST_SHARDS: u64 = 64;

/// What each shard may take, at least, if there is more than one.
const LEAST_SHARE: u64 = 4 * 1024 * 1024;

/// What each shard may take, at most: more sessions than that have no places to be told apart by.
const MOST_SHARE: u64 = Place::MAX as u64 / MOST_SHARDS * LEAST_WEIGHT;

impl MemorySessionStore {
    /// A store that is to be set up differently from the default.
    pub fn builder() -> MemorySessionStoreBuilder {
        MemorySessionStoreBuilder {
            max_bytes: 256 * 1024 * 1024,
            clock: SharedClock::default(),
        }
    }

    /// A new key for a session at `place` in the shard of this index, and its parts.
    fn new_key(&self, index: usize, place: Place, bytes: KeyBytes) -> (SessionKey, Key) {
        let place_of_all = place * self.shards.len() as Place + index as Place;
        let key = self.ids.new_key(place_of_all, bytes);
        match self.find(&key) {
            Some((_, parts)) => (key, parts),
            None => unreachable!("a new key is of the form that new keys have"),
        }
    }

    /// The parts of `key`, and the shard that its session is in, if anywhere: each has every so manyth place.
    fn find(&self, key: &SessionKey) -> Option<(usize, Key)> {
        let key = self.ids.key(key)?;
        let shards = self.shards.len() as Place;
        let (place, index) = (key.place / shards, key.place % shards);
        Some((index as usize, Key { place, ..key }))
    }

    /// Does `operation` under the lock of a shard, and tidies up a little.
    fn in_shard<T>(&self, index: usize, operation: impl FnOnce(&mut Shard, Timestamp) -> T) -> T {
        let now = self.clock.now();
        let (done, turn) = {
            let mut shard = self.shards[index]
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            shard.tidy(now);
            (operation(&mut shard, now), shard.turn())
        };
        if let Some(turn) = turn {
            self.tidy(turn % self.shards.len(), now);
        }
        done
    }

    /// Tidies a shard up, unless somebody is there: they do it themselves.
    fn tidy(&self, index: usize, now: Timestamp) {
        match self.shards[index].try_lock() {
            Ok(mut shard) => shard.tidy(now),
            Err(TryLockError::Poisoned(shard)) => shard.into_inner().tidy(now),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    /// Puts `record` in the place of what `key` leads to, whose secret is `new_key`'s from then on.
    fn swap(
        &self,
        (key, version): (&SessionKey, Version),
        new_key: Option<SessionKey>,
        (record, ttl): (&Record, Duration),
    ) -> Result<Swap, StoreError> {
        let Some((index, old)) = self.find(key) else {
            return Ok(Swap::Gone);
        };
        let new = new_key.as_ref().map_or(Some(old), |key| self.ids.key(key));
        let Some(Key { secret, .. }) = new else {
            return Ok(Swap::Gone);
        };
        let new_key = new_key.unwrap_or_else(|| key.clone());
        let record = record.packed();
        self.in_shard(index, |shard, now| {
            shard.swap((&old, version), (new_key, secret), (record, ttl), now)
        })
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
    /// Default: 256 MiB. Sessions are spread evenly over parts of the store, as many as can have 4 MiB
    /// each, one at least and 64 at most. When a part has used up its share, those of its sessions that
    /// were not used for the longest time end early, so that a new one always finds room.
    ///
    /// More than about 800 GiB count as that. What is left of sessions that have ended, until the ones that were
    /// begun last have ended too, is not counted: some 40 bytes for each.
    ///
    /// A session that would take more than a part's share, 4 MiB by default, is refused when it is made or
    /// changed: [`StoreErrorKind::Denied`](super::StoreErrorKind::Denied).
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
        let shards = (self.max_bytes / LEAST_SHARE).clamp(1, MOST_SHARDS);
        let share = (self.max_bytes / shards).min(MOST_SHARE);
        MemorySessionStore {
            shards: (0..shards).map(|_| Mutex::new(Shard::new(share))).collect(),
            ids: Ids::default(),
            clock: self.clock,
        }
    }
}

impl SessionStore for MemorySessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        let load = |(index, key)| self.in_shard(index, |shard, now| shard.load(&key, now));
        Ok(self.find(key).and_then(load))
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        let record = record.packed();
        // Drawn before a place is found, since that needs a lock.
        let bytes = KeyBytes::random();
        let index = fastrand::usize(..self.shards.len());
        let (key, version) = self.in_shard(index, |shard, now| {
            let new_key = |place| self.new_key(index, place, bytes);
            shard.create(new_key, (record, ttl), now)
        })?;
        Ok(Stored { key, version })
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        self.swap((key, version), None, (record, ttl))
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        self.swap((key, version), Some(key.renewed()), (record, ttl))
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        if let Some((index, key)) = self.find(key) {
            self.in_shard(index, |shard, _| shard.delete(&key));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
