//! [`Housekeeping`]: the clean-up of a store in a database.

use std::time::Duration;

use crate::storage::CleanupTask;
#[cfg(feature = "mysql-session")]
use crate::storage::MySqlSessionStore;
#[cfg(feature = "postgres-session")]
use crate::storage::PostgresSessionStore;
#[cfg(feature = "sqlite-session")]
use crate::storage::SqliteSessionStore;

/// A store that needs a clean-up.
pub(super) trait Housekeeping: Send + Sync {
    /// Deletes ended sessions now, and then once in every `period`.
    fn start_cleanup(&self, period: Duration) -> CleanupTask;
}

#[cfg(feature = "sqlite-session")]
impl Housekeeping for SqliteSessionStore {
    fn start_cleanup(&self, period: Duration) -> CleanupTask {
        self.start_cleanup(period)
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
