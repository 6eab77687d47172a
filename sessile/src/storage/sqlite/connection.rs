//! [`Connection`]: one connection to the database, used by one operation at a time.

use std::{fmt, io, time::Duration};

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::{
    sync::{MappedMutexGuard, Mutex, MutexGuard},
    time::{Instant, sleep},
};

use super::{StoreError, StoreErrorKind, error};

/// The time between two attempts to open a database that is busy.
const PAUSE: Duration = Duration::from_millis(5);

/// One connection to the database, used by one operation at a time.
///
/// It is free again at the moment an operation ends or is dropped. A pool would take it back in a task
/// on the thread of the caller, so a handler that blocks its thread would hold it.
pub(super) struct Connection(Mutex<Option<SqliteConnection>>);

impl Connection {
    /// Opens a connection, and tries again for `patience` while others open the same database.
    ///
    /// SQLite waits for a lock by itself, except where waiting could end in a deadlock. That is so while
    /// a new database gets its write-ahead log: SQLite then reports at once that it is busy
    /// (<https://www.sqlite.org/c3ref/busy_handler.html>).
    pub(super) async fn open(
        options: &SqliteConnectOptions,
        patience: Duration,
    ) -> Result<Self, StoreError> {
        let begun = Instant::now();
        loop {
            match options.connect().await {
                Ok(connection) => return Ok(Self(Mutex::new(Some(connection)))),
                Err(error) if error::is_busy(&error) && begun.elapsed() < patience => {
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error::failed(error)),
            }
        }
    }

    /// The connection, for as long as the guard lives. Callers get it in the order of their calls.
    pub(super) async fn acquire(
        &self,
    ) -> Result<MappedMutexGuard<'_, SqliteConnection>, StoreError> {
        let guard = self.0.lock().await;
        MutexGuard::try_map(guard, Option::as_mut).map_err(|_| {
            let closed = io::Error::other("the database was closed");
            StoreError::new(StoreErrorKind::Unavailable, closed).not_sent()
        })
    }

    /// Closes the connection, after the operation that is in progress.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        match self.0.lock().await.take() {
            Some(connection) => connection.close().await.map_err(error::failed),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Connection(..)")
    }
}
