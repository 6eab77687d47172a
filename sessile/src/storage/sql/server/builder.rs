//! [`DatabaseSessionStoreBuilder`]: the settings of a store.

use std::{error::Error, fmt, time::Duration};

use super::{
    Database, DatabaseSessionStore, Limits, StoreError, Table,
    schema::{DEFAULT_TABLE, schema_sql},
};
use crate::storage::credentials::{Credentials, CredentialsSource};

/// Sets up a [`DatabaseSessionStore`]. `PostgresSessionStoreBuilder` and `MySqlSessionStoreBuilder` are aliases of this type,
/// which name the kind of server. Each kind has settings of its own as well.
///
/// ```no_run
/// use std::time::Duration;
/// use sessile::storage::{PostgresSessionStore, StoreError};
///
/// # async fn example() -> Result<(), StoreError> {
/// let builder = PostgresSessionStore::builder("postgres://app:secret@localhost/app")
///     .table("shop_sessions")
///     .create_table(true)
///     .response_timeout(Duration::from_millis(500));
/// let store = builder.build().await?;
/// # drop(store);
/// # Ok(()) }
/// ```
#[must_use = "nothing is connected until `build` is called"]
pub struct DatabaseSessionStoreBuilder<B: Database> {
    pub(in crate::storage) target: B::Target,
    pub(in crate::storage) schema: Option<String>,
    table: String,
    create_table: bool,
    pub(in crate::storage) credentials: Option<CredentialsSource>,
    pub(in crate::storage) limits: Limits,
    /// The settings that other kinds of servers do not have.
    pub(in crate::storage) settings: B::Settings,
}

impl<B: Database> DatabaseSessionStoreBuilder<B> {
    pub(in crate::storage) fn new(target: B::Target) -> Self {
        Self {
            target,
            schema: None,
            table: DEFAULT_TABLE.to_owned(),
            create_table: false,
            credentials: None,
            limits: Limits::default(),
            settings: B::Settings::default(),
        }
    }

    /// The name of the table of sessions: up to 55 letters, digits and underscores, and 56 in MySQL. It is case-sensitive in
    /// PostgreSQL. The table of marks has the same name with `_marks` appended.
    ///
    /// Default: `sessile_sessions`.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// Whether missing tables are created. The user then needs the right to create tables.
    ///
    /// Default: `false`, unless the address has `create_table=true`. Several servers can do so at the same time.
    pub fn create_table(mut self, create: bool) -> Self {
        self.create_table = create;
        self
    }

    /// Calls `callback` for the user and the password of each new connection. It is for tokens, and for
    /// passwords that change while the application runs. The callback has to return within
    /// [`connect_timeout`](Self::connect_timeout). If it fails, it is called again after a pause of up to half a second.
    ///
    /// Default: user and password of the address, which the callback replaces. Open connections stay open. A
    /// pool has credentials of its own.
    ///
    /// ```
    /// # #[cfg(feature = "postgres-session")] {
    /// use sessile::storage::{Credentials, PostgresSessionStore};
    ///
    /// # async fn token() -> std::io::Result<String> { Ok(String::new()) }
    /// let builder = PostgresSessionStore::builder("postgres://db.internal/app?sslmode=verify-full")
    ///     .credentials(|| async { Ok(Credentials::new("app", token().await?)) });
    /// # drop(builder);
    /// # }
    /// ```
    pub fn credentials<F, O>(mut self, callback: F) -> Self
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = Result<Credentials, Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        self.credentials = Some(CredentialsSource::callback(callback));
        self
    }

    /// The time limit for connecting and authenticating, for each server that the address names.
    ///
    /// Default: one second. A pool has its own limit.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect_timeout = timeout;
        self
    }

    /// The time limit for an operation, including the time to get a connection and to send the operation
    /// again after a cut. A load that finds a signed-in session whose user the cookie does not name is two operations.
    ///
    /// Default: one second. In MySQL, a connection that does not answer in time is closed. In PostgreSQL, a statement waits
    /// for a lock for half of the limit, and at most two seconds, unless the address sets `lock_timeout` in `options`.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.limits.response_timeout = timeout;
        self
    }

    /// The statements that create the tables under the names that were set. A user who may create tables
    /// can run them.
    ///
    /// ```
    /// # #[cfg(feature = "postgres-session")] {
    /// use sessile::storage::PostgresSessionStore;
    ///
    /// let builder = PostgresSessionStore::builder("postgres://localhost/app");
    /// let sql = builder.schema("web").table("logins").schema_sql()?;
    /// assert!(sql.starts_with("CREATE TABLE \"web\".\"logins\" ("));
    /// # }
    /// # Ok::<(), sessile::storage::StoreError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Misconfigured`](super::StoreErrorKind::Misconfigured) for names that are too long or have other
    /// characters.
    pub fn schema_sql(&self) -> Result<String, StoreError> {
        Ok(schema_sql(&self.tables()?))
    }

    /// Connects, and checks that the tables can be used.
    ///
    /// # Errors
    ///
    /// As [`DatabaseSessionStore::new`], and [`Misconfigured`](super::StoreErrorKind::Misconfigured)
    /// for names that are too long or have other characters.
    pub async fn build(self) -> Result<DatabaseSessionStore<B>, StoreError> {
        let (tables, limits, create) = (self.tables()?, self.limits, self.create_table);
        let (database, address_creates) = B::new(self, tables)?;
        DatabaseSessionStore::open(database, limits, create || address_creates).await
    }

    fn tables(&self) -> Result<[Table; 2], StoreError> {
        Ok(B::SCHEMA.tables(self.schema.as_deref(), &self.table)?)
    }
}

/// Without the address and the credentials.
impl<B: Database> fmt::Debug for DatabaseSessionStoreBuilder<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseSessionStoreBuilder")
            .field("schema", &self.schema)
            .field("table", &self.table)
            .field("create_table", &self.create_table)
            .field("limits", &self.limits)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
