//! [`MySqlSessionStore`]: sessions in a MySQL or MariaDB database.

mod builder;
mod catalog;
mod cleanup;
mod connections;
mod database;
mod ending;
mod error;
mod marks;
mod own;
mod query;
mod schema;
mod statements;
mod subjects;

use sqlx::MySqlPool;

use self::{builder::Target, database::MySql};
use super::{
    SessionId, StoreError, StoreErrorKind, SubjectDigest, Version, sql::DatabaseSessionStore,
};

pub use self::builder::MySqlSessionStoreBuilder;

/// Keeps sessions in a database of MySQL, 8.0 or later, or MariaDB, 10.6 or later.
///
/// It is for applications with several servers that already use such a database. Clones share the connections.
///
/// | address | connects to |
/// | --- | --- |
/// | `mysql://user:password@host:port/database` | a server; `mariadb://` means the same |
/// | `mysql://user:password@localhost/database?socket=/run/mysqld/mysqld.sock` | a server behind a unix socket |
/// | `…?ssl-mode=VERIFY_IDENTITY&ssl-ca=/path/to/ca.pem` | the same over TLS |
/// | `…?create_table=true` | the same, and creates missing tables |
///
/// User, password and database are percent-encoded. An unknown parameter is refused. `create_table` is the store's
/// own; the others are `ssl-mode`, `ssl-ca`, `ssl-cert`, `ssl-key`, `socket`, `charset`, `collation`, `timezone` and
/// `statement-cache-capacity`. The driver sends no connection attributes, so `performance_schema` shows the connections by their
/// user only: give the store a user of its own.
///
/// - There are two tables. [`create_table`](MySqlSessionStoreBuilder::create_table) creates them; if the
///   store's user may not create tables, another user runs the statements of
///   [`schema_sql`](MySqlSessionStore::schema_sql). The store's user needs the rights to `SELECT`, `INSERT`, `UPDATE`
///   and `DELETE` on both.
/// - Every operation on one session is one statement and one round trip. It is two if the row has a user and the cookie
///   names none. A sign-in under a limit and the end of all sessions of a user are transactions, which lock the row of
///   the user's mark. Each connection prepares a statement once.
/// - Up to 10 connections are opened when they are needed: see [`connections`](MySqlSessionStoreBuilder::connections).
///   While the server is down, requests fail at once. They succeed again as soon as it is back.
/// - A connection is replaced after 30 minutes; see [`max_lifetime`](MySqlSessionStoreBuilder::max_lifetime). A
///   connection that was idle for half a minute is pinged before it is used, because firewalls drop idle connections
///   silently.
/// - If the server becomes read-only, for example because another server replaces it, the first refused write closes
///   all connections. New ones are opened at the same address.
/// - If a connection is cut, a load, an update or a delete is sent again once. The record's version shows whether the
///   first attempt of an update was stored, so no change is applied twice.
/// - The database's clock decides when a record expires, for all servers of the application.
/// - Expired records are never served. A clean-up deletes their rows: call
///   [`start_cleanup`](MySqlSessionStore::start_cleanup) once.
/// - Acknowledged writes are as durable as the server's settings make them. With
///   `innodb_flush_log_at_trx_commit` at 2 or 0, writes are faster, but a loss of power or a crash of the
///   server may lose those of the last second.
/// - A record has to be smaller by 1 KiB than the server's `max_allowed_packet`, which each connection reads when it is
///   opened, and a pool once. A larger record is not sent: the error is of kind [`TooLarge`](StoreErrorKind::TooLarge).
/// - A reader of the tables can't open a session, because records have only digests of secrets. Session values are
///   plain text.
/// - `ssl-mode` is `DISABLED`, `PREFERRED`, `REQUIRED`, `VERIFY_CA` or `VERIFY_IDENTITY`. The default is
///   `PREFERRED`: TLS if the server supports it, without a check of its certificate. Use `VERIFY_IDENTITY` on a network
///   that you don't trust. It accepts the authorities that the operating system trusts, and those of `ssl-ca`. The
///   authentication method `caching_sha2_password`, the default of MySQL 8, needs TLS or a unix socket.
/// - The cryptography of TLS is `ring`, whatever the application uses; no provider is installed for the process.
///   `VERIFY_CA` is refused unless the application has installed one.
///
/// ```no_run
/// use std::time::Duration;
/// use sessile::{clock::{Clock, SystemClock}, record::Record, storage::*};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = MySqlSessionStore::builder("mysql://app:secret@localhost/app")
///     .create_table(true)
///     .build()
///     .await?;
/// let (id, version) = (SessionId::generate(), Version::generate());
/// let record = Record::new(SystemClock.now());
///
/// store.create(&id, &record, version, Duration::from_secs(60)).await?;
/// let loaded = store.load(&id, None, Freshness::Current).await?;
/// assert_eq!(loaded, Some(Loaded { record, version }));
/// # Ok::<(), StoreError>(()) }).unwrap();
/// ```
pub type MySqlSessionStore = DatabaseSessionStore<MySql>;

impl MySqlSessionStore {
    /// Uses the connections of `pool`, with the default settings. The tables must exist.
    ///
    /// A pool checks each connection when it is acquired and when it is returned, which costs every
    /// operation more round trips than with [`new`](Self::new). Use it to bound all connections of an
    /// application together.
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

    /// A builder for a store that uses the connections of `pool`.
    pub fn builder_pooled(pool: impl Into<MySqlPool>) -> MySqlSessionStoreBuilder {
        MySqlSessionStoreBuilder::new(Target::Pool(pool.into()))
    }
}
