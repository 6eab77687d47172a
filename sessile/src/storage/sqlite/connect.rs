//! [`SqliteSessionStoreBuilder`]: opening the database.

use std::{str::FromStr as _, time::Duration};

use sqlx::{
    ConnectOptions as _,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use super::{SqliteSessionStore, StoreError, error};
use crate::clock::{Clock, SharedClock};

/// Sets up a [`SqliteSessionStore`].
#[derive(Debug)]
#[must_use = "nothing is opened until `build` is called"]
pub struct SqliteSessionStoreBuilder {
    location: String,
    readers: u32,
    busy_timeout: Duration,
    clock: SharedClock,
}

impl SqliteSessionStoreBuilder {
    pub(super) fn new(location: String) -> Self {
        Self {
            location,
            readers: 4,
            busy_timeout: Duration::from_millis(500),
            clock: SharedClock::default(),
        }
    }

    /// How many connections read at once, at most. There is one more that writes. A database in
    /// memory has one for everything.
    ///
    /// Default: 4. At least 1.
    pub fn readers(mut self, connections: u32) -> Self {
        self.readers = connections.max(1);
        self
    }

    /// How long an operation waits for another process that holds the database locked.
    ///
    /// Default: 500 milliseconds. More than the time a request may wait for its store only makes
    /// the requests behind it wait as well.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// Reads the time from `clock` instead of the operating system: for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Opens the database, and creates or migrates its tables.
    ///
    /// # Errors
    ///
    /// As [`SqliteSessionStore::new`].
    pub async fn build(self) -> Result<SqliteSessionStore, StoreError> {
        let options = self.options()?;
        let writer = SqlitePoolOptions::new()
            .max_connections(1)
            .connect_with(options.clone())
            .await
            .map_err(error::failed)?;
        let (readers, anchor) = if self.is_in_memory() {
            let anchor = options.connect().await.map_err(error::failed)?;
            (writer.clone(), Some(anchor))
        } else {
            let readers = SqlitePoolOptions::new()
                .max_connections(self.readers)
                .connect_lazy_with(options);
            (readers, None)
        };
        SqliteSessionStore::with_pools(readers, writer, anchor, self.clock).await
    }

    fn is_in_memory(&self) -> bool {
        self.location.contains(":memory:") || self.location.contains("mode=memory")
    }

    fn options(&self) -> Result<SqliteConnectOptions, StoreError> {
        let options = match self.location.as_str() {
            // Only this form makes one database of all connections.
            _ if self.is_in_memory() => SqliteConnectOptions::from_str("sqlite::memory:"),
            address if address.starts_with("sqlite:") => SqliteConnectOptions::from_str(address),
            path => Ok(SqliteConnectOptions::new().filename(path)),
        };
        let options = options.map_err(error::failed)?;
        let options = if self.location.contains("mode=") {
            options
        } else {
            options.create_if_missing(true)
        };
        Ok(options
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Normal)
            .busy_timeout(self.busy_timeout))
    }
}
