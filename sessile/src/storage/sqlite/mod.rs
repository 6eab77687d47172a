//! [`SqliteSessionStore`]: sessions in an SQLite database, in a file or in memory.
//!
//! - **A read runs in the thread of the caller** ([`readers`]). In WAL mode no write locks it out, so it takes 3 µs. A
//!   thread that reads for the callers would double that by its wake-ups.
//! - **One thread writes** ([`writer`]). It takes what is queued, at most 256 operations, and answers after the commit.
//!   After it wakes up, the thread yields, so that a worker on the same core continues and its next writes join the
//!   transaction. In the benchmark, most changes share a transaction then.
//! - **An operation that fails fails alone.** If its statement fails, SQLite undoes that statement. If the
//!   transaction is undone or can't be committed, the thread executes each operation of the batch in a transaction of
//!   its own. A commit that fails by an error of the disk leaves the outcome open, so nothing is executed again.
//! - **Only the thread that writes waits for a lock**, and only while a caller waits. A read that finds the database
//!   locked goes to that thread.
//! - **A file can be deleted while it is open** ([`database`], [`files`]). SQLite does not notice this in WAL mode.
//! - **No row is there that a mark has ended** ([`marks`]), so no read looks for a mark.
//! - **Disk space** ([`cleanup`]): a new database has `auto_vacuum = INCREMENTAL`, which costs an update nothing.
//! - Neither a larger page cache nor `mmap_size` gains enough. `mmap_size` also turns an error of the disk into a crash
//!   of the process.

mod builder;
mod cleanup;
mod database;
mod error;
mod files;
mod iteration;
mod location;
mod marks;
mod opening;
mod queue;
mod readers;
mod schema;
mod statements;
mod subjects;
mod writer;

use std::{sync::Arc, time::Duration};

use super::{
    CleanupTask, CreateOutcome, EndReporter, Freshness, Loaded, Refusal, SessionId, SessionStore,
    SignInOutcome, SignInWrite, StoreError, StoreErrorKind, SubjectDigest, UpdateOutcome, Version,
    sql::CleanupReminder,
};
use crate::{clock::SharedClock, record::Record};

pub use self::builder::{SqliteSessionStoreBuilder, SqliteSynchronous};
use self::{
    error::Failure,
    opening::Options,
    queue::{DatabaseCall, Queue},
    readers::Readers,
    statements::{Write, delete, load, store},
};

/// Keeps sessions in an SQLite database. SQLite itself is compiled in.
///
/// It is for one server with a disk, or several processes on that server. Clones share the connections.
///
/// - The database is in WAL mode, so reads never wait for writes. A load reads at once, in the thread of the
///   caller. One thread writes: it commits the writes that are queued as one transaction, then answers them.
/// - Acknowledged writes survive the end of the process, however abrupt. After a loss of power, the last writes may be
///   missing, because writes do not wait for the disk: [`synchronous`](SqliteSessionStoreBuilder::synchronous) changes
///   that.
/// - Expired sessions are never served. Clean-up deletes their rows, and makes the file smaller if most of it
///   is free: call [`start_cleanup`](Self::start_cleanup) once.
/// - A reader of the file can't open a session, because the file has only ids and digests of secrets. The values of
///   the sessions are plain text. The process's umask decides about the permissions of the file, so restrict access to
///   its folder.
/// - The application may have its own tables in the file; those of the store begin with `sessile_`. A library that
///   opens the file in the same process must share this crate's copy of SQLite (`libsqlite3-sys`), as `sqlx`,
///   `diesel` and `sea-orm` do.
///
/// # If the disk fails
///
/// - If the disk is full, writes fail and lose nothing. They succeed again as soon as there is room.
/// - If the disk hangs, a thread that reads an uncached page hangs too. Writes wait in the queue, and their requests
///   time out.
/// - If the file, its `-wal` or its `-shm` is deleted or replaced while the database is open, SQLite continues to use
///   the old files. On Unix, the store checks the files once a second while it is in use. If they have changed, the
///   next write fails with an error that says so. If only reads run, the error is logged. The next operation opens the
///   file at the path, or creates it. Sessions stored since the change may be lost.
/// - If only `-wal` or `-shm` was deleted, all operations fail until every other process has closed the database.
///   Servers that use this crate close it when they next check.
/// - The store does not notice if the content of the file is overwritten. To restore a backup, stop all servers first.
///   To back up an open database, use `VACUUM INTO` or SQLite's backup API: a copy of the file alone misses what is in
///   `-wal`.
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
#[derive(Clone)]
pub struct SqliteSessionStore(Arc<Inner>);

