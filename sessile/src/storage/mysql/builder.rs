//! The settings of a store that only MySQL and MariaDB have.

use std::{str::FromStr as _, time::Duration};

use rustls::crypto::CryptoProvider;
use sqlx::{
    MySqlPool,
    mysql::{MySqlConnectOptions, MySqlSslMode},
};

use super::{
    connections::Connections,
    database::MySql,
    own::{self, Own},
};
use crate::storage::sql::{DatabaseSessionStoreBuilder, Fault, check_scheme, flag, parameters};

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

/// Sets up a [`MySqlSessionStore`](super::MySqlSessionStore).
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
pub type MySqlSessionStoreBuilder = DatabaseSessionStoreBuilder<MySql>;

/// What the builder of a store connects to.
pub(in crate::storage) enum Target {
    Address(String),
    Pool(MySqlPool),
}

impl From<String> for Target {
    fn from(address: String) -> Self {
        Self::Address(address)
    }
}

/// The maximum number of the store's own connections, and their maximum lifetime.
#[derive(Debug)]
pub(in crate::storage) struct ConnectionSettings {
    connections: usize,
    max_lifetime: Duration,
}

impl Default for ConnectionSettings {
    fn default() -> Self {
        Self {
            connections: 10,
            max_lifetime: Duration::from_secs(30 * 60),
        }
    }
}

impl MySqlSessionStoreBuilder {
    /// The database that the tables are in: up to 64 letters, digits and underscores.
    ///
    /// Default: the database that the address names.
    pub fn database(mut self, name: impl Into<String>) -> Self {
        self.schema = Some(name.into());
        self
    }

    /// The maximum number of connections. They are opened when they are needed, and closed after five
    /// minutes without use.
    ///
    /// Default: 10. At least 1. Each connection is a thread on the server, which by default allows 151
    /// connections in total. A pool has its own limit.
    pub fn connections(mut self, most: usize) -> Self {
        self.settings.connections = most;
        self
    }

    /// The maximum age of a connection. An older one is replaced when it is needed, so that the store follows a
    /// change of the address to another server.
    ///
    /// Default: 30 minutes. For each connection, it is shortened at random by up to a tenth, so that
    /// connections are not all replaced at the same time. A pool has its own limit.
    pub fn max_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.max_lifetime = lifetime;
        self
    }

    /// The connections of a store, and whether the address says that missing tables are created.
    pub(super) fn connect(self) -> Result<(Connections, bool), Fault> {
        let address = match self.target {
            Target::Address(address) => address,
            Target::Pool(pool) => return Ok((Connections::Pool(pool.into()), false)),
        };
        check_scheme(&address, SCHEMES)?;
        let creates_table = creates_table(&address)?;
        let options = MySqlConnectOptions::from_str(&address).map_err(Fault::address)?;
        check_tls(&options)?;
        let own = Own::new(own::Settings {
            options,
            credentials: self.credentials,
            connections: self.settings.connections,
            connect_timeout: self.limits.connect_timeout,
            max_lifetime: self.settings.max_lifetime,
        });
        Ok((Connections::Own(own), creates_table))
    }
}

/// Whether the address has `create_table=true`. Refuses unknown parameters, which the driver ignores.
fn creates_table(address: &str) -> Result<bool, Fault> {
    let (_, query) = address.split_once('?').unwrap_or_default();
    let mut is_set = false;
    for parameter in parameters(query, NAMES) {
        if let (CREATE_TABLE, value) = parameter? {
            is_set = flag(CREATE_TABLE, value)?;
        }
    }
    Ok(is_set)
}

/// Fails for `VERIFY_CA` without a provider of `rustls` for the process: `sqlx` would install one, or panic.
fn check_tls(options: &MySqlConnectOptions) -> Result<(), Fault> {
    let needs_provider = matches!(options.get_ssl_mode(), MySqlSslMode::VerifyCa);
    if needs_provider && CryptoProvider::get_default().is_none() {
        let text = "`ssl-mode=VERIFY_CA` needs a provider of `rustls` for the process: install one, or set \
                    `ssl-mode=VERIFY_IDENTITY`";
        return Err(Fault::misconfigured(text));
    }
    Ok(())
}
