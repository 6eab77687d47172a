//! [`MySqlSessionStoreBuilder`]: the settings of a store.

use std::{fmt, str::FromStr as _, sync::Arc, time::Duration};

use sqlx::{MySqlPool, mysql::MySqlConnectOptions};

use super::{
    MySqlSessionStore, StoreError,
    connections::Connections,
    database::{self, DEFAULT_TABLE, MySql},
    own::Own,
};
use crate::storage::sql::{Fault, Limits, Name, Store, check_scheme, flag, parameter, schema_sql};

/// What addresses begin with.
const SCHEMES: &[&str] = &["mysql", "mariadb"];

/// The parameter that creates the tables.
const CREATE_TABLE: &str = "create_table";

/// The names of parameters. The driver ignores all others.
const NAMES: &[&str] = &[
    "charset",
    "collation",
    CREATE_TABLE,
    "socket",
    "ssl-ca",
    "ssl-cert",
    "ssl-key",
    "ssl-mode",
    "sslca",
    "sslcert",
    "sslkey",
    "sslmode",
    "statement-cache-capacity",
    "time-zone",
    "timezone",
];

/// Sets up a [`MySqlSessionStore`].
#[must_use = "nothing is connected until `build` is called"]
pub struct MySqlSessionStoreBuilder {
    target: Target,
    database: Option<String>,
    table: String,
    create_table: bool,
    connections: usize,
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
            connections: 10,
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
    /// Default: `false`, unless the address has `create_table=true`. Several servers can do so at the same time.
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
        self.connections = most;
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
        Ok(schema_sql(&database::tables(&self.name()?)))
    }

    /// Connects, and checks that the tables can be used.
    ///
    /// # Errors
    ///
    /// As [`MySqlSessionStore::new`], and [`Misconfigured`](super::StoreErrorKind::Misconfigured)
    /// for names that are too long or have other characters.
    pub async fn build(self) -> Result<MySqlSessionStore, StoreError> {
        let (name, mut create_table) = (self.name()?, self.create_table);
        let connections = match self.target {
            Target::Address(address) => {
                check_scheme(&address, SCHEMES)?;
                let (address, is_set) = take_create_table(&address)?;
                create_table |= is_set;
                let options = MySqlConnectOptions::from_str(&address);
                let options = options.map_err(|error| Fault::Address(Arc::new(error)))?;
                let timeout = self.limits.connect_timeout;
                Connections::Own(Own::new(options, self.connections, timeout))
            }
            Target::Pool(pool) => Connections::Pool(pool),
        };
        let database = MySql::new(name, connections);
        let store = Store::open(database, self.limits, create_table).await?;
        Ok(MySqlSessionStore(store))
    }

    fn name(&self) -> Result<Name, StoreError> {
        database::name(self.database.clone(), self.table.clone())
    }
}

/// The address without `create_table`, and the value of that parameter. Refuses unknown parameters.
fn take_create_table(address: &str) -> Result<(String, bool), Fault> {
    let (before, query) = address.split_once('?').unwrap_or((address, ""));
    let (mut kept, mut is_set) = (Vec::new(), false);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match parameter(pair, NAMES)? {
            (CREATE_TABLE, value) => is_set = flag(CREATE_TABLE, value)?,
            _ => kept.push(pair),
        }
    }
    Ok((format!("{before}?{}", kept.join("&")), is_set))
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
