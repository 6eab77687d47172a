//! [`PostgresSessionStore`]: sessions in a PostgreSQL database.

mod address;
mod builder;
mod catalog;
mod cleanup;
mod connections;
mod database;
mod ending;
mod error;
mod lists;
mod marks;
mod parameter;
#[cfg(feature = "_postgres-pool")]
mod pool;
mod row_statements;
mod rows;
mod schema;
mod sign_in;
mod statements;
mod tls;

#[cfg(feature = "_postgres-pool")]
use self::builder::Target;
use self::database::Postgres;
use super::{SessionId, StoreErrorKind, SubjectDigest, Version, sql::DatabaseSessionStore};

pub use self::builder::PostgresSessionStoreBuilder;
#[cfg(feature = "_postgres-pool")]
pub use self::pool::PostgresPool;

/// Keeps sessions in a PostgreSQL database, 13 or later.
///
/// It is for applications with several servers that already use PostgreSQL. Clones share the connections.
///
/// | address | connects to |
/// | --- | --- |
/// | `postgres://user:password@host:port/database` | a server; `postgresql://` means the same |
/// | `postgres:///database?host=/var/run/postgresql` | a server behind a unix socket |
/// | `postgres://first,second/database?target_session_attrs=read-write` | the first of several servers that accepts writes |
/// | `…?sslmode=verify-full&sslrootcert=/path/to/ca.pem` | the same over TLS |
/// | `…?behind_pooler=true` | a pooler in transaction mode, such as PgBouncer |
/// | `…?create_table=true` | the same, and creates missing tables |
///
/// All parts are percent-encoded. Parameters of `libpq` keep their names; unsupported ones are refused. `create_table`
/// and `behind_pooler` are parameters of the store. Missing parts come from the variables `PGHOST`, `PGPORT`, `PGUSER`,
/// `PGPASSWORD`, `PGDATABASE`, `PGSSLMODE`, `PGSSLROOTCERT`, `PGSSLCERT`, `PGSSLKEY`, `PGOPTIONS`, `PGAPPNAME`,
/// `PGCHANNELBINDING` and `PGTARGETSESSIONATTRS`. `~/.pgpass` and service files are not read. `pg_stat_activity` shows
/// the connections as `sessile`, unless `application_name` is set. Behind a pooler they have no name by default.
///
/// - There are two tables. [`create_table`](PostgresSessionStoreBuilder::create_table) creates them; if
///   the store's user may not create tables, another user runs the statements of
///   [`schema_sql`](PostgresSessionStore::schema_sql). The store's user needs the rights to `SELECT`, `INSERT`, `UPDATE`
///   and `DELETE` on both.
/// - Every operation is one statement and one round trip, with three exceptions.
///   [`end_everything`](super::SubjectStore::end_everything) deletes rows in batches. An operation takes a second
///   statement if the row has a user and the cookie names none. A sign-in under a limit is a transaction that locks
///   the user's digest. Each connection prepares a statement once.
/// - Each worker thread of Actix Web has two connections: one for loads, and one for everything else. With a limit on
///   a user's sessions, it has a third one for sign-ins. Requests share them without waiting for each other's replies,
///   but the server executes the statements of a connection one after the other. A clean-up has another one, on the
///   thread that started it.
/// - While the server is down, requests fail at once. They succeed again as soon as it is back.
/// - If a connection is cut, a load, an update or a delete is sent again once. The record's version shows whether the
///   first attempt of an update was stored, so no change is applied twice.
/// - If the server becomes read-only, for example because another server replaces it, the store closes its connections
///   and opens new ones at the same address.
/// - The database's clock decides when a record expires, for all servers of the application.
/// - Expired records are never served. A clean-up deletes their rows: call
///   [`start_cleanup`](PostgresSessionStore::start_cleanup) once. Most changes are HOT updates, which touch no index and
///   whose dead rows PostgreSQL removes without `autovacuum`.
/// - Acknowledged writes are as durable as the server's settings make them. With
///   `synchronous_commit = off` for the user, writes are faster, but a crash of the server may lose the
///   last of them. A crash empties an `UNLOGGED` table.
/// - A reader of the tables can't open a session, because records have only digests of secrets. Session values are
///   plain text.
/// - `sslmode` is `disable`, `prefer`, `require`, `verify-ca` or `verify-full`. The default is `prefer`: TLS if the
///   server supports it, without a check of its certificate. Use `verify-full` on a network that you don't trust.
///   Without `sslrootcert`, the store accepts the authorities that the operating system trusts. The cryptography is
///   `ring`, whatever the application uses; no provider is installed for the process.
/// - A pooler in transaction mode needs [`behind_pooler`](PostgresSessionStoreBuilder::behind_pooler).
///
/// ```no_run
/// use std::time::Duration;
/// use sessile::{clock::{Clock, SystemClock}, record::Record, storage::*};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = PostgresSessionStore::builder("postgres://app:secret@localhost/app")
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
pub type PostgresSessionStore = DatabaseSessionStore<Postgres>;

#[cfg(feature = "_postgres-pool")]
impl PostgresSessionStore {
    /// Uses the connections of `pool`, with the default settings. The tables must exist.
    ///
    /// The pool is one of `deadpool-postgres` with the feature `postgres-pool`, or of `sqlx` with the feature
    /// `postgres-pool-sqlx`. Use it to bound all connections of an application together. The pool's own settings
    /// decide about TLS, and about waiting for locks. A pool of `sqlx` sends more round trips: it checks each
    /// connection when it is acquired and when it is returned. An operation has a connection for itself, which costs more than
    /// with [`new`](Self::new).
    ///
    /// ```no_run
    /// use deadpool_postgres::{Config, Runtime, tokio_postgres::NoTls};
    /// use sessile::storage::PostgresSessionStore;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut config = Config::new();
    /// config.url = Some("postgres://app:secret@localhost/app".to_owned());
    /// let pool = config.create_pool(Some(Runtime::Tokio1), NoTls)?;
    /// let store = PostgresSessionStore::new_pooled(pool).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub async fn new_pooled(pool: impl Into<PostgresPool>) -> Result<Self, super::StoreError> {
        Self::builder_pooled(pool).build().await
    }

    /// A builder for a store that uses the connections of `pool`.
    pub fn builder_pooled(pool: impl Into<PostgresPool>) -> PostgresSessionStoreBuilder {
        PostgresSessionStoreBuilder::new(Target::Pool(pool.into()))
    }
}
