//! [`RedisSessionStoreBuilder`]: what a store needs to know before it connects.

use std::{fmt, sync::Arc, time::Duration};

#[cfg(feature = "_redis-tls")]
use super::connection::TlsFiles;
use super::{
    Keygen, NearCacheConfig, RedisSessionStore, StoreError,
    connection::{Connection, Connector},
    error::Fault,
    location::Location,
    near::NearCache,
};
use crate::{
    clock::{Clock, SharedClock},
    storage::shared_connection::Backoff,
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
#[must_use = "nothing is connected until `build` is called"]
pub struct RedisSessionStoreBuilder {
    source: Source,
    keygen: Option<Keygen>,
    connect_timeout: Duration,
    response_timeout: Duration,
    backoff: Backoff,
    #[cfg(feature = "_redis-tls")]
    tls: TlsFiles,
    near_cache: Option<NearCacheConfig>,
    clock: SharedClock,
}

/// Where connections come from.
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
            keygen: None,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
            backoff: Backoff::default(),
            #[cfg(feature = "_redis-tls")]
            tls: TlsFiles::default(),
            near_cache: None,
            clock: SharedClock::default(),
        }
    }

    /// Makes the Redis key of a session, for example to add a prefix. `keygen` is given the text of the
    /// [session's id](super::SessionId), or the whole session key of a session that `actix-session` made.
    ///
    /// Default: the Redis key is what `keygen` would be given. Different sessions need different Redis keys.
    /// If a new session has the Redis key of another one, it is not created, and nothing is overwritten.
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
        self.keygen = Some(Arc::new(keygen));
        self
    }

    /// How long it may take to connect to a server, to sign in and to check that it is Redis.
    ///
    /// Default: one second. A pool has a limit of its own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long an operation may take in all: with reconnecting, with redirections to other nodes of a
    /// cluster, and with a second attempt after the connection broke.
    ///
    /// Default: one second. A connection that delivers no reply for that long is closed.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// How long to wait between attempts to connect to a server that is down: `shortest` after the first
    /// attempt, twice as long after each further one, up to `longest`. Each wait is shortened at random by
    /// up to a half. Operations fail immediately meanwhile.
    ///
    /// Default: 50 to 500 milliseconds. The store notices the return of a server after `longest` at the
    /// latest. No wait is longer than an hour. A pool connects by its own rules.
    pub fn reconnect_backoff(mut self, shortest: Duration, longest: Duration) -> Self {
        self.backoff = Backoff { shortest, longest };
        self
    }

    /// The certificates of the authorities that are trusted to identify the server, in PEM, in place of
    /// those that the operating system trusts. For `rediss://` and the like.
    ///
    /// Default: what the operating system trusts.
    #[cfg(feature = "_redis-tls")]
    pub fn tls_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.root_certificates = Some(pem.into());
        self
    }

    /// The certificate that shows the server who connects, and its private key, both in PEM, the
    /// key as PKCS #8. For `rediss://` and the like.
    ///
    /// Default: none.
    #[cfg(feature = "_redis-tls")]
    pub fn tls_client_certificate(
        mut self,
        certificate_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.tls.client = Some((certificate_pem.into(), key_pem.into()));
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

    /// Reads the time from `clock` instead of the operating system: for tests. The time only dates
    /// sessions that `actix-session` left. Redis measures the time to live of a record.
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
        let connection = match self.source {
            Source::Address(address) => {
                let location = Location::parse(&address).map_err(Fault::from)?;
                let connector = Connector::new(
                    &location,
                    #[cfg(feature = "_redis-tls")]
                    self.tls,
                    self.connect_timeout,
                    near_cache.clone(),
                )?;
                Connection::open(location, connector, self.backoff, self.response_timeout).await?
            }
            #[cfg(feature = "redis-pool")]
            Source::Pool(_) if near_cache.is_some() => return Err(Fault::NearCacheOverPool.into()),
            #[cfg(feature = "redis-pool")]
            Source::Pool(pool) => Connection::pooled(pool, self.response_timeout).await?,
        };
        Ok(RedisSessionStore {
            connection,
            keygen: self.keygen,
            near_cache,
            clock: self.clock,
        })
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
