//! [`NearCache`]: sessions that were read from Redis, kept in memory until they change.
//!
//! Redis announces changes to what a connection has read over that connection (`CLIENT TRACKING`). An
//! entry is evicted in these cases, and together they cover every change:
//!
//! - **Redis announces a change.** The announcement arrives over the connection that reads use, so
//!   announcements and replies have one order. The driver of the connection preserves it: it passes an
//!   announcement on before it looks at the reply behind it (`PipelineSink::send_result` in the crate
//!   `redis`), and the entry is evicted at that point. So a task that has received a reply knows that all
//!   earlier announcements have been applied.
//! - **A read was in flight** when the announcement arrived. Its reply may be older than the change, and
//!   may reach its task long after. So every read notes the number of evictions when it begins
//!   ([`NearCache::begin_read`]), and caches nothing if there have been others since.
//! - **A write of this process** evicts when it begins and when it ends, before its outcome is reported
//!   ([`NearCache::begin_write`]). So a server always reads what it wrote. A write that was given up may
//!   reach Redis later; Redis announces a connection's own changes as well.
//! - **The connection ends, or no reply arrives over it**: see [`InvalidationStream`].
//! - **A mark changes** that was read with the session. Redis announces the key of the mark like that of a session. The
//!   entry notes the number of evictions of that key as well, and is not served once there have been others.
//! - **The time to live passes**: an entry knows when it ends.
//!
//! `NOLOOP` would save the announcements of own writes. It would also suppress those of keys that Redis evicts to
//! make room for an own write: Redis 7.0 announces nothing that it does on behalf of the connection. Deleting a
//! session that Redis has evicted changes nothing, so no server would be told of the end of that session.
//!
//! The session that an own write stored is not cached: the next read loads it. Caching it needs a second command for
//! each write, and rules that assign invalidations to writes. It would have to show a measured gain first.
//!
//! On a cluster, any change of the topology empties the cache: at the first redirect, and after the new topology was
//! loaded. A list of slots renews no lease: a node that the others have replaced still sends one.
//!
//! `quick_cache` evicts while it inserts, so the bounds hold at every moment.

mod config;
mod entry;
mod stream;
#[cfg(test)]
mod tests;

use std::{
    hash::BuildHasher as _,
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use quick_cache::{
    DefaultHashBuilder, OptionsBuilder,
    sync::{Cache, DefaultLifecycle},
};
use redis::{PushInfo, PushKind, Value};

pub use self::config::NearCacheConfig;
use self::entry::Weight;
pub(super) use self::entry::{Entry, Watched};
pub(super) use self::stream::{Pending, Provenance, StreamGuard};
use super::{Loaded, subjects::MARK_SUFFIX};
#[cfg(feature = "metrics")]
use crate::telemetry::Size;
use crate::{storage::lock::lock, telemetry};

/// Number of eviction counters of sessions, and of marks. An eviction also discards the reads in flight of all other keys of the
/// same counter, which costs them a round trip each. With this many counters that is rare. All sessions of signed-in users depend
/// on the counters of marks, so a change of a session must not touch those.
const COUNTERS: usize = 4096;

/// Number of parts that entries are kept in, unless they are few. Each part has its share of the bounds,
/// and a lock that many readers share.
const SHARDS: usize = 32;

/// Sessions that were read. Clones share them.
#[derive(Clone)]
pub(super) struct NearCache(Arc<Shared>);

struct Shared {
    /// By Redis key.
    entries: Cache<Box<str>, Arc<Entry>, Weight>,
    /// The number of evictions, by the hash of the Redis key: of sessions, and then of marks. Adding and evicting an entry takes
    /// the lock.
    evictions: Box<[Mutex<u64>]>,
    hasher: DefaultHashBuilder,
    max_staleness: Duration,
    /// The size that was last reported.
    #[cfg(feature = "metrics")]
    size: Mutex<Size>,
}

#[cfg(feature = "metrics")]
impl Drop for Shared {
    fn drop(&mut self) {
        self.set_size(Size::default());
    }
}

/// A read that is under way.
#[derive(Clone, Copy)]
pub(super) struct PendingRead {
    counter: usize,
    /// The number of evictions when it began.
    evictions: u64,
}

/// A write in flight. It evicts the session when it ends, whatever its outcome.
pub(super) struct PendingWrite<'a> {
    cache: &'a NearCache,
    redis_key: &'a str,
}

