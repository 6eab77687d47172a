//! [`Housekeeping`]: the clean-up of a store in a database.

use std::time::Duration;

use crate::storage::CleanupTask;
#[cfg(feature = "sqlite-session")]
use crate::storage::SqliteSessionStore;
#[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
use crate::storage::{DatabaseSessionStore, sql::Database};

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

#[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
impl<B: Database> Housekeeping for DatabaseSessionStore<B> {
    fn start_cleanup(&self, period: Duration) -> CleanupTask {
        self.start_cleanup(period)
    }
}
