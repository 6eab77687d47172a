//! [`RedisSessionStoreBuilder`]: what a store needs to know before it connects.

mod connector;

use std::{error::Error, fmt, time::Duration};

#[cfg(feature = "_redis-tls")]
use super::RedisTlsConfig;
use super::{
    NearCacheConfig, RedisSessionStore, SessionId, StoreError, checks, connection::Connection,
    error::Fault, keys::RedisKeys, location::Location, near::NearCache,
};
use crate::{
    clock::{Clock, SharedClock},
    storage::{
        credentials::{Credentials, CredentialsSource},
        shared_connection::Backoff,
    },
};

/// Sets up a [`RedisSessionStore`].
///
/// ```
/// use std::time::Duration;
/// use sessile::storage::{RedisSessionStore, StoreErrorKind};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let builder = RedisSessionStore::builder("redis://127.0.0.1:1") // No server listens here.
///     .cache_keygen(|id| format!("session:{id}"))
///     .connect_timeout(Duration::from_secs(5))
///     .response_timeout(Duration::from_millis(500));
/// let error = builder.build().await.unwrap_err();
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
/// # });
/// ```
#[derive(Clone)]
#[must_use = "nothing is connected until `build` is called"]
pub struct RedisSessionStoreBuilder {
    source: Source,
    keys: RedisKeys,
    connect_timeout: Duration,
    pub(in crate::storage) response_timeout: Duration,
    pub(in crate::storage) backoff: Backoff,
    credentials: Option<CredentialsSource>,
    sentinel_credentials: Option<CredentialsSource>,
    #[cfg(feature = "_redis-tls")]
    tls: Option<RedisTlsConfig>,
    /// `None` for the default, and `Some(None)` for plain text.
    #[cfg(feature = "_redis-tls")]
    sentinel_tls: Option<Option<RedisTlsConfig>>,
    near_cache: Option<NearCacheConfig>,
    clock: SharedClock,
}

/// The source of connections.
#[derive(Clone)]
enum Source {
    Address(String),
    #[cfg(feature = "redis-pool")]
    Pool(deadpool_redis::Pool),
}

impl RedisSessionStoreBuilder {
    pub(super) fn to_address(address: String) -> Self {
        Self::new(Source::Address(address))
    }

    #[cfg(feature = "redis-pool")]
    pub(super) fn to_pool(pool: deadpool_redis::Pool) -> Self {
        Self::new(Source::Pool(pool))
    }

    fn new(source: Source) -> Self {
        Self {
            source,
            keys: RedisKeys::default(),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
            backoff: Backoff::default(),
            credentials: None,
            sentinel_credentials: None,
            #[cfg(feature = "_redis-tls")]
            tls: None,
            #[cfg(feature = "_redis-tls")]
            sentinel_tls: None,
            near_cache: None,
            clock: SharedClock::default(),
        }
    }

