//! [`Connection`]: one connection to the database, used by one operation at a time.

use std::{fmt, io};

use sqlx::{ConnectOptions as _, Connection as _, SqliteConnection, sqlite::SqliteConnectOptions};
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};

use super::{StoreError, StoreErrorKind, error};

/// One connection to the database, used by one operation at a time.
///
/// It is free again the moment an operation ends, or is given up. (A pool would take it back in a
/// task on the thread of whoever used it: a handler that blocks its thread would hold it.)
pub(super) struct Connection(Mutex<Option<SqliteConnection>>);

impl Connection {
    pub(super) async fn open(options: &SqliteConnectOptions) -> Result<Self, StoreError> {
        let connection = options.connect().await.map_err(error::failed)?;
        Ok(Self(Mutex::new(Some(connection))))
    }

    /// The connection, for as long as the guard lives. Who asked first gets it first.
    pub(super) async fn acquire(
        &self,
    ) -> Result<MappedMutexGuard<'_, SqliteConnection>, StoreError> {
        let guard = self.0.lock().await;
        MutexGuard::try_map(guard, Option::as_mut).map_err(|_| {
            let closed = io::Error::other("the database was closed");
            StoreError::new(StoreErrorKind::Unavailable, closed)
        })
    }

    /// Closes it, after the operation that is under way.
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
