//! [`MySqlSessionStoreBuilder`]: the settings of a store.

use std::{fmt, str::FromStr as _, time::Duration};

use sqlx::{MySqlPool, mysql::MySqlConnectOptions};

use super::{
    MySqlSessionStore, StoreError,
    dialect::{DEFAULT_TABLE, MySql},
};
use crate::storage::sql::{Dialect as _, Fault, Limits, Source, Store, check_scheme};

/// Sets up a [`MySqlSessionStore`].
#[must_use = "nothing is connected until `build` is called"]
pub struct MySqlSessionStoreBuilder {
    target: Target,
    database: Option<String>,
    table: String,
    create_table: bool,
    limits: Limits,
}

enum Target {
    Address(String),
    Pool(MySqlPool),
}

impl MySqlSessionStoreBuilder {
    pub(super) fn to_address(address: String) -> Self {
        Self::new(Target::Address(address))
    }

    pub(super) fn to_pool(pool: MySqlPool) -> Self {
        Self::new(Target::Pool(pool))
    }

    fn new(target: Target) -> Self {
        Self {
            target,
            database: None,
            table: DEFAULT_TABLE.to_owned(),
            create_table: false,
            limits: Limits::default(),
        }
    }

    /// The database that the tables are in: up to 64 letters, digits and underscores.
    ///
    /// Default: the database that the address names.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.database = Some(name.into());
        self
    }

    /// The name of the table of sessions: up to 56 letters, digits and underscores. The table of marks has
    /// the same name with `_marks` appended.
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
    /// Default: 10. At least 1. Each connection is a thread on the server, which by default allows 151
    /// connections in total. A pool has its own limit.
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
    /// use sessile::storage::MySqlSessionStore;
    ///
    /// let builder = MySqlSessionStore::builder("mysql://localhost/app");
    /// let sql = builder.database("web").table("logins").schema_sql()?;
    /// assert!(sql.starts_with("CREATE TABLE `web`.`logins` ("));
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
    /// As [`MySqlSessionStore::new`], and [`Misconfigured`](super::StoreErrorKind::Misconfigured)
    /// for names that are too long or have other characters.
    pub async fn build(self) -> Result<MySqlSessionStore, StoreError> {
        let dialect = self.dialect()?;
        let source = match self.target {
            Target::Address(address) => {
                check_scheme(&address, MySql::SCHEMES)?;
                let options = MySqlConnectOptions::from_str(&address).map_err(Fault::Address)?;
                Source::Options(Box::new(options))
            }
            Target::Pool(pool) => Source::Pool(pool),
        };
        let store = Store::open(dialect, source, &self.limits, self.create_table).await?;
        Ok(MySqlSessionStore(store))
    }

    fn dialect(&self) -> Result<MySql, StoreError> {
        MySql::new(self.database.clone(), self.table.clone())
    }
}

impl fmt::Debug for MySqlSessionStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlSessionStoreBuilder")
            .field("database", &self.database)
            .field("table", &self.table)
            .field("create_table", &self.create_table)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
