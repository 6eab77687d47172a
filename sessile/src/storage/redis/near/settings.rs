//! [`NearCache`]: how much is kept in memory, and for how long without news.

use std::time::Duration;

/// How many sessions a [`RedisSessionStore`](super::super::RedisSessionStore) keeps in memory once it
/// has read or written them, and how long it does so while nothing is heard from Redis.
///
/// For [`near_cache`](super::super::RedisSessionStoreBuilder::near_cache), where the whole of it is
/// described.
///
/// ```
/// use std::time::Duration;
/// use sessile::storage::NearCache;
///
/// let near = NearCache::default()
///     .max_sessions(50_000)
///     .max_bytes(256 * 1024 * 1024)
///     .max_staleness(Duration::from_millis(500));
///
/// assert_eq!(
///     format!("{near:?}"),
///     "NearCache { max_sessions: 50000, max_bytes: 268435456, max_staleness: 500ms }"
/// );
/// assert_eq!(
///     NearCache::default(),
///     NearCache::default()
///         .max_sessions(10_000)
///         .max_bytes(64 * 1024 * 1024)
///         .max_staleness(Duration::from_secs(1))
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "nothing is kept until it is given to a store"]
pub struct NearCache {
    pub(super) max_sessions: usize,
    pub(super) max_bytes: u64,
    pub(super) max_staleness: Duration,
}

impl Default for NearCache {
    fn default() -> Self {
        Self {
            max_sessions: 10_000,
            max_bytes: 64 * 1024 * 1024,
            max_staleness: Duration::from_secs(1),
        }
    }
}

impl NearCache {
    /// The most sessions to keep.
    ///
    /// Default: 10 000. When there are more, those go that were used the least. Redis remembers as many
    /// keys for each server of the application, and those that were read or written before until they change.
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// The most bytes that all of them may take, counted roughly: names, values, keys and what it takes to
    /// keep track of them.
    ///
    /// Default: 64 MiB. A session that takes more than a thirty-second of it may not be kept.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How long after the last answer from a Redis server what was read or written there is still used: so long
    /// at most goes a change or an end of a session unseen here if the connection breaks without a word.
    ///
    /// Default: one second. A server that is in use costs one round trip in that time. Zero has
    /// every request ask Redis.
    pub fn max_staleness(mut self, staleness: Duration) -> Self {
        self.max_staleness = staleness;
        self
    }
}
