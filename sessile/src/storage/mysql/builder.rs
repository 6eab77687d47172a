//! [`MySqlSessionStoreBuilder`]: the settings of a store.

use std::{error::Error, fmt, str::FromStr as _, sync::Arc, time::Duration};

use rustls::crypto::CryptoProvider;
use sqlx::{
    MySqlPool,
    mysql::{MySqlConnectOptions, MySqlSslMode},
};

use super::{
    MySqlSessionStore, StoreError,
    connections::Connections,
    database::{self, DEFAULT_TABLE, MySql},
    own::{Own, Settings},
};
use crate::storage::{
    credentials::{Credentials, CredentialsSource},
    sql::{Fault, Limits, Name, check_scheme, flag, parameter, schema_sql},
};

/// The schemes of addresses.
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
///
/// ```
/// use std::time::Duration;
/// use sessile::storage::{MySqlSessionStore, StoreErrorKind};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let builder = MySqlSessionStore::builder("mysql://app@127.0.0.1:1/app") // No server listens here.
///     .table("shop_sessions")
///     .connect_timeout(Duration::from_secs(5));
/// let error = builder.build().await.map(drop).unwrap_err();
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
/// # });
/// ```
#[must_use = "nothing is connected until `build` is called"]
pub struct MySqlSessionStoreBuilder {
    target: Target,
    database: Option<String>,
    table: String,
    create_table: bool,
    connections: usize,
    max_lifetime: Duration,
    credentials: Option<CredentialsSource>,
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
            max_lifetime: Duration::from_secs(30 * 60),
            credentials: None,
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

    /// The maximum age of a connection. An older one is replaced when it is needed, so that the store follows a
    /// change of the address to another server.
    ///
    /// Default: 30 minutes. For each connection, it is shortened at random by up to a tenth, so that
    /// connections are not all replaced at the same time. A pool has its own limit.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.max_lifetime = lifetime;
        self
    }

    /// Calls `callback` for the user and the password of each new connection. It is for tokens, and for
    /// passwords that change while the application runs. The callback has to return within
    /// [`connect_timeout`](Self::connect_timeout). If it fails, it is called again after half a second at the
    /// earliest.
    ///
    /// Default: user and password of the address, which the callback replaces. Open connections stay open. A
    /// pool has credentials of its own.
    ///
    /// ```
    /// use sessile::storage::{Credentials, MySqlSessionStore};
    ///
    /// # async fn token() -> std::io::Result<String> { Ok(String::new()) }
    /// let builder = MySqlSessionStore::builder("mysql://db.internal/app?ssl-mode=VERIFY_IDENTITY")
    ///     .credentials(|| async { Ok(Credentials::new("app", token().await?)) });
    /// # drop(builder);
    /// ```
    pub fn credentials<F, O>(mut self, callback: F) -> Self
    where
        F: Fn() -> O + Send + Sync + 'static,
        O: Future<Output = Result<Credentials, Box<dyn Error + Send + Sync>>> + Send + 'static,
    {
        self.credentials = Some(CredentialsSource::callback(callback));
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
                create_table |= creates_table(&address)?;
                let options = MySqlConnectOptions::from_str(&address);
                let options = options.map_err(|error| Fault::Address(Arc::new(error)))?;
                check_tls(&options)?;
                Connections::Own(Own::new(Settings {
                    options,
                    credentials: self.credentials,
                    connections: self.connections,
                    connect_timeout: self.limits.connect_timeout,
                    max_lifetime: self.max_lifetime,
                }))
            }
            Target::Pool(pool) => Connections::Pool(pool.into()),
        };
        let database = MySql::new(&name, connections);
        MySqlSessionStore::open(database, self.limits, create_table).await
    }

    fn name(&self) -> Result<Name, StoreError> {
        database::name(self.database.clone(), self.table.clone())
    }
}

/// Whether the address has `create_table=true`. Refuses unknown parameters, which the driver ignores.
fn creates_table(address: &str) -> Result<bool, Fault> {
    let (_, query) = address.split_once('?').unwrap_or_default();
    let mut is_set = false;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        if let (CREATE_TABLE, value) = parameter(pair, NAMES)? {
            is_set = flag(CREATE_TABLE, value)?;
        }
    }
    Ok(is_set)
}

/// Fails for `VERIFY_CA` without a provider of `rustls` for the process: `sqlx` would install one, or panic.
fn check_tls(options: &MySqlConnectOptions) -> Result<(), Fault> {
    let needs_provider = matches!(options.get_ssl_mode(), MySqlSslMode::VerifyCa);
    match needs_provider && CryptoProvider::get_default().is_none() {
        true => Err(Fault::NoProvider),
        false => Ok(()),
    }
}

impl fmt::Debug for MySqlSessionStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MySqlSessionStoreBuilder")
            .field("database", &self.database)
            .field("table", &self.table)
            .field("create_table", &self.create_table)
            .field("connections", &self.connections)
            .field("max_lifetime", &self.max_lifetime)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
