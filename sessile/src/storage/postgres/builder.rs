//! [`PostgresSessionStoreBuilder`]: the settings of a store.

use std::{env, error::Error, fmt, sync::Arc, time::Duration};

use tokio_postgres::Config;

#[cfg(feature = "_postgres-pool")]
use super::pool::PostgresPool;
use super::{
    PostgresSessionStore, StoreError,
    address::Address,
    connections::Connections,
    database::{self, DEFAULT_TABLE, Postgres},
    statements::Statements,
};
use crate::storage::{
    credentials::{Credentials, CredentialsSource},
    sql::{Limits, Name, schema_sql},
};

/// The longest time that a statement waits for a lock. The server does not notice that its client has given
/// up, and later writes of the same connection wait behind the statement.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Sets up a [`PostgresSessionStore`].
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
#[must_use = "nothing is connected until `build` is called"]
pub struct PostgresSessionStoreBuilder {
    target: Target,
    schema: Option<String>,
    table: String,
    create_table: bool,
    behind_pooler: bool,
    credentials: Option<CredentialsSource>,
    limits: Limits,
}

enum Target {
    Address(String),
    #[cfg(feature = "_postgres-pool")]
    Pool(PostgresPool),
}

impl PostgresSessionStoreBuilder {
    pub(super) fn to_address(address: String) -> Self {
        Self::new(Target::Address(address))
    }

    #[cfg(feature = "_postgres-pool")]
    pub(super) fn to_pool(pool: PostgresPool) -> Self {
        Self::new(Target::Pool(pool))
    }

    fn new(target: Target) -> Self {
        Self {
            target,
            schema: None,
            table: DEFAULT_TABLE.to_owned(),
            create_table: false,
            behind_pooler: false,
            credentials: None,
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
    /// Default: `false`, unless the address has `create_table=true`. Several servers can do so at the same time.
    pub fn create_table(mut self, create: bool) -> Self {
        self.create_table = create;
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
        self.behind_pooler = is_behind;
        self
    }

    /// Calls `callback` for the user and the password of each new connection. It is for tokens, and for
    /// passwords that change while the application runs. The callback has to return within
    /// [`connect_timeout`](Self::connect_timeout).
    ///
    /// Default: user and password of the address, which the callback replaces. Open connections stay open. A
    /// pool has credentials of its own.
    ///
    /// ```
    /// use sessile::storage::{Credentials, PostgresSessionStore};
    ///
    /// # async fn token() -> std::io::Result<String> { Ok(String::new()) }
    /// let builder = PostgresSessionStore::builder("postgres://db.internal/app?sslmode=verify-full")
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

    /// The time limit for connecting and authenticating, for each server that the address names.
    ///
    /// Default: one second. A pool has its own limit.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect_timeout = timeout;
        self
    }

    /// The time limit for an operation, including the time to get a connection and to send the operation
    /// again after a cut.
    ///
    /// Default: one second. A statement waits for a lock for half of it, and at most two seconds, unless the
    /// address sets `lock_timeout` in `options`.
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
        Ok(schema_sql(&database::tables(&self.name()?)))
    }

    /// Connects, and checks that the tables can be used.
    ///
    /// # Errors
    ///
    /// As [`PostgresSessionStore::new`], and [`Misconfigured`](super::StoreErrorKind::Misconfigured)
    /// for names that are too long or have other characters.
    pub async fn build(self) -> Result<PostgresSessionStore, StoreError> {
        let name = self.name()?;
        let tables = database::tables(&name);
        let [sessions, marks] = &tables;
        let statements = Arc::new(Statements::new(&sessions.name, &marks.name));
        let (mut create_table, mut behind_pooler) = (self.create_table, self.behind_pooler);
        let connections = match self.target {
            Target::Address(address) => {
                let mut address = Address::parse(&address, |name| env::var(name).ok())?;
                create_table |= address.create_table;
                behind_pooler |= address.behind_pooler;
                if !behind_pooler {
                    for config in &mut address.configs {
                        set_lock_timeout(config, self.limits.response_timeout);
                        if config.get_application_name().is_none() {
                            config.application_name(APPLICATION_NAME);
                        }
                    }
                }
                let (configs, tls) = (&address.configs, address.tls.connector()?);
                let credentials = self.credentials.as_ref();
                let limits = self.limits;
                Connections::own(
                    configs,
                    &tls,
                    credentials,
                    &statements,
                    limits,
                    behind_pooler,
                )
            }
            #[cfg(feature = "_postgres-pool")]
            Target::Pool(pool) => Connections::pooled(pool, behind_pooler)?,
        };
        let database = Postgres {
            tables,
            statements,
            connections,
        };
        PostgresSessionStore::open(database, self.limits, create_table).await
    }

    fn name(&self) -> Result<Name, StoreError> {
        database::name(self.schema.clone(), self.table.clone())
    }
}

/// The name of connections in `pg_stat_activity`, unless the address or the environment has another one.
const APPLICATION_NAME: &str = "sessile";

/// Limits how long a statement waits for a lock, unless the address sets a limit.
fn set_lock_timeout(config: &mut Config, response_timeout: Duration) {
    let options = config.get_options().unwrap_or_default();
    if !options.contains("lock_timeout") {
        let millis = LONGEST_WAIT.min(response_timeout / 2).as_millis().max(1);
        let options = format!("{options} -c lock_timeout={millis}");
        config.options(options.trim_start());
    }
}

impl fmt::Debug for PostgresSessionStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresSessionStoreBuilder")
            .field("schema", &self.schema)
            .field("table", &self.table)
            .field("create_table", &self.create_table)
            .field("behind_pooler", &self.behind_pooler)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
