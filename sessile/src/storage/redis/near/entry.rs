//! [`Entry`]: a session in the near cache, and whether it is current.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quick_cache::Weighter;

use super::{NearCache, NearCacheConfig, PendingRead, Provenance, stream::InvalidationStream};
use crate::storage::Loaded;

/// A session as it was read.
pub(in super::super) struct Entry {
    pub(super) loaded: Loaded,
    /// When its time to live passes.
    ends_at: Instant,
    /// The stream on which Redis announces changes of the session.
    stream: Arc<InvalidationStream>,
    /// The marks that did not end it. A guest has none.
    watched: Option<Box<[Watched; 2]>>,
}

impl Entry {
    /// The entry of a session, if it can be cached. `provenance` is that of the reply. When the request was sent, the
    /// session had at most `ttl` left. A guest has no marks to be `watched`.
    pub(in super::super) fn new(
        loaded: &Loaded,
        ttl: Duration,
        provenance: Provenance,
        watched: Option<[Watched; 2]>,
    ) -> Option<Self> {
        // The times of an undated record are those of its load.
        if loaded.record.undated {
            return None;
        }
        Some(Self {
            loaded: Loaded {
                record: loaded.record.compacted(),
                version: loaded.version,
            },
            // Counted from before the request was sent, so that it never ends late.
            ends_at: provenance.asked_at.checked_add(ttl)?,
            stream: provenance.stream,
            watched: watched.map(Box::new),
        })
    }

    /// Whether it may be served at `now`. Announced changes have evicted it, so these are the other cases.
    pub(super) fn is_current(&self, cache: &NearCache, now: Instant) -> bool {
        let mut marks = self.watched.iter().flat_map(|marks| marks.iter());
        now < self.ends_at
            && self.stream.is_current(now, cache.0.max_staleness)
            && marks.all(|mark| mark.is_unchanged(cache, now))
    }

    /// About how many bytes of memory the entry takes under a Redis key of this length.
    pub(super) fn footprint(&self, redis_key_len: usize) -> u64 {
        /// The size of its slot in the table, and the overhead of the allocator.
        const OVERHEAD: usize = 200;
        let record = self.loaded.record.footprint();
        let watched = self
            .watched
            .as_ref()
            .map_or(0, |_| size_of::<[Watched; 2]>());
        (size_of::<Self>() + OVERHEAD + redis_key_len + record + watched) as u64
    }
}

/// A Redis key that was read, and whose value decides whether a session is served.
pub(in super::super) struct Watched {
    read: PendingRead,
    stream: Arc<InvalidationStream>,
}

impl Watched {
    /// What `read` found, in a reply with this provenance.
    pub(in super::super) fn new(read: PendingRead, provenance: Provenance) -> Self {
        Self {
            read,
            stream: provenance.stream,
        }
    }

    /// Whether the key has the value that was read. If another key of the same counter was evicted, it counts as changed.
    fn is_unchanged(&self, cache: &NearCache, now: Instant) -> bool {
        self.stream.is_current(now, cache.0.max_staleness)
            && *cache.0.lock(self.read.counter) == self.read.evictions
    }
}

/// The weight of an entry, such that one bound keeps both: the bytes that it takes, and at least the bytes
/// that it could take if the maximum number of entries had one size.
#[derive(Clone)]
pub(super) struct Weight {
    least: u64,
}

impl Weight {
    pub(super) fn new(config: NearCacheConfig) -> Self {
        let sessions = (config.max_sessions as u64).max(1);
        Self {
            least: (config.max_bytes / sessions).max(1),
        }
    }

    pub(super) fn capacity(&self, config: NearCacheConfig) -> u64 {
        let least = self.least.saturating_mul(config.max_sessions as u64);
        least.min(config.max_bytes)
    }

    /// About how many entries there will be.
    pub(super) fn likely_entries(&self, config: NearCacheConfig) -> usize {
        const TYPICAL: u64 = 1024;
        let fit = self.capacity(config) / TYPICAL.max(self.least);
        usize::try_from(fit).unwrap_or(usize::MAX)
    }
}

impl Weighter<Box<str>, Arc<Entry>> for Weight {
    fn weight(&self, redis_key: &Box<str>, entry: &Arc<Entry>) -> u64 {
        entry.footprint(redis_key.len()).max(self.least)
    }
}
