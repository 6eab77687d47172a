//! [`SqliteSessionStore`]: sessions in an SQLite database, in a file or in memory.

mod cleanup;
mod connect;
mod error;
mod schema;

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use sqlx::{Row as _, SqliteConnection, SqlitePool};

use super::{Loaded, SessionKey, SessionStore, StoreError, StoreErrorKind, Stored, Swap, Version};
use crate::{
    clock::{SharedClock, Timestamp},
    key::generate_session_key,
    random,
    record::Record,
};

pub use self::{cleanup::CleanupTask, connect::SqliteSessionStoreBuilder};

/// Keeps sessions in an SQLite database. SQLite itself is compiled in.
///
/// For one server that has a disk, or several processes on it. Clones share the connections.
///
/// - The database is in WAL mode, so that reading never waits for writing. Writes go one after
///   another through one connection.
/// - What is acknowledged survives the end of the process, however abrupt. After a loss of power
///   the last moments may be missing, in exchange for not waiting for the disk on each write; to
///   have it otherwise bring a pool with `synchronous = FULL` along
///   ([`from_pool`](Self::from_pool)).
/// - Sessions whose time is over are never served. Their rows go when they are cleaned up: start
///   [`start_cleanup`](Self::start_cleanup) once.
/// - Session keys are stored as they are. That is no use to a thief of the file, since cookies are
///   sealed with a key that is not in it.
///
/// ```
/// use std::time::Duration;
/// use sessile::{Clock, Record, SystemClock, storage::{SessionStore, SqliteSessionStore}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = SqliteSessionStore::new("sqlite::memory:").await?;
/// let record = Record::new(SystemClock.now());
/// let stored = store.create(&record, Duration::from_secs(60)).await?;
///
/// assert_eq!(store.load(&stored.key).await?.unwrap().record, record);
/// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct SqliteSessionStore {
    readers: SqlitePool,
    writer: SqlitePool,
    /// A database in memory lives as long as a connection to it, and those of a pool may close.
    _anchor: Option<Arc<Mutex<SqliteConnection>>>,
    clock: SharedClock,
}

impl SqliteSessionStore {
    /// Opens the database at `location` with all settings at their defaults, and makes it if it
    /// isn't there.
    ///
    /// `location` is a path, or an address: `sqlite://path/to/sessions.db`, `sqlite::memory:`. An
    /// address may say `?mode=ro`, `rw` or `rwc`; by default it is `rwc`.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`](StoreErrorKind::Misconfigured) for an address that makes no sense,
    /// [`Denied`](StoreErrorKind::Denied) for a database that can't be written to,
    /// [`Incompatible`](StoreErrorKind::Incompatible) for a file that is damaged, of another kind,
    /// or has a schema that is newer than this version of the crate, and
    /// [`Unavailable`](StoreErrorKind::Unavailable) for one that is locked or can't be opened.
    pub async fn new(location: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(location).build().await
    }

    /// Opens the database at `location` with settings of your own.
    pub fn builder(location: impl Into<String>) -> SqliteSessionStoreBuilder {
        SqliteSessionStoreBuilder::new(location.into())
    }

