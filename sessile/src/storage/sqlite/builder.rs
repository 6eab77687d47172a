//! [`SqliteSessionStoreBuilder`]: opening the database.

use std::{error::Error, sync::Arc, thread, time::Duration};

use super::{
    Inner, SqliteSessionStore, StoreError, StoreErrorKind, location::Location, opening::Options,
    writer,
};
use crate::{
    clock::{Clock, SharedClock},
    storage::{EndReporter, sql::CleanupReminder},
};

/// Sets up a [`SqliteSessionStore`].
///
/// ```
/// use std::time::Duration;
/// use sessile::storage::{IterableStore, SqliteSessionStore, SqliteSynchronous, StoreError};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = SqliteSessionStore::builder("sqlite::memory:")
///     .busy_timeout(Duration::from_secs(2))
///     .synchronous(SqliteSynchronous::Full)
///     .build()
///     .await?;
/// assert_eq!(store.count().await?, 0);
/// # Ok::<(), StoreError>(()) }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is opened until `build` is called"]
pub struct SqliteSessionStoreBuilder {
    location: String,
    readers: usize,
    busy_timeout: Duration,
    synchronous: SqliteSynchronous,
    clock: SharedClock,
}

impl SqliteSessionStoreBuilder {
    pub(super) fn new(location: String) -> Self {
        Self {
            location,
            readers: thread::available_parallelism()
                .map_or(4, |processors| processors.get().min(8)),
            busy_timeout: Duration::from_millis(500),
            synchronous: SqliteSynchronous::Normal,
            clock: SharedClock::default(),
        }
    }

    /// How many connections read at the same time. One more connection writes. A database in memory has
    /// a single connection for everything.
    ///
    /// Default: the number of processors, at most 8. At least 1, at most 64. A read takes microseconds, and waits
    /// in its thread if other threads use all connections. Each connection caches up to 2 MB.
    pub fn readers(mut self, connections: usize) -> Self {
        self.readers = connections.clamp(1, 64);
        self
    }

    /// How long to wait for another process that holds the database locked, in an operation and when the
    /// database is opened.
    ///
    /// Default: 500 milliseconds. Writes wait in one queue, and stop waiting when their requests do.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// When a write is acknowledged.
    ///
    /// Default: [`SqliteSynchronous::Normal`].
    pub fn synchronous(mut self, synchronous: SqliteSynchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Reads the time from `clock` instead of the operating system: for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Opens the database, and creates its tables if they are missing.
    ///
    /// # Errors
    ///
    /// As [`SqliteSessionStore::new`].
    pub async fn build(self) -> Result<SqliteSessionStore, StoreError> {
        let location = Location::parse(&self.location).map_err(misconfigured)?;
        let options = Arc::new(Options {
            location: location.absolute().map_err(misconfigured)?,
            synchronous: self.synchronous,
            busy_timeout: self.busy_timeout,
            readers: self.readers,
        });
        let (queue, readers) = writer::start(options.clone(), self.clock.clone()).await?;
        Ok(SqliteSessionStore(Arc::new(Inner {
            options,
            queue,
            readers,
            clock: self.clock,
            reminder: CleanupReminder::default(),
            end_reporter: EndReporter::default(),
        })))
    }
}

fn misconfigured(error: impl Error + Send + Sync + 'static) -> StoreError {
    StoreError::new(StoreErrorKind::Misconfigured, error)
}

/// When a write to an SQLite database is acknowledged.
///
/// ```
/// use sessile::storage::{SqliteSessionStore, SqliteSynchronous};
///
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("sessions.db").to_str().unwrap().to_owned();
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// assert_eq!(SqliteSynchronous::default(), SqliteSynchronous::Normal);
/// let store = SqliteSessionStore::builder(path)
///     .synchronous(SqliteSynchronous::Full)
///     .build()
///     .await?;
/// # sessile::storage::ManagedStore::close(&store).await
/// # }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SqliteSynchronous {
    /// When the operating system has received it. It survives a crash of the process. A loss of power
    /// may lose the last writes.
    #[default]
    Normal,
    /// When the disk has stored it. It also survives a loss of power. Each transaction waits for the
    /// disk; the writes that arrive in the meantime share the next transaction.
    Full,
}

impl SqliteSynchronous {
    /// What SQLite calls it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Normal => "NORMAL",
            Self::Full => "FULL",
        }
    }
}
