//! The common parts of the stores on SQL databases.
//!
//! All of them use [`cleanup_task`]. The rest is for database servers: a [`Database`] has the operations of one
//! kind of server, and a [`DatabaseSessionStore`] has the parts that are the same for all kinds.

mod cleanup_task;
mod reminder;
#[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
mod server;

use std::time::Duration;

use super::{Loaded, MARK_LIFETIME, SessionId, StoreError};
use crate::{clock::Timestamp, telemetry};

pub use self::cleanup_task::CleanupTask;
#[cfg(feature = "mysql-session")]
pub(super) use self::cleanup_task::LARGEST_BATCH;
#[cfg(any(feature = "postgres-session", feature = "sqlite-session"))]
pub(super) use self::cleanup_task::SMALLEST_BATCH;
pub(super) use self::reminder::CleanupReminder;
#[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
pub(super) use self::server::*;
#[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
pub use self::server::{DatabaseSessionStore, DatabaseSessionStoreBuilder};

/// How long a mark is kept. A session that was stored while its mark was written may live a little longer than
/// [`MARK_LIFETIME`].
pub(super) const MARK_KEPT: Duration = MARK_LIFETIME.saturating_add(Duration::from_secs(24 * 3600));

/// A time as it is stored in a column: milliseconds since the Unix epoch, at most `i64::MAX`.
pub(super) fn column_millis(time: Timestamp) -> i64 {
    i64::try_from(time.as_unix_millis()).unwrap_or(i64::MAX)
}

/// The time that is stored in a column as these milliseconds.
pub(super) fn from_column_millis(millis: i64) -> Timestamp {
    Timestamp::from_unix_millis(u64::try_from(millis).unwrap_or_default())
}

/// The sessions whose records can be decoded. The others are logged.
pub(super) fn readable(
    sessions: impl IntoIterator<Item = (SessionId, Result<Loaded, StoreError>)>,
) -> Vec<(SessionId, Loaded)> {
    let sessions = sessions.into_iter().filter_map(|(id, loaded)| {
        let loaded = loaded.inspect_err(|error| telemetry::record_omitted(error));
        Some((id, loaded.ok()?))
    });
    sessions.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_kept_in_milliseconds() {
        assert_eq!(column_millis(Timestamp::from_unix_millis(7)), 7);
        assert_eq!(column_millis(Timestamp::MAX), i64::MAX);
        assert_eq!(from_column_millis(7), Timestamp::from_unix_millis(7));
    }
}