    /// Uses the database behind `pool`, for settings that [`builder`](Self::builder) doesn't have,
    /// or to share a database with the application. Its tables' names begin with `sessile_`.
    ///
    /// A pool for a database in memory must have one connection that is never closed: each may have
    /// a database of its own.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub async fn from_pool(pool: SqlitePool) -> Result<Self, StoreError> {
        Self::with_pools(pool.clone(), pool, None, SharedClock::default()).await
    }

    async fn with_pools(
        readers: SqlitePool,
        writer: SqlitePool,
        anchor: Option<SqliteConnection>,
        clock: SharedClock,
    ) -> Result<Self, StoreError> {
        schema::migrate(&writer).await?;
        Ok(Self {
            readers,
            writer,
            _anchor: anchor.map(|connection| Arc::new(Mutex::new(connection))),
            clock,
        })
    }

    /// Closes all connections, after the operations that are under way. Later ones fail.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    /// When a record that may be kept for `ttl` ends.
    fn ends_at(&self, ttl: Duration) -> i64 {
        as_integer(self.clock.now().saturating_add(ttl))
    }

    fn now(&self) -> i64 {
        as_integer(self.clock.now())
    }

    /// Stores `record` under `new_key` in place of what is under `key`, if that has `version`.
    async fn swap(
        &self,
        (key, version): (&SessionKey, Version),
        new_key: SessionKey,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        // One statement for all three answers: it finds the row whatever its version, changes it if
        // the version is right, and tells the version it left there.
        const SWAP: &str = "
            UPDATE sessile_sessions SET
                key        = iif(version = ?3, ?4, key),
                expires_at = iif(version = ?3, ?5, expires_at),
                record     = iif(version = ?3, ?6, record),
                version    = iif(version = ?3, ?7, version)
            WHERE key = ?1 AND expires_at > ?2
            RETURNING version";
        let new_version = fresh_version();
        let left_there = sqlx::query(SWAP)
            .bind(key.as_ref())
            .bind(self.now())
            .bind(version.get().cast_signed())
            .bind(new_key.as_ref())
            .bind(self.ends_at(ttl))
            .bind(record.encode())
            .bind(new_version.get().cast_signed())
            .fetch_optional(&self.writer)
            .await
            .map_err(error::failed)?;
        let Some(row) = left_there else {
            return Ok(Swap::Gone);
        };
        let left_there: i64 = row.try_get(0).map_err(error::failed)?;
        Ok(if left_there.cast_unsigned() == new_version.get() {
            Swap::Stored(Stored {
                key: new_key,
                version: new_version,
            })
        } else {
            Swap::Conflict
        })
    }
}

/// A version that no other write has: drawn at random, so that who stored it can tell its own
/// write from everybody else's.
fn fresh_version() -> Version {
    Version::new(u64::from_ne_bytes(random::bytes()))
}

fn as_integer(timestamp: Timestamp) -> i64 {
    i64::try_from(timestamp.as_unix_millis()).unwrap_or(i64::MAX)
}

impl SessionStore for SqliteSessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        const LOAD: &str =
            "SELECT version, record FROM sessile_sessions WHERE key = ?1 AND expires_at > ?2";
        let row = sqlx::query(LOAD)
            .bind(key.as_ref())
            .bind(self.now())
            .fetch_optional(&self.readers)
            .await
            .map_err(error::failed)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let version: i64 = row.try_get(0).map_err(error::corrupt)?;
        let record: Vec<u8> = row.try_get(1).map_err(error::corrupt)?;
        let record = Record::decode(&record)
            .map_err(|source| StoreError::new(StoreErrorKind::Corrupt, source))?;
        Ok(Some(Loaded {
            record,
            version: Version::new(version.cast_unsigned()),
        }))
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        const CREATE: &str = "
            INSERT INTO sessile_sessions (key, version, expires_at, record)
            VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT (key) DO NOTHING";
        loop {
            let key = generate_session_key();
            let version = fresh_version();
            let created = sqlx::query(CREATE)
                .bind(key.as_ref())
                .bind(version.get().cast_signed())
                .bind(self.ends_at(ttl))
                .bind(record.encode())
                .execute(&self.writer)
                .await
                .map_err(error::failed)?;
            if created.rows_affected() == 1 {
                return Ok(Stored { key, version });
            }
        }
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        self.swap((key, version), key.clone(), record, ttl).await
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        let new_key = generate_session_key();
        self.swap((key, version), new_key, record, ttl).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        sqlx::query("DELETE FROM sessile_sessions WHERE key = ?1")
            .bind(key.as_ref())
            .execute(&self.writer)
            .await
            .map_err(error::failed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
