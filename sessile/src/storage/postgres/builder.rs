//! The settings of a store that only PostgreSQL has.

use std::{env, sync::Arc, time::Duration};

use tokio_postgres::Config;

#[cfg(feature = "_postgres-pool")]
use super::pool::PostgresPool;
use super::{
    address::Address,
    connections::{Connections, Own},
    database::Postgres,
    statements::Statements,
};
use crate::storage::sql::{DatabaseSessionStoreBuilder, Fault};

/// The longest time that a statement waits for a lock. The server does not notice that its client has given
/// up, and later writes of the same connection wait behind the statement.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// The name of connections in `pg_stat_activity`, unless the address or the environment has another one.
const APPLICATION_NAME: &str = "sessile";

/// Sets up a [`PostgresSessionStore`](super::PostgresSessionStore).
///
/// ```
/// use std::time::Duration;
/// use sessile::storage::{PostgresSessionStore, StoreErrorKind};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let builder = PostgresSessionStore::builder("postgres://app@127.0.0.1:1/app") // No server listens here.
///     .table("shop_sessions")
///     .connect_timeout(Duration::from_secs(5));
/// let error = builder.build().await.map(drop).unwrap_err();
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
/// # });
/// ```
pub type PostgresSessionStoreBuilder = DatabaseSessionStoreBuilder<Postgres>;

/// What the builder of a store connects to.
pub(in crate::storage) enum Target {
    Address(String),
    #[cfg(feature = "_postgres-pool")]
    Pool(PostgresPool),
}

impl From<String> for Target {
    fn from(address: String) -> Self {
        Self::Address(address)
    }
}

/// The settings of connections to PostgreSQL.
#[derive(Debug, Default)]
pub(in crate::storage) struct ConnectionSettings {
    behind_pooler: bool,
}

impl PostgresSessionStoreBuilder {
    /// The schema that the tables are in: up to 63 letters, digits and underscores.
    ///
    /// Default: the first schema of the user's `search_path` that has the table.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = Some(name.into());
        self
    }

    /// Whether a pooler in transaction mode, such as PgBouncer, is between the store and the server.
    ///
    /// Default: `false`. `behind_pooler=true` in the address sets it too. If it is set, statements are not
    /// prepared: the server parses and plans each one when it is executed. The store itself sends only the user,
    /// the database and the encoding when it connects. `options` and `application_name` are also sent if the
    /// address or the environment (`PGOPTIONS`, `PGAPPNAME`) sets them; PgBouncer refuses `options`. Set
    /// `lock_timeout` for the user. A pool of `sqlx` can't be used with this setting.
    ///
    /// If it is not set, operations behind such a pooler fail: the pooler refuses the connection, or a reply does
    /// not prove that the right statement was executed.
    pub fn behind_pooler(mut self, is_behind: bool) -> Self {
        self.settings.behind_pooler = is_behind;
        self
    }

    /// The connections of a store, and whether the address says that missing tables are created.
    pub(super) fn connect(
        self,
        statements: &Arc<Statements>,
    ) -> Result<(Connections, bool), Fault> {
        match self.target {
            Target::Address(ref address) => self.connect_to(address, statements),
            #[cfg(feature = "_postgres-pool")]
            Target::Pool(pool) => {
                let connections = Connections::pooled(pool, self.settings.behind_pooler)?;
                Ok((connections, false))
            }
        }
    }

    fn connect_to(
        &self,
        address: &str,
        statements: &Arc<Statements>,
    ) -> Result<(Connections, bool), Fault> {
        let mut address = Address::parse(address, |name| env::var(name).ok())?;
        let behind_pooler = self.settings.behind_pooler || address.behind_pooler;
        if !behind_pooler {
            for config in &mut address.configs {
                set_lock_timeout(config, self.limits.response_timeout);
                if config.get_application_name().is_none() {
                    config.application_name(APPLICATION_NAME);
                }
            }
        }
        let connections = Connections::Own(Box::new(Own::new(
            &address.configs,
            &address.tls.connector()?,
            self.credentials.as_ref(),
            statements,
            self.limits,
            behind_pooler,
        )));
        Ok((connections, address.create_table))
    }
}

/// Limits how long a statement waits for a lock, unless the address sets a limit.
fn set_lock_timeout(config: &mut Config, response_timeout: Duration) {
    let options = config.get_options().unwrap_or_default();
    if !options.contains("lock_timeout") {
        let millis = LONGEST_WAIT.min(response_timeout / 2).as_millis().max(1);
        let options = format!("{options} -c lock_timeout={millis}");
        config.options(options.trim_start());
    }
}
