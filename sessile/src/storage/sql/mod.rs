//! What the stores on SQL databases share.
//!
//! [`cleanup`] is everybody's. The rest is for databases that are servers: a [`Dialect`] is what one
//! of them says differently, and its statements are in its store's folder; a [`Store`] is all that
//! is the same.

mod cleanup;
#[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
mod server;

pub use self::cleanup::CleanupTask;
#[cfg(feature = "mysql-session")]
pub(super) use self::cleanup::LARGEST_BATCH;
#[cfg(any(feature = "postgres-session", feature = "sqlite-session"))]
pub(super) use self::cleanup::SMALLEST_BATCH;
#[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
pub(super) use self::server::*;
