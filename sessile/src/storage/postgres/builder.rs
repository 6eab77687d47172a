//! [`PostgresSessionStoreBuilder`]: what a store needs to know before it connects.

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
    place: Place,
    schema: Option<String>,
    table: String,
    create_table: bool,
    limits: Limits,
}

enum Place {
    Address(String),
    Pool(PgPool),
}

impl PostgresSessionStoreBuilder {
    pub(super) fn to_address(address: String) -> Self {
        Self::new(Place::Address(address))
    }

    pub(super) fn to_pool(pool: PgPool) -> Self {
        Self::new(Place::Pool(pool))
    }

    fn new(place: Place) -> Self {
        Self {
            place,
            schema: None,
            table: DEFAULT_TABLE.to_owned(),
            create_table: false,
            limits: Limits::default(),
        }
    }

    /// The schema that the table is in: up to 63 letters, digits and underscores.
    ///
    /// Default: the first one of the user's `search_path` that has the table.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = Some(name.into());
        self
    }

    /// The name of the table: up to 63 letters, digits and underscores. Upper case stays so.
    ///
    /// Default: `sessile_sessions`.
    pub fn table(mut self, name: impl Into<String>) -> Self {
        self.table = name.into();
        self
    }

    /// Whether the table is made if it isn't there. The user needs the right to make tables then.
    ///
    /// Default: `false`. Several servers that start at once may all be told to.
    pub fn create_table(mut self, create: bool) -> Self {
        self.create_table = create;
        self
    }

    /// How many connections there are at most. They are made when they are needed, and those that
    /// nobody used for five minutes are not used any more.
    ///
    /// Default: 10. At least 1. Each is a process on the server, which by default serves a hundred
    /// for all of its users together. A pool has a limit of its own.
    pub fn connections(mut self, most: usize) -> Self {
        self.limits.connections = most;
        self
    }

    /// How long it may take to connect to the server and to sign in.
    ///
    /// Default: one second. A pool has a limit of its own.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.limits.connect_timeout = timeout;
        self
    }

    /// How long an operation may take, with all that it comprises: waiting for a connection,
    /// connecting anew, being sent once more after a cut.
    ///
    /// Default: one second. A connection on which nothing was answered for that long is closed.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.limits.response_timeout = timeout;
        self
    }

    /// The statements that make the table under the names that were given, for who may make tables
    /// to run.
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
    /// [`Misconfigured`](super::StoreErrorKind::Misconfigured) for names with other characters, or
    /// too many.
    pub fn schema_sql(&self) -> Result<String, StoreError> {
        Ok(self.dialect()?.schema_sql())
    }

    /// Connects, and makes sure that the table is there and can be used.
    ///
    /// # Errors
    ///
    /// As [`PostgresSessionStore::new`], and [`Misconfigured`](super::StoreErrorKind::Misconfigured)
    /// for names with other characters, or too many.
    pub async fn build(self) -> Result<PostgresSessionStore, StoreError> {
        let dialect = self.dialect()?;
        let source = match self.place {
            Place::Address(address) => {
                check_scheme(&address, Postgres::SCHEMES)?;
                let options = PgConnectOptions::from_str(&address).map_err(Fault::Address)?;
                Source::Options(Box::new(options))
            }
            Place::Pool(pool) => Source::Pool(pool),
        };
        let store = Store::open(dialect, source, &self.limits, self.create_table).await?;
        Ok(PostgresSessionStore(store))
    }

    fn dialect(&self) -> Result<Postgres, StoreError> {
        Postgres::new(self.schema.clone(), self.table.clone())
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
