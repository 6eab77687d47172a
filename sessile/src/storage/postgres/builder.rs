//! [`PostgresSessionStoreBuilder`]: the settings of a store.

use std::{fmt, str::FromStr as _, time::Duration};

use sqlx::{PgPool, postgres::PgConnectOptions};

use super::{
    PostgresSessionStore, StoreError,
    dialect::{DEFAULT_TABLE, Postgres},
};
use crate::storage::sql::{Dialect as _, Fault, Limits, Source, Store, check_scheme};

/// Sets up a [`PostgresSessionStore`].
#[must_use = "nothing is connected until `build` is called"]
pub struct PostgresSessionStoreBuilder {
    target: Target,
    schema: Option<String>,
    table: String,
    create_table: bool,
    limits: Limits,
}

enum Target {
    Address(String),
    Pool(PgPool),
}

impl PostgresSessionStoreBuilder {
    pub(super) fn to_address(address: String) -> Self {
        Self::new(Target::Address(address))
    }

    pub(super) fn to_pool(pool: PgPool) -> Self {
        Self::new(Target::Pool(pool))
    }

    fn new(target: Target) -> Self {
        Self {
            target,
            schema: None,
            table: DEFAULT_TABLE.to_owned(),
            create_table: false,
            limits: Limits::default(),
        }
    }

    /// The schema that the tables are in: up to 63 letters, digits and underscores.
    ///
    /// Default: the first schema of the user's `search_path` that has the table.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = Some(name.into());
        self
    }

    /// The name of the table of sessions: up to 55 letters, digits and underscores. It is case-sensitive.
    /// The table of marks has the same name with `_marks` appended.
    ///
    /// Default: `sessile_sessions`.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// Whether missing tables are created. The user then needs the right to create tables.
    ///
    /// Default: `false`. Several servers can do so at the same time.
    pub fn create_table(mut self, create: bool) -> Self {
        self.create_table = create;
        self
    }

    /// The maximum number of connections. They are opened when they are needed, and closed after five
    /// minutes without use.
    ///
    /// Default: 10. At least 1. Each connection is a process on the server, which by default allows one
    /// hundred connections in total. A pool has its own limit.
    pub fn connections(mut self, most: usize) -> Self {
        self.limits.connections = most;
        self
    }

    /// The time limit for connecting and authenticating.
    ///
    /// Default: one second. A pool has its own limit.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect_timeout = timeout;
        self
    }

    /// The time limit for an operation, including the time to get a connection and to send the operation
    /// again after a cut.
    ///
    /// Default: one second. A connection that does not answer in time is closed.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.limits.response_timeout = timeout;
        self
    }

    /// The statements that create the tables under the names that were set. A user who may create tables
    /// can run them.
    ///
    /// ```
    /// use sessile::storage::PostgresSessionStore;
    ///
    /// let builder = PostgresSessionStore::builder("postgres://localhost/app");
    /// let sql = builder.schema("web").table("logins").schema_sql()?;
    /// assert!(sql.starts_with("CREATE TABLE \"web\".\"logins\" ("));
    /// # Ok::<(), sessile::storage::StoreError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Misconfigured`](super::StoreErrorKind::Misconfigured) for names that are too long or have other
    /// characters.
    pub fn schema_sql(&self) -> Result<String, StoreError> {
        Ok(self.dialect()?.schema_sql())
    }

    /// Connects, and checks that the tables can be used.
    ///
    /// # Errors
    ///
    /// As [`PostgresSessionStore::new`], and [`Misconfigured`](super::StoreErrorKind::Misconfigured)
    /// for names that are too long or have other characters.
    pub async fn build(self) -> Result<PostgresSessionStore, StoreError> {
        let dialect = self.dialect()?;
        let source = match self.target {
            Target::Address(address) => {
                check_scheme(&address, Postgres::SCHEMES)?;
                let options = PgConnectOptions::from_str(&address).map_err(Fault::Address)?;
                Source::Options(Box::new(with_lock_timeout(options)))
            }
            Target::Pool(pool) => Source::Pool(pool),
        };
        let store = Store::open(dialect, source, &self.limits, self.create_table).await?;
        Ok(PostgresSessionStore(store))
    }

    fn dialect(&self) -> Result<Postgres, StoreError> {
        Postgres::new(self.schema.clone(), self.table.clone())
    }
}

/// Limits how long a statement waits for a lock, unless the address sets a limit: the server does not
/// notice that its client has given up, and keeps the connection until the statement ends.
fn with_lock_timeout(options: PgConnectOptions) -> PgConnectOptions {
    let is_set = options
        .get_options()
        .is_some_and(|options| options.contains("lock_timeout"));
    match is_set {
        true => options,
        false => options.options([("lock_timeout", "2s")]),
    }
}

impl fmt::Debug for PostgresSessionStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSessionStoreBuilder")
            .field("schema", &self.schema)
            .field("table", &self.table)
            .field("create_table", &self.create_table)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