impl NearCache {
    pub(super) fn new(config: NearCacheConfig) -> Self {
        let weight = Weight::new(config);
        let options = OptionsBuilder::new()
            .shards(SHARDS)
            .estimated_items_capacity(weight.likely_entries(config))
            .weight_capacity(weight.capacity(config))
            .build()
            .expect("both capacities are set");
        let hasher = DefaultHashBuilder::default();
        let lifecycle = DefaultLifecycle::default();
        Self(Arc::new(Shared {
            entries: Cache::with_options(options, weight, hasher.clone(), lifecycle),
            evictions: (0..2 * COUNTERS).map(|_| Mutex::default()).collect(),
            hasher,
            max_staleness: config.max_staleness,
            #[cfg(feature = "metrics")]
            size: Mutex::default(),
        }))
    }

    /// The session under `redis_key`, if it is cached and current.
    pub(super) fn get(&self, redis_key: &str) -> Option<Loaded> {
        let found = self.0.entries.get(redis_key);
        let found = found.filter(|entry| entry.is_current(self, Instant::now()));
        match found {
            Some(entry) => {
                telemetry::near_cache_hit();
                Some(entry.loaded.clone())
            }
            None => {
                telemetry::near_cache_miss();
                None
            }
        }
    }

    /// Begins a read. Call it before the request is sent.
    pub(super) fn begin_read(&self, redis_key: &str) -> PendingRead {
        let counter = self.0.counter(redis_key);
        let evictions = *self.0.lock(counter);
        PendingRead { counter, evictions }
    }

    /// Caches what `read` found, unless there have been evictions since it began.
    pub(super) fn insert(&self, read: PendingRead, redis_key: &str, entry: Entry) {
        let evictions = self.0.lock(read.counter);
        if *evictions == read.evictions {
            self.0.entries.insert(redis_key.into(), Arc::new(entry));
        }
        drop(evictions);
        self.0.report_size();
    }

    /// Begins a write. Call it before the request is sent.
    pub(super) fn begin_write<'a>(&'a self, redis_key: &'a str) -> PendingWrite<'a> {
        self.evict(redis_key);
        PendingWrite {
            cache: self,
            redis_key,
        }
    }

    /// Evicts the session under `redis_key`, and discards its reads in flight.
    pub(super) fn evict(&self, redis_key: &str) {
        let mut evictions = self.0.lock(self.0.counter(redis_key));
        *evictions += 1;
        let removed = self.0.entries.remove(redis_key);
        drop(evictions);
        if removed.is_some() {
            self.0.report_size();
        }
    }

    /// Evicts all sessions, and discards all reads in flight.
    pub(super) fn clear(&self) {
        for counter in 0..self.0.evictions.len() {
            *self.0.lock(counter) += 1;
        }
        // An entry that is added meanwhile was read after, and may be evicted nevertheless.
        self.0.entries.clear();
        self.0.report_size();
    }

    /// Applies what Redis announces over a connection.
    pub(super) fn apply(&self, push: &PushInfo) {
        if push.kind != PushKind::Invalidate {
            return;
        }
        // A list of keys, or nothing for all of them.
        let [Value::Array(keys)] = push.data.as_slice() else {
            return self.clear();
        };
        for key in keys {
            // The Redis key of a session is text.
            if let Value::BulkString(key) = key
                && let Ok(key) = std::str::from_utf8(key)
            {
                self.evict(key);
                telemetry::near_cache_invalidated();
            }
        }
    }
}

impl Drop for PendingWrite<'_> {
    fn drop(&mut self) {
        self.cache.evict(self.redis_key);
    }
}

impl Shared {
    fn report_size(&self) {
        #[cfg(feature = "metrics")]
        self.set_size(Size {
            sessions: self.entries.len(),
            bytes: self.entries.weight() as usize,
        });
    }

    #[cfg(feature = "metrics")]
    fn set_size(&self, size: Size) {
        let mut reported = lock(&self.size);
        let before = std::mem::replace(&mut *reported, size);
        drop(reported);
        size.of_near_cache(before);
    }

    fn counter(&self, redis_key: &str) -> usize {
        let first = match redis_key.ends_with(MARK_SUFFIX) {
            true => COUNTERS,
            false => 0,
        };
        first + self.hasher.hash_one(redis_key) as usize % COUNTERS
    }

    fn lock(&self, counter: usize) -> MutexGuard<'_, u64> {
        lock(&self.evictions[counter])
    }
}