    /// Puts `prefix` before the ids of sessions. The result is their Redis key. Without a prefix it is the id.
    ///
    /// Sessions that `actix-session` created are loaded under their own key, without a prefix.
    ///
    /// Default: `sessile:`. A later call of this method or of [`cache_keygen`](Self::cache_keygen) replaces an
    /// earlier one.
    ///
    /// ```
    /// use sessile::storage::RedisSessionStore;
    ///
    /// let builder = RedisSessionStore::builder("redis://127.0.0.1").key_prefix("shop:session:");
    /// # drop(builder);
    /// ```
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.keys = RedisKeys::prefix(prefix);
        self
    }

    /// Sets the function that makes the Redis key of a session. `keygen` receives the text of the [session's
    /// id](super::SessionId), or the whole session key of a session that `actix-session` created.
    ///
    /// Default: [`key_prefix`](Self::key_prefix). Different sessions need different Redis keys. If a new session has the
    /// Redis key of another one, it is not created, and nothing is overwritten.
    ///
    /// ```
    /// use sessile::storage::RedisSessionStore;
    ///
    /// let builder = RedisSessionStore::builder("redis://127.0.0.1")
    ///     .cache_keygen(|id| format!("session:{id}"));
    /// # drop(builder);
    /// ```
    pub fn cache_keygen<F>(mut self, keygen: F) -> Self
    where
        F: Fn(&str) -> String + Send + Sync + 'static,
    {
        self.keys = RedisKeys::keygen(keygen);
        self
    }

    /// The time limit for connecting to a server, authenticating and checking that it is Redis.
    ///
    /// Default: one second. A pool has a limit of its own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The time limit for an operation, including reconnecting, redirections to other nodes of a cluster, and
    /// a second attempt after the connection broke. A list of sessions, the end of a user's sessions, and a load that finds a
    /// signed-in session whose user the cookie does not name send several commands, each with this limit.
    ///
    /// Default: one second. A connection that delivers no reply for that long is closed.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// The pauses between attempts to connect to a server that is down: `shortest` after the first attempt,
    /// twice as long after each further one, up to `longest`. Each pause is shortened at random by up to a
    /// half. During a pause, operations fail immediately.
    ///
    /// Default: 50 to 500 milliseconds. The store notices the return of a server after `longest` at the
    /// latest. No wait is longer than an hour. A pool connects by its own rules.
    pub fn reconnect_backoff(mut self, shortest: Duration, longest: Duration) -> Self {
        self.backoff = Backoff { shortest, longest };
        self
    }

    /// The certificates of connections over TLS: for `rediss://` and the like.
    ///
    /// Default: those of [`RedisTlsConfig::default`](super::RedisTlsConfig).
    #[cfg(feature = "_redis-tls")]
    pub fn tls(mut self, config: RedisTlsConfig) -> Self {
        self.tls = Some(config);
        self
    }

    /// The certificates of connections to sentinels, or `None` for plain text.
    ///
    /// Default: as with [`tls`](Self::tls) for `rediss+sentinel://`, and plain text for `redis+sentinel://`.
    #[cfg(feature = "_redis-tls")]
    pub fn sentinel_tls(mut self, config: impl Into<Option<RedisTlsConfig>>) -> Self {
        self.sentinel_tls = Some(config.into());
        self
    }

    /// Calls `callback` for the user and the password of each new connection. It is for tokens, and for
    /// passwords that change while the application runs. Connecting, including the callback, is bounded by
    /// [`connect_timeout`](Self::connect_timeout).
    ///
    /// Default: user and password of the address. A callback replaces them. A pool has credentials of its own.
    ///
    /// ```
    /// use sessile::storage::{Credentials, RedisSessionStore};
    ///
    /// # async fn token() -> std::io::Result<String> { Ok(String::new()) }
    /// let builder = RedisSessionStore::builder("rediss://redis.internal")
    ///     .credentials(|| async { Ok(Credentials::new("app", token().await?)) });
    /// # drop(builder);
    /// ```
    pub fn credentials<F, O>(mut self, callback: F) -> Self
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = Result<Credentials, Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        self.credentials = Some(CredentialsSource::callback(callback));
        self
    }

    /// Calls `callback` for the user and the password of each new connection to a sentinel.
    ///
    /// Default: `sentinel_user` and `sentinel_pass` of the address. A callback replaces them.
    pub fn sentinel_credentials<F, O>(mut self, callback: F) -> Self
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = Result<Credentials, Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        self.sentinel_credentials = Some(CredentialsSource::callback(callback));
        self
    }

    /// Keeps sessions in memory that this server has read, until Redis announces that they changed. The
    /// page of [`RedisSessionStore`](RedisSessionStore#near-cache) describes the effects.
    ///
    /// Default: no near cache.
    ///
    /// ```
    /// use sessile::storage::{NearCacheConfig, RedisSessionStore};
    ///
    /// let builder = RedisSessionStore::builder("redis://127.0.0.1")
    ///     .near_cache(NearCacheConfig::default().max_sessions(50_000));
    ///
    /// assert!(format!("{builder:?}").contains("max_sessions: 50000"));
    /// ```
    pub fn near_cache(mut self, config: NearCacheConfig) -> Self {
        self.near_cache = Some(config);
        self
    }

    /// Reads the time from `clock` instead of the operating system: for tests. The store uses it only for
    /// sessions of `actix-session`, which have no times. Redis measures the time to live of a record.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Connects, and checks that the server is a Redis that the store can use.
    ///
    /// # Errors
    ///
    /// As [`RedisSessionStore::new`], and [`Misconfigured`](super::StoreErrorKind::Misconfigured)
    /// for certificates that can't be read or that are given for an address without TLS, and for a
    /// near cache over the connections of a pool.
    pub async fn build(self) -> Result<RedisSessionStore, StoreError> {
        let near_cache = self.near_cache.map(NearCache::new);
        let connection = match &self.source {
            Source::Address(address) => {
                let location = Location::parse(address).map_err(Fault::from)?;
                let connector = self.connector(&location, near_cache.clone())?;
                Connection::open(location, connector, self.response_timeout).await?
            }
            #[cfg(feature = "redis-pool")]
            Source::Pool(_) if near_cache.is_some() => return Err(Fault::NearCacheOverPool.into()),
            #[cfg(feature = "redis-pool")]
            Source::Pool(pool) => Connection::pooled(pool.clone(), self.response_timeout).await?,
        };
        let store = RedisSessionStore {
            connection,
            keys: self.keys,
            near_cache,
            clock: self.clock,
        };
        let redis_key = store.redis_key(&SessionId::generate());
        let has_near_cache = store.near_cache.is_some();
        checks::check_rights(&store.connection, &redis_key, has_near_cache).await?;
        checks::warn_of_eviction(&store.connection).await;
        Ok(store)
    }
}

impl fmt::Debug for RedisSessionStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSessionStoreBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("backoff", &self.backoff)
            .field("near_cache", &self.near_cache)
            .finish_non_exhaustive()
    }
}
