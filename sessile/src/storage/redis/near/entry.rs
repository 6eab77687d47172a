//! [`Entry`]: a session in the near cache.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use quick_cache::Weighter;

use super::{NearCacheConfig, Provenance, Watched, stream::InvalidationStream};
use crate::storage::Loaded;

/// A session as it was read.
pub(in super::super) struct Entry {
    pub(super) loaded: Loaded,
    /// When its time to live passes.
    pub(super) ends_at: Instant,
    /// The stream on which Redis announces changes of the session.
    pub(super) stream: Arc<InvalidationStream>,
    /// The marks that did not end it. A guest has none.
    pub(super) watched: Option<Box<[Watched; 2]>>,
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
