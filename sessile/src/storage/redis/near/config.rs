//! [`NearCacheConfig`]: the bounds of a near cache.

use std::time::Duration;

/// The bounds of a near cache: how many sessions a [`RedisSessionStore`](super::super::RedisSessionStore)
/// keeps in memory after it has read them, and for how long it serves them without a reply from Redis.
///
/// It is set with [`near_cache`](super::super::RedisSessionStoreBuilder::near_cache). The page of
/// [`RedisSessionStore`](super::super::RedisSessionStore#near-cache) describes what a near cache does.
///
/// ```
/// use std::time::Duration;
/// use sessile::storage::NearCacheConfig;
///
/// let config = NearCacheConfig::default()
///     .max_sessions(50_000)
///     .max_bytes(256 * 1024 * 1024)
///     .max_staleness(Duration::from_millis(500));
///
/// assert_eq!(
///     format!("{config:?}"),
///     "NearCacheConfig { max_sessions: 50000, max_bytes: 268435456, max_staleness: 500ms }"
/// );
/// assert_eq!(
///     NearCacheConfig::default(),
///     NearCacheConfig::default()
///         .max_sessions(10_000)
///         .max_bytes(64 * 1024 * 1024)
///         .max_staleness(Duration::from_secs(1))
/// );
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "nothing is cached until it is given to a store"]
pub struct NearCacheConfig {
    pub(super) max_sessions: usize,
    pub(super) max_bytes: u64,
    pub(super) max_staleness: Duration,
}

impl Default for NearCacheConfig {
    fn default() -> Self {
        Self {
            max_sessions: 10_000,
            max_bytes: 64 * 1024 * 1024,
            max_staleness: Duration::from_secs(1),
        }
    }
}

impl NearCacheConfig {
    /// Maximum number of sessions.
    ///
    /// Default: 10 000. When there are more, the least used sessions are evicted. Redis remembers every key
    /// that a server of the application has read until its session changes.
    pub fn max_sessions(mut self, sessions: usize) -> Self {
        self.max_sessions = sessions;
        self
    }

    /// Maximum number of bytes that all sessions take, counted roughly: names, values, Redis keys and
    /// bookkeeping.
    ///
    /// Default: 64 MiB. A session that takes more than a thirty-second of it may not be cached.
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// How long sessions are served from memory after the last reply from the Redis server that they were
    /// read from. If the connection breaks silently, this server notices a change or an end of a session
    /// after this time at the latest.
    ///
    /// Default: one second. A server in use sends at least one load to Redis within this time. With zero,
    /// every request reads from Redis.
    pub fn max_staleness(mut self, staleness: Duration) -> Self {
        self.max_staleness = staleness;
        self
    }
}