struct Inner {
    options: Arc<Options>,
    queue: Queue,
    readers: Arc<Readers>,
    clock: SharedClock,
    reminder: CleanupReminder,
    end_reporter: EndReporter,
}

impl SqliteSessionStore {
    /// Opens the database at `location` with all settings at their defaults, and creates it if it is
    /// missing.
    ///
    /// `location` is one of these:
    ///
    /// - a path, such as `sessions.db`
    /// - an address, such as `sqlite:sessions.db` or `sqlite://sessions.db?mode=rw`. The path may be
    ///   percent-encoded. The mode is `rwc` by default; `rw` does not create a missing file.
    /// - a [URI of SQLite](https://www.sqlite.org/uri.html), such as `file:sessions.db?mode=rw`
    /// - `:memory:` for a database in memory, which belongs to one store and its clones. `sqlite::memory:`,
    ///   `file::memory:` and `?mode=memory` mean the same, with or without `cache=shared`.
    ///
    /// # Errors
    ///
    /// - [`Misconfigured`](StoreErrorKind::Misconfigured) for an invalid address, or one with an unknown
    ///   parameter
    /// - [`Denied`](StoreErrorKind::Denied) for a database that can't be written to, such as one with
    ///   `mode=ro`
    /// - [`Incompatible`](StoreErrorKind::Incompatible) for a file that is damaged, is no database, is on a file
    ///   system without shared memory, or has a schema that is newer than this version of the crate
    /// - [`Unavailable`](StoreErrorKind::Unavailable) for a database that is locked or can't be opened
    pub async fn new(location: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(location).build().await
    }

    /// Opens the database at `location` with settings of your own.
    pub fn builder(location: impl Into<String>) -> SqliteSessionStoreBuilder {
        SqliteSessionStoreBuilder::new(location.into())
    }

    /// Executes an operation that only reads, at once if no other process locks it out.
    async fn read<T: Send + 'static>(
        &self,
        operation: impl DatabaseCall<T>,
    ) -> Result<T, StoreError> {
        let now = self.0.clock.now();
        self.0.queue.check_files(now);
        match self.0.readers.with(|reader| operation(reader, now)) {
            Some(Ok(outcome)) => Ok(outcome),
            // A write never locks out a read. Another process can, for example while it recovers the log.
            Some(Err(error)) if !error::is_busy(&error) => {
                Err(Failure::from(error).into_error(&self.0.options.location))
            }
            _ => self.0.queue.execute(operation).await,
        }
    }

    async fn store(&self, write: &SignInWrite<'_>) -> Result<SignInOutcome, StoreError> {
        let write = Write::new(write);
        let store = move |connection: &_, now| store(connection, now, &write);
        self.0.queue.execute(store).await
    }
}

impl SessionStore for SqliteSessionStore {
    async fn load(
        &self,
        id: &SessionId,
        _subject: Option<&SubjectDigest>,
        _freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        let id = *id.as_bytes();
        self.read(move |connection, now| load(connection, now, &id))
            .await?
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        let now = self.0.clock.now().as_unix_millis();
        self.0.reminder.created(Duration::from_millis(now));
        let write = SignInWrite::create(id, record, version, ttl);
        Ok(self.store(&write).await?.into())
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let write = SignInWrite::update(id, expected, record, version, ttl);
        Ok(self.store(&write).await?.into())
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        let id = *id.as_bytes();
        let delete = move |connection: &_, _| delete(connection, &id);
        self.0.queue.execute(delete).await
    }

    fn end_reporter(&self) -> Option<&EndReporter> {
        Some(&self.0.end_reporter)
    }
}

crate::debug::opaque!(SqliteSessionStore);

#[cfg(test)]
mod tests;
