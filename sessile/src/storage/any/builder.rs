//! [`AnySessionStoreBuilder`]: from an address to a store.

use std::{fmt, time::Duration};

use super::{
    AnySessionStore,
    address::{AddressError, Kind},
};
#[cfg(feature = "cookie-session")]
use crate::storage::CookieSessionStore;
#[cfg(feature = "mysql-session")]
use crate::storage::MySqlSessionStore;
#[cfg(feature = "postgres-session")]
use crate::storage::PostgresSessionStore;
#[cfg(feature = "redis-actor-session")]
use crate::storage::RedisActorSessionStore;
#[cfg(feature = "redis-rs-session")]
use crate::storage::RedisSessionStore;
#[cfg(feature = "sqlite-session")]
use crate::storage::SqliteSessionStore;
use crate::storage::{MemorySessionStore, StoreError, StoreErrorKind};

/// Sets up an [`AnySessionStore`].
///
/// ```
/// use std::time::Duration;
/// use sessile::storage::{AnySessionStore, SessionStore};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let store = AnySessionStore::builder("memory:")
///     .create_table(true)
///     .connect_timeout(Duration::from_secs(5))
///     .response_timeout(Duration::from_millis(500))
///     .build()
///     .await?;
/// assert!(!store.keeps_nothing());
/// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
/// ```
#[must_use = "nothing is opened until `build` is called"]
pub struct AnySessionStoreBuilder {
    address: String,
    create_table: bool,
    connect_timeout: Duration,
    response_timeout: Duration,
}

impl AnySessionStoreBuilder {
    pub(super) fn new(address: String) -> Self {
        Self {
            address,
            create_table: false,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
        }
    }

    /// Whether missing tables are created in PostgreSQL and MySQL.
    ///
    /// Default: `false`: a missing table is an error that says how to create it. SQLite's tables are
    /// always created, and other stores need none.
    pub fn create_table(mut self, create: bool) -> Self {
        self.create_table = create;
        self
    }

    /// The time limit for connecting to a server and authenticating.
    ///
    /// Default: one second. It has no effect on stores in this process.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// The time limit for an operation of a store on a server.
    ///
    /// Default: one second. It has no effect on stores in this process.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.response_timeout = timeout;
        self
    }

    /// Opens the store.
    ///
    /// # Errors
    ///
    /// As [`AnySessionStore::connect`].
    pub async fn build(self) -> Result<AnySessionStore, StoreError> {
        let kind = Kind::of(&self.address).map_err(misconfigured)?;
        match kind {
            Kind::Memory => {
                self.check_nothing_follows()?;
                let store = MemorySessionStore::default();
                Ok(AnySessionStore::with_capabilities(store))
            }
            #[cfg(feature = "cookie-session")]
            Kind::Cookie => {
                self.check_nothing_follows()?;
                Ok(AnySessionStore::with_management(
                    CookieSessionStore::default(),
                ))
            }
            #[cfg(feature = "sqlite-session")]
            Kind::Sqlite => {
                let store = SqliteSessionStore::new(self.address).await?;
                Ok(AnySessionStore::with_capabilities(store.clone())
                    .with_cleanup(move |period| store.start_cleanup(period)))
            }
            #[cfg(feature = "postgres-session")]
            Kind::Postgres => {
                let builder = PostgresSessionStore::builder(self.address)
                    .create_table(self.create_table)
                    .connect_timeout(self.connect_timeout)
                    .response_timeout(self.response_timeout);
                let store = builder.build().await?;
                Ok(AnySessionStore::with_capabilities(store.clone())
                    .with_cleanup(move |period| store.start_cleanup(period)))
            }
            #[cfg(feature = "mysql-session")]
            Kind::MySql => {
                let builder = MySqlSessionStore::builder(self.address)
                    .create_table(self.create_table)
                    .connect_timeout(self.connect_timeout)
                    .response_timeout(self.response_timeout);
                let store = builder.build().await?;
                Ok(AnySessionStore::with_capabilities(store.clone())
                    .with_cleanup(move |period| store.start_cleanup(period)))
            }
            #[cfg(feature = "redis-rs-session")]
            Kind::Redis => {
                let builder = RedisSessionStore::builder(self.address)
                    .connect_timeout(self.connect_timeout)
                    .response_timeout(self.response_timeout);
                Ok(AnySessionStore::with_capabilities(builder.build().await?))
            }
            #[cfg(feature = "redis-actor-session")]
            Kind::RedisActor => {
                let address = self.address.replacen("+actor", "", 1);
                let builder = RedisActorSessionStore::builder(address)
                    .connect_timeout(self.connect_timeout)
                    .response_timeout(self.response_timeout);
                Ok(AnySessionStore::with_capabilities(builder.build()))
            }
            #[allow(unreachable_patterns, reason = "everything may be compiled in")]
            kind => Err(misconfigured(AddressError::NotCompiled {
                feature: kind.feature(),
            })),
        }
    }

    fn check_nothing_follows(&self) -> Result<(), StoreError> {
        match self.address.split_once(':') {
            Some((_, "")) => Ok(()),
            _ => Err(misconfigured(AddressError::Extra)),
        }
    }
}

fn misconfigured(error: AddressError) -> StoreError {
    StoreError::new(StoreErrorKind::Misconfigured, error)
}

/// Without the address, which may contain a password.
impl fmt::Debug for AnySessionStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnySessionStoreBuilder")
            .field("create_table", &self.create_table)
            .field("connect_timeout", &self.connect_timeout)
            .field("response_timeout", &self.response_timeout)
            .finish_non_exhaustive()
    }
}
