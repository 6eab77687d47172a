//! [`SqliteSessionStore`]: sessions in an SQLite database, in a file or in memory.

mod builder;
mod cleanup;
mod connection;
mod error;
mod schema;
mod slot;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::Row as _;

use super::{
    CleanupTask, Loaded, SessionKey, SessionStore, StoreError, StoreErrorKind, Stored, Swap,
    Version,
};
use crate::{
    clock::{SharedClock, Timestamp},
    key::generate_session_key,
    record::Record,
};

pub use self::builder::SqliteSessionStoreBuilder;
use self::{connection::Connection, slot::slot_of};

/// Keeps sessions in an SQLite database. SQLite itself is compiled in.
///
/// For one server that has a disk, or several processes on it. Clones share the connections.
///
/// - The database is in WAL mode, so that reading never waits for writing. Writes go one after
///   another through one connection.
/// - What is acknowledged survives the end of the process, however abrupt. After a loss of power
///   the last moments may be missing, in exchange for not waiting for the disk on each write:
///   [`synchronous`](SqliteSessionStoreBuilder::synchronous) chooses.
/// - Sessions whose time is over are never served. Their rows go when they are cleaned up: start
///   [`start_cleanup`](Self::start_cleanup) once.
/// - Of session keys only ids and digests of secrets are stored, so the file opens no session. What
///   the sessions hold is in there as plain text.
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
pub struct SqliteSessionStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    writer: Connection,
    /// None for a database in memory: there the writer reads as well.
    readers: Vec<Connection>,
    next_reader: AtomicUsize,
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

    /// Closes all connections, after the operations that are under way. Later ones fail.
    ///
    /// # Errors
    ///
    /// When the database can't be brought to rest; it is recovered when it is next opened.
    pub async fn close(&self) -> Result<(), StoreError> {
        for reader in &self.0.readers {
            reader.close().await?;
        }
        self.0.writer.close().await
    }

    fn writer(&self) -> &Connection {
        &self.0.writer
    }

    /// One reader after another.
    fn reader(&self) -> &Connection {
        let turn = self.0.next_reader.fetch_add(1, Ordering::Relaxed);
        let index = turn.checked_rem(self.0.readers.len()).unwrap_or_default();
        self.0.readers.get(index).unwrap_or(&self.0.writer)
    }

    /// When a record that may be kept for `ttl` ends.
    fn ends_at(&self, ttl: Duration) -> i64 {
        as_integer(self.0.clock.now().saturating_add(ttl))
    }

    fn now(&self) -> i64 {
        as_integer(self.0.clock.now())
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
                secret     = iif(version = ?4, ?5, secret),
                expires_at = iif(version = ?4, ?6, expires_at),
                record     = iif(version = ?4, ?7, record),
                version    = iif(version = ?4, ?8, version)
            WHERE slot = ?9 AND id = ?1 AND secret = ?2 AND expires_at > ?3
            RETURNING version";
        let new_version = Version::drawn();
        let mut writer = self.writer().acquire().await?;
        // To the last row, though there is but one: the change is made only when SQLite says that
        // there are no more, and that is when it can still fail.
        let rows = sqlx::query(SWAP)
            .bind(key.id())
            .bind(key.secret_digest())
            .bind(self.now())
            .bind(version.get().cast_signed())
            .bind(new_key.secret_digest())
            .bind(self.ends_at(ttl))
            .bind(record.encode())
            .bind(new_version.get().cast_signed())
            .bind(slot_of(key.id()))
            .fetch_all(&mut *writer)
            .await
            .map_err(error::failed)?;
        let Some(row) = rows.first() else {
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

fn as_integer(timestamp: Timestamp) -> i64 {
    i64::try_from(timestamp.as_unix_millis()).unwrap_or(i64::MAX)
}

impl SessionStore for SqliteSessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        const LOAD: &str = "
            SELECT version, record FROM sessile_sessions
            WHERE slot = ?4 AND id = ?1 AND secret = ?2 AND expires_at > ?3";
        let mut reader = self.reader().acquire().await?;
        let row = sqlx::query(LOAD)
            .bind(key.id())
            .bind(key.secret_digest())
            .bind(self.now())
            .bind(slot_of(key.id()))
            .fetch_optional(&mut *reader)
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
            INSERT INTO sessile_sessions (slot, id, secret, version, expires_at, record)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            ON CONFLICT (slot) DO NOTHING";
        let mut writer = self.writer().acquire().await?;
        loop {
            let key = generate_session_key();
            let version = Version::drawn();
            let created = sqlx::query(CREATE)
                .bind(slot_of(key.id()))
                .bind(key.id())
                .bind(key.secret_digest())
                .bind(version.get().cast_signed())
                .bind(self.ends_at(ttl))
                .bind(record.encode())
                .execute(&mut *writer)
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
        self.swap((key, version), key.renewed(), record, ttl).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let mut writer = self.writer().acquire().await?;
        sqlx::query("DELETE FROM sessile_sessions WHERE slot = ?1 AND id = ?2")
            .bind(slot_of(key.id()))
            .bind(key.id())
            .execute(&mut *writer)
            .await
            .map_err(error::failed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
