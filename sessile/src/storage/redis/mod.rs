//! [`RedisSessionStore`]: sessions in Redis, on one server or many.

mod builder;
mod checks;
mod connection;
mod error;
mod iteration;
mod keys;
mod location;
mod near;
mod operations;
mod request;
mod scan;
mod script;
mod server_error;
mod slot;
mod subjects;
#[cfg(feature = "_redis-tls")]
mod tls;
mod value;
mod verdict;

use self::{connection::Connection, keys::RedisKeys, near::NearCache};
use super::{Loaded, SessionId, StoreError, StoreErrorKind, Version};
use crate::clock::SharedClock;

#[cfg(feature = "_redis-tls")]
pub use self::tls::RedisTlsConfig;
pub use self::{builder::RedisSessionStoreBuilder, near::NearCacheConfig};

/// Keeps sessions in Redis 5.0 or later, or in a server that is compatible with it.
///
/// It is for applications with several servers. Clones share the connections and the settings.
///
/// | address | server |
/// | --- | --- |
/// | `redis://host:port`, `host:port` | one server |
/// | `redis://user:password@host:port/1` | the same with a user, database 1 |
/// | `redis+unix:/path/to/socket?db=1&user=…&pass=…` | the same through a unix socket |
/// | `redis+cluster://host1:port,host2:port` | a cluster, found by some of its nodes |
/// | `redis+sentinel://host1:port,host2:port/name` | the master called `name`, found by its sentinels |
/// | `rediss://…`, `rediss+cluster://…`, `rediss+sentinel://…` | the same over TLS |
///
/// `valkey` and `valkeys` mean the same as `redis` and `rediss`. The parameter `protocol`, which other clients need, has no
/// effect. User and password are percent-encoded. With sentinels they are for the master; the sentinels have their own:
/// `redis+sentinel://…/name?sentinel_user=…&sentinel_pass=…`. The default port is 6379, for sentinels 26379. TLS needs
/// one of the features `redis-session-rustls` and `redis-session-native-tls`. `CLIENT LIST` shows the connections as `sessile`, or
/// under the name of the parameter `?client_name=…`.
///
/// - Every operation on the session of a guest is one command and one round trip, and atomic on the server. (After a
///   restart of the server, the store sends it each script once in full.) Signed-in sessions [need
///   more](#the-sessions-of-a-user).
/// - One connection carries all requests of a worker thread of Actix Web, and elsewhere all requests of a Tokio
///   runtime; on a cluster, there is one to each node. It is opened when it is first needed, and again after it
///   breaks. While the server is down, requests fail immediately. They succeed within half a second after its return:
///   see [`RedisSessionStoreBuilder::reconnect_backoff`].
/// - If the connection breaks before the reply arrives, the request is sent again, except when it creates a session.
///   If the first attempt of an update was stored, the store recognizes it by its version.
/// - The Redis key of a session is `sessile:` followed by its id of 22 characters.
///   [`key_prefix`](RedisSessionStoreBuilder::key_prefix) and [`cache_keygen`](RedisSessionStoreBuilder::cache_keygen)
///   change this. The value is the version in 16 hexadecimal digits and the [record](super#the-form-of-a-record).
/// - Behind sentinels, the store listens to all of them, and leaves a master that was replaced. The page
///   [`guide::failover`](crate::guide::failover) describes the effects of each failure.
/// - Sessions that `actix-session` stored in Redis can be read until they expire there. They stay under their Redis
///   key, and the first change stores them as records.
/// - Acknowledged writes are as durable as the configuration of Redis makes them. A crash or a failover can lose the
///   last ones: see the settings `appendonly` and `min-replicas-to-write` of Redis.
/// - Redis must not evict sessions for lack of memory: use the `maxmemory-policy` `noeviction`, or one of
///   the `volatile` policies if losing sessions is acceptable.
/// - A reader of the database can't open a session, because a record has only digests of its secrets. (Sessions of
///   `actix-session` are an exception: their Redis key is their secret.)
/// - The user needs the right to run `GET`, `SET`, `GETRANGE`, `DEL`, `EVAL` and `EVALSHA` on the keys of sessions,
///   and `CLUSTER|SLOTS` on a cluster. Building the store checks these rights. It should have `INFO` and
///   `CLIENT|SETNAME`, and `ROLE` behind sentinels. A near cache needs `PTTL` and `CLIENT|TRACKING` as well. The user
///   of the sentinels needs `SENTINEL|MASTER`, and should have `SUBSCRIBE` on the channel `+switch-master`.
///
/// ```no_run
/// use std::time::Duration;
/// use sessile::{clock::{Clock, SystemClock}, record::Record, storage::*};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = RedisSessionStore::new("redis://127.0.0.1:6379").await?;
/// let (id, version) = (SessionId::generate(), Version::generate());
/// let record = Record::new(SystemClock.now());
/// let minute = Duration::from_secs(60);
///
/// assert_eq!(store.create(&id, &record, version, minute).await?, CreateOutcome::Created);
/// let loaded = store.load(&id, None, Freshness::Current).await?;
/// assert_eq!(loaded, Some(Loaded { record, version }));
/// # Ok::<(), StoreError>(()) }).unwrap();
/// ```
///
/// # Near cache
///
/// With [`near_cache`](RedisSessionStoreBuilder::near_cache), a server of the application keeps the sessions
/// that it has read in its memory, and serves [`Cached`](crate::storage::Freshness::Cached) loads from there
/// without a round trip. Redis announces every change over the connection that the session was read over
/// (`CLIENT TRACKING`), and the entry is evicted.
///
/// - A server always sees its own changes: each write evicts the session, whatever its outcome.
/// - **The risk:** a change or an end of a session by another server becomes visible when the announcement arrives,
///   normally in less than a millisecond. If the connection breaks silently, the Redis server hangs, or the thread of
///   the connection is blocked, the change becomes visible at most [`max_staleness`](NearCacheConfig::max_staleness)
///   after the last reply: one second by default. No change is lost: a write that is based on an outdated entry is a
///   conflict, and [`Current`](crate::storage::Freshness::Current) loads never use the cache.
/// - When a connection ends, the sessions that were read over it are no longer served from memory. Entries
///   end with their time to live.
/// - **The cost:** memory of the application, within the bounds of [`NearCacheConfig`]; memory of Redis for
///   the key of each session that was read, for each server, until the session changes (see its
///   `tracking-table-max-keys`); two commands in one round trip instead of one for a load from Redis; and a
///   message for each change.
/// - It needs Redis 6.0 or later; building the store checks this. It works with one server, behind sentinels and on a
///   cluster, but not over the connections of a pool.
/// - Records that `actix-session` left, and values without a time to live, are not cached.
/// - The feature `metrics` counts near-cache hits, misses and invalidations:
///   `sessile_near_cache_hits_total`, `sessile_near_cache_misses_total` and
///   `sessile_near_cache_invalidations_total`.
///
/// ```no_run
/// use std::time::Duration;
/// use sessile::storage::{NearCacheConfig, RedisSessionStore};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisSessionStore::builder("redis://127.0.0.1:6379")
///     .near_cache(NearCacheConfig::default().max_staleness(Duration::from_millis(250)))
///     .build()
///     .await?;
/// # Ok(()) }
/// ```
///
#[doc = include_str!("docs/subjects.md")]
#[derive(Clone)]
pub struct RedisSessionStore {
    connection: Connection,
    keys: RedisKeys,
    near_cache: Option<NearCache>,
    clock: SharedClock,
}

