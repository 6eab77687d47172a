//! Sessions in a database server, which several servers of an application share.

#![expect(
    private_bounds,
    reason = "the kinds of servers are those of this crate"
)]

mod address;
mod builder;
mod cleanup;
mod database;
mod error;
mod iteration;
mod names;
#[cfg(any(feature = "mysql-session", feature = "postgres-pool-sqlx"))]
mod of_sqlx;
#[cfg(any(feature = "mysql-session", feature = "_postgres-pool"))]
mod pooled;
mod retry;
mod schema;
mod subjects;
mod write;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::super::{
    CreateOutcome, EndReporter, Freshness, Loaded, SessionId, SessionStore, SignInWrite,
    StoreError, StoreErrorKind, SubjectDigest, UpdateOutcome, Version,
};
use crate::{record::Record, storage::sql::CleanupReminder};

pub use self::builder::DatabaseSessionStoreBuilder;
#[cfg(any(feature = "mysql-session", feature = "postgres-pool-sqlx"))]
pub(in crate::storage) use self::of_sqlx::of_sqlx;
#[cfg(feature = "mysql-session")]
pub(in crate::storage) use self::pooled::after_reply;
pub(in crate::storage) use self::{
    address::{check_scheme, flag, parameters},
    database::{Batch, Cleaned, Database, End, Ended, Marks, NewRow, Row, RowsById, Written},
    error::{Fault, Meaning},
    names::Name,
    retry::Attempt,
    schema::{Catalog, Definition, FoundTable, SCHEMA_COMMENT, Schema, Table, open},
};
use self::{retry::until_done, schema::schema_sql};

/// The time limit for opening a store after it has connected. Another server may be creating the
/// tables.
const OPENING: Duration = Duration::from_secs(30);

/// The time limit of an operation that reads the whole table, or many rows of it. No request waits for it.
const MAINTENANCE: Duration = Duration::from_secs(60);

/// The time limits of a store.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) struct Limits {
    pub(in crate::storage) connect_timeout: Duration,
    pub(in crate::storage) response_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
        }
    }
}

/// Keeps sessions in a database server. `PostgresSessionStore` and `MySqlSessionStore` are aliases of this type, which name
/// the kind of server. Clones share the connections.
///
/// ```no_run
/// use sessile::storage::{ManagedStore, PostgresSessionStore, StoreError};
///
/// # async fn example() -> Result<(), StoreError> {
/// let store = PostgresSessionStore::new("postgres://app:secret@localhost/app").await?;
/// assert!(store.clone().ping().await.is_ok());
/// # Ok(()) }
/// ```
pub struct DatabaseSessionStore<B>(Arc<Inner<B>>);

struct Inner<B> {
    database: B,
    response_timeout: Duration,
    is_closed: AtomicBool,
    reminder: CleanupReminder,
    opened: Instant,
    end_reporter: EndReporter,
}

impl<B> Clone for DatabaseSessionStore<B> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<B: Database> SessionStore for DatabaseSessionStore<B> {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        _freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        let mut row = self.find(id, Marks::of_session(subject.is_some())).await?;
        if row.as_ref().is_some_and(|row| row.is_unchecked) {
            row = self.find(id, Marks::Read).await?;
        }
        row.map(|row| row.decode()).transpose()
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        self.0.reminder.created(self.0.opened.elapsed());
        let write = SignInWrite::create(id, record, version, ttl);
        Ok(self.write(write, None).await?.into())
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let write = SignInWrite::update(id, expected, record, version, ttl);
        Ok(self.write(write, None).await?.into())
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.run(|database, attempt| database.delete(id, attempt))
            .await
    }

    fn end_reporter(&self) -> Option<&EndReporter> {
        Some(&self.0.end_reporter)
    }
}

impl<B: Database> DatabaseSessionStore<B> {
    /// Connects to the database at `address` with the default settings. The tables must exist, unless the address has
    /// `create_table=true`.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`](StoreErrorKind::Misconfigured) for an invalid address and for a database that doesn't exist,
    /// [`Denied`](StoreErrorKind::Denied) if the user or the password is rejected, a right is missing or the server is
    /// read-only, [`Incompatible`](StoreErrorKind::Incompatible) if a table is missing, has other columns or is from a
    /// newer version of the crate, or if the encoding of a PostgreSQL database is not UTF-8, and
    /// [`Unavailable`](StoreErrorKind::Unavailable) if the server can't be reached.
    pub async fn new(address: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(address).build().await
    }

    /// A builder for a store in the database at `address`.
    pub fn builder(address: impl Into<String>) -> DatabaseSessionStoreBuilder<B> {
        DatabaseSessionStoreBuilder::new(address.into().into())
    }

    /// The statements that create the tables under their default names. A user who may create tables can
    /// run them.
    ///
    /// ```
    /// # #[cfg(feature = "postgres-session")] {
    /// use sessile::storage::PostgresSessionStore;
    ///
    /// let sql = PostgresSessionStore::schema_sql();
    /// assert!(sql.starts_with("CREATE TABLE \"sessile_sessions\" ("));
    /// # }
    /// ```
    #[must_use]
    pub fn schema_sql() -> String {
        schema_sql(&B::SCHEMA.default_tables())
    }

    /// Checks that the tables can be used.
    async fn open(database: B, limits: Limits, create_tables: bool) -> Result<Self, StoreError> {
        until_done(OPENING, |attempt| database.open(create_tables, attempt)).await?;
        Ok(Self(Arc::new(Inner {
            database,
            response_timeout: limits.response_timeout,
            is_closed: AtomicBool::new(false),
            reminder: CleanupReminder::default(),
            opened: Instant::now(),
            end_reporter: EndReporter::default(),
        })))
    }

    /// The database, unless the store was closed.
    fn database(&self) -> Result<&B, Fault> {
        (!self.is_closed())
            .then_some(&self.0.database)
            .ok_or(Fault::StoreClosed)
    }

    fn is_closed(&self) -> bool {
        self.0.is_closed.load(Relaxed)
    }

    async fn find(&self, id: &SessionId, marks: Marks) -> Result<Option<Row>, StoreError> {
        self.run(|database, attempt| database.load(id, marks, attempt))
            .await
    }

    /// The outcome of an operation that a request may wait for.
    async fn run<'a, T, F: Future<Output = Result<T, Fault>>>(
        &'a self,
        operation: impl Fn(&'a B, Attempt) -> F,
    ) -> Result<T, StoreError> {
        let database = self.database()?;
        let limit = self.0.response_timeout;
        until_done(limit, |attempt| operation(database, attempt)).await
    }

    /// The outcome of an operation on many rows.
    async fn maintain<'a, T, F: Future<Output = Result<T, Fault>>>(
        &'a self,
        operation: impl Fn(&'a B, Attempt) -> F,
    ) -> Result<T, StoreError> {
        let database = self.database()?;
        until_done(MAINTENANCE, |attempt| operation(database, attempt)).await
    }
}

impl<B: Database> fmt::Debug for DatabaseSessionStore<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [sessions, _] = self.0.database.tables();
        f.debug_struct("DatabaseSessionStore")
            .field("table", &sessions.name)
            .finish_non_exhaustive()
    }
}
