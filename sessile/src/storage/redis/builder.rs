//! [`RedisSessionStoreBuilder`]: what a store needs to know before it connects.

use std::{fmt, sync::Arc, time::Duration};

#[cfg(any(feature = "redis-rs-tls-session", feature = "redis-session-rustls"))]
use super::connection::TlsFiles;
use super::{
    Fault, Keygen, RedisSessionStore, StoreError,
    connection::{Connection, Dialer},
    location::Location,
    near::{Near, NearCache},
    pauses::Pauses,
};
use crate::clock::{Clock, SharedClock};

/// Sets up a [`RedisSessionStore`].
#[must_use = "nothing is connected until `build` is called"]
pub struct RedisSessionStoreBuilder {
    source: Source,
    keygen: Option<Keygen>,
    connect_timeout: Duration,
    response_timeout: Duration,
    pauses: Pauses,
    #[cfg(any(feature = "redis-rs-tls-session", feature = "redis-session-rustls"))]
    tls: TlsFiles,
    near_cache: Option<NearCache>,
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
            pauses: Pauses::default(),
            #[cfg(any(feature = "redis-rs-tls-session", feature = "redis-session-rustls"))]
            tls: TlsFiles::default(),
            near_cache: None,
            clock: SharedClock::default(),
        }
    }

    /// Makes the key under which a session is kept in Redis: to put a prefix before it, for one. What
    /// it is given stays the same for as long as the session lives: the [id](super::SessionKey::id) of
    /// its session key, and of one that `actix-session` made, all of it.
    ///
    /// Default: what it is given. Different sessions need different Redis keys. That two have the
    /// same is noticed when a session is created, and fails with
    /// [`Misconfigured`](super::StoreErrorKind::Misconfigured); nothing is overwritten.
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

    /// How long it may take to connect to a server, sign in and make sure that it is Redis.
    ///
    /// Default: one second. A pool has a limit of its own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// How long an operation may take, with all that it comprises: connecting anew, being sent
    /// to another node of a cluster, being sent once more after a cut.
    ///
    /// Default: one second. A connection over which nothing is answered for that long is not used
    /// any more.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// How long to wait between attempts to connect to a server that is down: `shortest` after the
    /// first one, then twice as long each time up to `longest`, and a random part of up to half
    /// of that less. Operations fail at once meanwhile.
    ///
    /// Default: 50 to 500 milliseconds. No pause is longer than an hour. `longest` is how late the return of the server may be
    /// noticed. A pool has its own ways.
    pub fn reconnect_pauses(mut self, shortest: Duration, longest: Duration) -> Self {
        self.pauses = Pauses { shortest, longest };
        self
    }

    /// The certificates of the authorities that may vouch for the server, in PEM, in place of those
    /// that the operating system trusts. For `rediss://` and the like.
    ///
    /// Default: what the operating system trusts.
    #[cfg(any(feature = "redis-rs-tls-session", feature = "redis-session-rustls"))]
    pub fn tls_root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.tls.root_certificates = Some(pem.into());
        self
    }

    /// The certificate that shows the server who connects, and its private key, both in PEM, the
    /// key as PKCS #8. For `rediss://` and the like.
    ///
    /// Default: none.
    #[cfg(any(feature = "redis-rs-tls-session", feature = "redis-session-rustls"))]
    pub fn tls_client_certificate(
        mut self,
        certificate_pem: impl Into<Vec<u8>>,
        key_pem: impl Into<Vec<u8>>,
    ) -> Self {
        self.tls.client = Some((certificate_pem.into(), key_pem.into()));
        self
    }

    /// Keeps sessions in memory that this server has read or written, and has Redis tell when they change.
    /// What that means is told at [`RedisSessionStore`](RedisSessionStore#near-cache).
    ///
    /// Default: none. It costs the memory that is set, and Redis some for each session that is read or
    /// written.
    ///
    /// ```
    /// use sessile::storage::{NearCache, RedisSessionStore};
    ///
    /// let builder = RedisSessionStore::builder("redis://127.0.0.1")
    ///     .near_cache(NearCache::default().max_sessions(50_000));
    ///
    /// assert!(format!("{builder:?}").contains("max_sessions: 50000"));
    /// ```
    pub fn near_cache(mut self, near_cache: NearCache) -> Self {
        self.near_cache = Some(near_cache);
        self
    }

    /// Reads the time from `clock` instead of the operating system: for tests. It only dates what
    /// `actix-session` left; how long a record is kept is measured by Redis.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Connects, and makes sure that what is there is a Redis that can be used.
    ///
    /// # Errors
    ///
    /// As [`RedisSessionStore::new`], and [`Misconfigured`](super::StoreErrorKind::Misconfigured)
    /// for certificates that can't be read or that are given for an address without TLS, and for a
    /// near cache over the connections of a pool.
    pub async fn build(self) -> Result<RedisSessionStore, StoreError> {
        let near = self.near_cache.map(Near::new);
        let connection = match self.source {
            Source::Address(address) => {
                let location = Location::parse(&address).map_err(Fault::from)?;
                let dialer = Dialer::new(
                    &location,
                    #[cfg(any(
                        feature = "redis-rs-tls-session",
                        feature = "redis-session-rustls"
                    ))]
                    self.tls,
                    self.connect_timeout,
                    near.clone(),
                )?;
                Connection::open(location, dialer, self.pauses, self.response_timeout).await?
            }
            #[cfg(feature = "redis-pool")]
            Source::Pool(_) if near.is_some() => return Err(Fault::NearCacheOverPool.into()),
            #[cfg(feature = "redis-pool")]
            Source::Pool(pool) => Connection::pooled(pool, self.response_timeout).await?,
        };
        Ok(RedisSessionStore {
            connection,
            keygen: self.keygen,
            near,
            clock: self.clock,
        })
    }
}

impl fmt::Debug for RedisSessionStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSessionStoreBuilder")
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .field("pauses", &self.pauses)
            .field("near_cache", &self.near_cache)
            .finish_non_exhaustive()
    }
}
