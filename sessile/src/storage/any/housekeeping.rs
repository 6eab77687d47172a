//! [`Housekeeping`]: the operations of a store in a database beside the contract.

use std::time::Duration;

#[cfg(feature = "mysql-session")]
use crate::storage::MySqlSessionStore;
#[cfg(feature = "postgres-session")]
use crate::storage::PostgresSessionStore;
#[cfg(feature = "sqlite-session")]
use crate::storage::SqliteSessionStore;
use crate::storage::{BoxFuture, CleanupTask, StoreError};

/// What a store in a database takes beside the contract.
pub(super) trait Housekeeping: Send + Sync {
    /// Deletes ended sessions now, and then once in every `period`.
    fn start_cleanup(&self, period: Duration) -> CleanupTask;

    /// Closes the database, if its users have to do so.
    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }
}

#[cfg(feature = "sqlite-session")]
impl Housekeeping for SqliteSessionStore {
    fn start_cleanup(&self, period: Duration) -> CleanupTask {
        self.start_cleanup(period)
    }

    fn close(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(self.close())
    }
}

#[cfg(feature = "postgres-session")]
impl Housekeeping for PostgresSessionStore {
    fn start_cleanup(&self, period: Duration) -> CleanupTask {
        self.start_cleanup(period)
    }
}

#[cfg(feature = "mysql-session")]
impl Housekeeping for MySqlSessionStore {
    fn start_cleanup(&self, period: Duration) -> CleanupTask {
        self.start_cleanup(period)
    }
}
