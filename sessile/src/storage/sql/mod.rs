//! The common parts of the stores on SQL databases.
//!
//! All of them use [`cleanup`]. The rest is for database servers: a [`Database`] has the operations of one
//! kind of server, and a [`DatabaseSessionStore`] has the parts that are the same for all kinds.

mod cleanup;
mod reminder;
#[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
mod server;

use std::time::Duration;

use super::MARK_LIFETIME;

pub use self::cleanup::CleanupTask;
#[cfg(feature = "mysql-session")]
pub(super) use self::cleanup::LARGEST_BATCH;
#[cfg(any(feature = "postgres-session", feature = "sqlite-session"))]
pub(super) use self::cleanup::SMALLEST_BATCH;
pub(super) use self::reminder::CleanupReminder;
#[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
pub use self::server::DatabaseSessionStore;
#[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
pub(super) use self::server::*;

/// How long a mark is kept. A session that was stored while its mark was written may live a little longer than
/// [`MARK_LIFETIME`].
pub(super) const MARK_KEPT: Duration = MARK_LIFETIME.saturating_add(Duration::from_secs(24 * 3600));