impl RedisSessionStore {
    /// Connects to `address` with all settings at their defaults.
    ///
    /// # Errors
    ///
    /// - [`Misconfigured`](StoreErrorKind::Misconfigured) if the address can't be parsed or the database
    ///   does not exist.
    /// - [`Denied`](StoreErrorKind::Denied) if the server does not accept user or password, or the user lacks a right.
    /// - [`Incompatible`](StoreErrorKind::Incompatible) if the server is too old, is not Redis, or lacks a command.
    /// - [`Unavailable`](StoreErrorKind::Unavailable) if the server can't be reached.
    pub async fn new(address: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(address).build().await
    }

    /// Connects to `address` with settings of your own.
    pub fn builder(address: impl Into<String>) -> RedisSessionStoreBuilder {
        RedisSessionStoreBuilder::to_address(address.into())
    }

    /// Uses the connections of `pool`, with all settings at their defaults.
    ///
    /// It is for an application that already has a pool. A pool checks each connection before it lends it, so every
    /// operation takes a second round trip. With [`new`](Self::new), operations need no second round trip. The
    /// settings of the pool apply to its connections. For TLS, the application enables the feature of
    /// `deadpool-redis`.
    ///
    /// ```no_run
    /// use deadpool_redis::{Config, Runtime};
    /// use sessile::storage::RedisSessionStore;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Config::from_url("redis://127.0.0.1:6379").create_pool(Some(Runtime::Tokio1))?;
    /// let store = RedisSessionStore::new_pooled(pool).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[cfg(feature = "redis-pool")]
    pub async fn new_pooled(pool: impl Into<deadpool_redis::Pool>) -> Result<Self, StoreError> {
        Self::builder_pooled(pool).build().await
    }

    /// Uses the connections of `pool`, with settings of your own.
    #[cfg(feature = "redis-pool")]
    pub fn builder_pooled(pool: impl Into<deadpool_redis::Pool>) -> RedisSessionStoreBuilder {
        RedisSessionStoreBuilder::to_pool(pool.into())
    }

    fn redis_key(&self, id: &SessionId) -> String {
        self.keys.of(id)
    }
}

crate::debug::opaque!(RedisSessionStore);

#[cfg(test)]
mod tests;
