//! [`SqliteSessionStore`]: sessions in an SQLite database, in a file or in memory.

mod builder;
mod cleanup;
mod connection;
mod error;
mod schema;
mod statements;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use sqlx::Row as _;

use super::{
    CleanupTask, CreateOutcome, Freshness, Loaded, SessionId, SessionStore, StoreError,
    StoreErrorKind, SubjectDigest, UpdateOutcome, Version,
};
use crate::{
    clock::{SharedClock, Timestamp},
    record::Record,
};

pub use self::builder::SqliteSessionStoreBuilder;
use self::{
    connection::Connection,
    statements::{CREATE, DELETE, LOAD, SWAP, SWAP_INDEXED, by_id, integer, write},
};

/// Keeps sessions in an SQLite database. SQLite itself is compiled in.
///
/// For one server that has a disk, or several processes on it. Clones share the connections.
///
/// - The database is in WAL mode, so reads never wait for writes. Writes run one after another on one
///   connection.
/// - Acknowledged writes survive the end of the process, however abrupt. After a loss of power the last
///   ones may be missing, because writes don't wait for the disk:
///   [`synchronous`](SqliteSessionStoreBuilder::synchronous) changes that.
/// - Expired sessions are never served. Clean-up deletes their rows: call
///   [`start_cleanup`](Self::start_cleanup) once.
/// - Of session keys, the file has only ids and digests of secrets, which open no session. The values
///   of the sessions are in the file as plain text.
///
/// ```
/// use std::time::Duration;
/// use sessile::{clock::{Clock, SystemClock}, record::Record, storage::*};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = SqliteSessionStore::new("sqlite::memory:").await?;
/// let (id, version) = (SessionId::generate(), Version::generate());
/// let record = Record::new(SystemClock.now());
/// let minute = Duration::from_secs(60);
///
/// assert_eq!(store.create(&id, &record, version, minute).await?, CreateOutcome::Created);
/// let loaded = store.clone().load(&id, None, Freshness::Current).await?;
/// assert_eq!(loaded, Some(Loaded { record, version }));
/// # Ok::<(), StoreError>(()) }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct SqliteSessionStore(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    writer: Connection,
    /// Empty for a database in memory, where the writer reads as well.
    readers: Vec<Connection>,
    next_reader: AtomicUsize,
    clock: SharedClock,
}

impl SqliteSessionStore {
    /// Opens the database at `location` with all settings at their defaults, and creates it if it is
    /// missing.
    ///
    /// `location` is a path, or an address: `sqlite://path/to/sessions.db`, `sqlite::memory:`. An
    /// address may say `?mode=ro`, `rw` or `rwc`; by default it is `rwc`.
    ///
    /// # Errors
    ///
    /// - [`Misconfigured`](StoreErrorKind::Misconfigured) for an address that can't be parsed
    /// - [`Denied`](StoreErrorKind::Denied) for a database that can't be written to
    /// - [`Incompatible`](StoreErrorKind::Incompatible) for a file that is damaged, is no database, or
    ///   has a schema that is newer than this version of the crate
    /// - [`Unavailable`](StoreErrorKind::Unavailable) for a database that is locked or can't be opened
    pub async fn new(location: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(location).build().await
    }

    /// Opens the database at `location` with settings of your own.
    pub fn builder(location: impl Into<String>) -> SqliteSessionStoreBuilder {
        SqliteSessionStoreBuilder::new(location.into())
    }

    /// Closes all connections, after the operations that are in progress. Later operations fail.
    ///
    /// # Errors
    ///
    /// If SQLite can't write its log back to the database. It does so when the database is next opened.
    pub async fn close(&self) -> Result<(), StoreError> {
        for reader in &self.0.readers {
            reader.close().await?;
        }
        self.0.writer.close().await
    }

    fn writer(&self) -> &Connection {
        &self.0.writer
    }

    /// The connections that read. Each load uses the next one.
    fn reader(&self) -> &Connection {
        let count = self.0.next_reader.fetch_add(1, Ordering::Relaxed);
        let index = count.checked_rem(self.0.readers.len()).unwrap_or_default();
        self.0.readers.get(index).unwrap_or(&self.0.writer)
    }

    fn now(&self) -> Timestamp {
        self.0.clock.now()
    }
}

impl SessionStore for SqliteSessionStore {
    async fn load(
        &self,
        id: &SessionId,
        _subject: Option<&SubjectDigest>,
        _freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        let mut reader = self.reader().acquire().await?;
        let row = by_id(LOAD, id)
            .bind(integer(self.now()))
            .fetch_optional(&mut *reader)
            .await
            .map_err(error::failed)?;
        let Some(row) = row else {
            return Ok(None);
        };
        let version: i64 = row.try_get(0).map_err(error::corrupt)?;
        let record: Vec<u8> = row.try_get(1).map_err(error::corrupt)?;
        Ok(Some(Loaded {
            record: Record::decode(&record)?,
            version: Version::new(version.cast_unsigned()),
        }))
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        let mut writer = self.writer().acquire().await?;
        let created = write(CREATE, id, record, version, ttl, self.now())
            .execute(&mut *writer)
            .await
            .map_err(error::failed)?;
        Ok(match created.rows_affected() {
            0 => CreateOutcome::Taken,
            _ => CreateOutcome::Created,
        })
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let mut writer = self.writer().acquire().await?;
        // Each statement is a whole swap. Nearly always the first one answers.
        for statement in [SWAP, SWAP_INDEXED] {
            // All rows are fetched, though there is only one: SQLite makes the change when it reports
            // the end of the rows, and that can still fail.
            let rows = write(statement, id, record, version, ttl, self.now())
                .bind(expected.get().cast_signed())
                .fetch_all(&mut *writer)
                .await
                .map_err(error::failed)?;
            if let Some(row) = rows.first() {
                let found: i64 = row.try_get(0).map_err(error::corrupt)?;
                return Ok(match found.cast_unsigned() == version.get() {
                    true => UpdateOutcome::Updated,
                    false => UpdateOutcome::Conflict,
                });
            }
        }
        Ok(UpdateOutcome::Missing)
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        let mut writer = self.writer().acquire().await?;
        by_id(DELETE, id)
            .execute(&mut *writer)
            .await
            .map_err(error::failed)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
