//! [`AnySessionStore`]: a store that is chosen while the program runs.

mod address;
mod builder;
mod dynamic;
#[cfg(any(
    feature = "mysql-session",
    feature = "postgres-session",
    feature = "sqlite-session"
))]
mod housekeeping;

use std::{fmt, sync::Arc, time::Duration};

use self::dynamic::DynStore;
#[cfg(any(
    feature = "mysql-session",
    feature = "postgres-session",
    feature = "sqlite-session"
))]
use self::housekeeping::Housekeeping;
#[cfg(any(
    feature = "mysql-session",
    feature = "postgres-session",
    feature = "sqlite-session"
))]
use super::CleanupTask;
use super::{Loaded, SessionKey, SessionStore, StoreError, Stored, Swap, Version};
use crate::record::Record;

pub use self::builder::AnySessionStoreBuilder;

/// A store that is chosen while the program runs: by its address, from a configuration.
///
/// | address | store | feature |
/// | --- | --- | --- |
/// | `memory:` | [`MemorySessionStore`](super::MemorySessionStore) | always there |
/// | `cookie:` | `CookieSessionStore` | `cookie-session` |
/// | `sqlite:path`, `sqlite://path`, `sqlite::memory:` | `SqliteSessionStore` | `sqlite-session` |
/// | `postgres://…`, `postgresql://…` | `PostgresSessionStore` | `postgres-session` |
/// | `mysql://…`, `mariadb://…` | `MySqlSessionStore` | `mysql-session` |
/// | `redis://…`, `redis+unix:…` | `RedisSessionStore` | `redis-rs-session` |
/// | `redis+cluster://…`, `redis+sentinel://…` | the same on many servers | `redis-rs-session` |
/// | `rediss://…`, `rediss+cluster://…`, `rediss+sentinel://…` | the same over TLS | `redis-session-rustls` or `redis-rs-tls-session` |
/// | `redis+actor://…`, `rediss+actor://…` | `RedisActorSessionStore` | `redis-actor-session` |
///
/// What follows the scheme is what the store itself takes, and all settings are at their defaults:
/// [`new`](Self::new) takes a store that was set up otherwise, or one of the application's own.
///
/// Costs an allocation for each operation, beside what the store costs. Clones share the store.
///
/// ```
/// use std::time::Duration;
/// use sessile::{Clock, Record, SystemClock, storage::{AnySessionStore, SessionStore}};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let address = "memory:"; // from a configuration
/// let store = AnySessionStore::connect(address).await?;
/// let record = Record::new(SystemClock.now());
/// let stored = store.create(&record, Duration::from_secs(60)).await?;
///
/// assert_eq!(store.load(&stored.key).await?.unwrap().record, record);
/// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct AnySessionStore {
    store: Arc<dyn DynStore>,
    /// What it takes beside the contract, where it takes anything.
    #[cfg(any(
        feature = "mysql-session",
        feature = "postgres-session",
        feature = "sqlite-session"
    ))]
    housekeeping: Option<Arc<dyn Housekeeping>>,
}

impl AnySessionStore {
    /// Opens the store at `address`.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`](super::StoreErrorKind::Misconfigured) for an address that makes no sense,
    /// and for a store that is not compiled in: the cause names the feature that it takes. Neither
    /// quotes the address, which may hold a password. Otherwise what the store itself reports when it
    /// is opened.
    pub async fn connect(address: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(address).build().await
    }

    /// Opens the store at `address` with settings of your own.
    pub fn builder(address: impl Into<String>) -> AnySessionStoreBuilder {
        AnySessionStoreBuilder::new(address.into())
    }

    /// This `store`, its type forgotten.
    pub fn new(store: impl SessionStore) -> Self {
        Self {
            store: Arc::new(store),
            #[cfg(any(
                feature = "mysql-session",
                feature = "postgres-session",
                feature = "sqlite-session"
            ))]
            housekeeping: None,
        }
    }

    #[cfg(any(
        feature = "mysql-session",
        feature = "postgres-session",
        feature = "sqlite-session"
    ))]
    fn kept(store: impl SessionStore + Housekeeping + Clone) -> Self {
        Self {
            store: Arc::new(store.clone()),
            housekeeping: Some(Arc::new(store)),
        }
    }

    /// Starts what deletes ended sessions now, and then once in every `period`, if this is a store in
    /// a database that was opened by its address. For others, which need none, nothing is started.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sessile::storage::AnySessionStore;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = AnySessionStore::connect("sqlite::memory:").await?;
    /// let cleanup = store.start_cleanup(Duration::from_secs(60));
    /// assert!(cleanup.is_some());
    /// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, and if `period` is zero.
    #[cfg(any(
        feature = "mysql-session",
        feature = "postgres-session",
        feature = "sqlite-session"
    ))]
    #[must_use = "dropping the handle ends the task"]
    pub fn start_cleanup(&self, period: Duration) -> Option<CleanupTask> {
        let housekeeping = self.housekeeping.as_ref()?;
        Some(housekeeping.start_cleanup(period))
    }

    /// Brings an SQLite database to rest, after the operations that are under way; later ones fail.
    /// Other stores have nothing to close.
    ///
    /// # Errors
    ///
    /// When the database can't be brought to rest.
    pub async fn close(&self) -> Result<(), StoreError> {
        #[cfg(any(
            feature = "mysql-session",
            feature = "postgres-session",
            feature = "sqlite-session"
        ))]
        if let Some(housekeeping) = &self.housekeeping {
            return housekeeping.close().await;
        }
        Ok(())
    }
}

impl SessionStore for AnySessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.store.load(key).await
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        self.store.create(record, ttl).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        self.store.update(key, version, record, ttl).await
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        self.store.renew(key, version, record, ttl).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.store.delete(key).await
    }
}

impl fmt::Debug for AnySessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnySessionStore").finish_non_exhaustive()
    }
}
