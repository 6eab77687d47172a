//! [`MySqlSessionStore`]: sessions in a MySQL or MariaDB database.

mod builder;
mod dialect;
mod error;
mod opening;

use std::time::Duration;

use sqlx::MySqlPool;

use self::dialect::MySql;
use super::{
    CleanupTask, Loaded, SessionKey, SessionStore, StoreError, StoreErrorKind, Stored, Swap,
    Version,
    sql::{Dialect as _, LARGEST_BATCH, Store},
};
use crate::record::Record;

pub use self::builder::MySqlSessionStoreBuilder;

/// Keeps sessions in a table of a MySQL database, 8.0 or later, or of MariaDB, 10.6 or later.
///
/// For applications with several servers that have such a database already. Clones share the
/// connections.
///
/// | address | what is there |
/// | --- | --- |
/// | `mysql://user:password@host:port/database` | a server; `mariadb://` means the same |
/// | `mysql://user:password@localhost/database?socket=/run/mysqld/mysqld.sock` | one behind a unix socket |
/// | `…?ssl-mode=VERIFY_IDENTITY&ssl-ca=/path/to/ca.pem` | the same over TLS |
///
/// User and password are percent-encoded.
///
/// - The table is made once: by [`create_table`](MySqlSessionStoreBuilder::create_table), or by
///   whoever may, with the statement that [`schema_sql`](Self::schema_sql) prints. The store's own
///   user needs the rights to `SELECT`, `INSERT`, `UPDATE` and `DELETE` on it.
/// - Every operation is one statement and one round trip. (A connection is sent each statement once
///   to be prepared.)
/// - Up to 10 connections are made as they are needed; see
///   [`connections`](MySqlSessionStoreBuilder::connections). While the server is down requests fail
///   at once, and the first one after its return succeeds.
/// - A request whose connection is cut is sent once more. Whether it was done the first time is seen
///   in the database, so that nothing is written twice.
/// - The server's clock decides when a session's time is over, for all servers of the application.
/// - Sessions whose time is over are never served. Their rows go when they are cleaned up: start
///   [`start_cleanup`](Self::start_cleanup) once.
/// - What is acknowledged is as durable as the server is set up to make it. With
///   `innodb_flush_log_at_trx_commit` at 2 or 0, a loss of power or a crash of the server may lose the
///   last second, and each write is faster for it.
/// - A record can't be larger than the server's `max_allowed_packet`.
/// - Who reads the table can't open a session: of a session key's secret only the digest is there.
///   What the sessions hold is there as plain text.
/// - `ssl-mode` is `PREFERRED` by default: TLS where the server has it, without looking at its
///   certificate. Across a network that you don't trust, choose `VERIFY_IDENTITY`. Where MySQL 8 signs
///   users in by `caching_sha2_password`, as it does by default, it takes TLS or a unix socket.
///
/// ```no_run
/// use std::time::Duration;
/// use sessile::{Clock, Record, SystemClock, storage::{MySqlSessionStore, SessionStore}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = MySqlSessionStore::builder("mysql://app:secret@localhost/app")
///     .create_table(true)
///     .build()
///     .await?;
/// let record = Record::new(SystemClock.now());
/// let stored = store.create(&record, Duration::from_secs(60)).await?;
///
/// assert_eq!(store.load(&stored.key).await?.unwrap().record, record);
/// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct MySqlSessionStore(Store<MySql>);

impl MySqlSessionStore {
    /// Connects to the database at `address` with all settings at their defaults. The table has to
    /// be there.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`](StoreErrorKind::Misconfigured) for an address that makes no sense and for a
    /// database that isn't there, [`Denied`](StoreErrorKind::Denied) where user or password aren't
    /// accepted, a right is missing or the server is read-only,
    /// [`Incompatible`](StoreErrorKind::Incompatible) where the table is missing, of another form or
    /// from a newer version of the crate, and [`Unavailable`](StoreErrorKind::Unavailable) for a
    /// server that can't be reached.
    pub async fn new(address: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(address).build().await
    }

    /// Connects to the database at `address` with settings of your own.
    pub fn builder(address: impl Into<String>) -> MySqlSessionStoreBuilder {
        MySqlSessionStoreBuilder::to_address(address.into())
    }

    /// Uses the connections of `pool`, with all settings at their defaults. The table has to be
    /// there.
    ///
    /// A pool checks each connection when it is given out and when it is given back, so every
    /// operation takes more round trips. It is for an application that counts its connections; those
    /// that [`new`](Self::new) makes carry more.
    ///
    /// ```no_run
    /// use sessile::storage::MySqlSessionStore;
    /// use sqlx::MySqlPool;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = MySqlPool::connect("mysql://app:secret@localhost/app").await?;
    /// let store = MySqlSessionStore::new_pooled(pool).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub async fn new_pooled(pool: impl Into<MySqlPool>) -> Result<Self, StoreError> {
        Self::builder_pooled(pool).build().await
    }

    /// Uses the connections of `pool`, with settings of your own.
    pub fn builder_pooled(pool: impl Into<MySqlPool>) -> MySqlSessionStoreBuilder {
        MySqlSessionStoreBuilder::to_pool(pool.into())
    }

    /// The statement that makes the table under its default name, for who may make tables to run.
    ///
    /// ```
    /// use sessile::storage::MySqlSessionStore;
    ///
    /// let sql = MySqlSessionStore::schema_sql();
    /// assert!(sql.starts_with("CREATE TABLE `sessile_sessions` ("));
    /// ```
    #[must_use]
    pub fn schema_sql() -> String {
        MySql::default().schema_sql()
    }

    /// Deletes the rows of sessions whose time is over, at most `limit` of them and the oldest first,
    /// and tells how many those were.
    ///
    /// It finds them without a lock, and locks none but the rows it deletes, a few hundred at a time.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn delete_expired(&self, limit: u32) -> Result<u64, StoreError> {
        self.0.delete_expired(limit).await
    }

    /// Starts a task that deletes the rows of ended sessions: now, and then once in every `period`.
    ///
    /// It works in small batches, and pauses after each for twice what that took. One is enough, but
    /// several, on several servers, do no harm. It ends when the returned handle is stopped or
    /// dropped.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use sessile::storage::MySqlSessionStore;
    ///
    /// # async fn example() -> Result<(), sessile::storage::StoreError> {
    /// let store = MySqlSessionStore::new("mysql://app:secret@localhost/app").await?;
    /// let cleanup = store.start_cleanup(Duration::from_secs(60));
    /// // … serve …
    /// cleanup.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, such as Actix Web's, and if `period` is zero.
    #[must_use = "dropping the handle ends the task"]
    pub fn start_cleanup(&self, period: Duration) -> CleanupTask {
        let store = self.clone();
        // Always the largest batches: they hold up nobody else, and each has to find its
        // way past what was deleted before.
        CleanupTask::start(period, LARGEST_BATCH, move |limit| {
            let store = store.clone();
            async move { store.delete_expired(limit).await }
        })
    }
}

impl SessionStore for MySqlSessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.0.load(key).await
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        self.0.create(record, ttl).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        self.0.update(key, version, record, ttl).await
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        self.0.renew(key, version, record, ttl).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.0.delete(key).await
    }
}
