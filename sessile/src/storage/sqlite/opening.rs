//! Opening the connections of a database.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{
    SqliteSynchronous,
    error::{self, Failure, Problem},
    location::{CREATE, Location, READ_WRITE},
    schema,
};

/// How the connections of a database are opened.
#[derive(Debug)]
pub(super) struct Options {
    pub(super) location: Location,
    pub(super) synchronous: SqliteSynchronous,
    pub(super) busy_timeout: Duration,
    /// The number of connections that read.
    pub(super) readers: usize,
}

/// The largest size of a write-ahead log that is not in use, in bytes.
const LOG_BYTES: i64 = 8 << 20;

impl Options {
    /// A connection that writes, after it has made the tables.
    ///
    /// Also fails for a database that can't be written to. Otherwise the first sign-in would fail.
    pub(super) fn writer(&self) -> Result<Connection, Failure> {
        let flags = match self.location {
            Location::Memory => CREATE,
            Location::File { flags, .. } => flags,
        };
        let mut connection = self.connect(flags)?;
        self.set_up(&connection)?;
        schema::prepare(&mut connection)?;
        Ok(connection)
    }

    /// A connection that reads a file that is there.
    ///
    /// It reads at once, because SQLite opens the log by its path then. Later, another log could be there.
    pub(super) fn reader(&self) -> Result<Connection, Failure> {
        let connection = self.existing()?;
        number(&connection, "PRAGMA schema_version")?;
        Ok(connection)
    }

    /// Fails if another process has the file open. Otherwise, deletes the log and its index.
    pub(super) fn check_alone(&self) -> Result<(), Failure> {
        let connection = self.existing()?;
        let locked = connection
            .pragma_update(None, "locking_mode", "EXCLUSIVE")
            .and_then(|()| connection.pragma_update(None, "journal_mode", "DELETE"));
        locked.map_err(|error| match error::is_busy(&error) {
            true => Problem::HeldByOthers.into(),
            false => error.into(),
        })
    }

    /// A connection to a file that is there. The locks of a connection that reads need the right to write.
    fn existing(&self) -> rusqlite::Result<Connection> {
        self.connect(READ_WRITE)
    }

    /// A connection that never waits for a lock: see `retry_while_busy` in [`writer`](super::writer).
    fn connect(&self, flags: OpenFlags) -> rusqlite::Result<Connection> {
        let flags = flags | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = match self.location.path() {
            Some(path) => Connection::open_with_flags(path, flags),
            None => Connection::open_in_memory_with_flags(flags),
        }?;
        connection.busy_timeout(Duration::ZERO)?;
        Ok(connection)
    }

    fn set_up(&self, connection: &Connection) -> Result<(), Failure> {
        let is_new = number(connection, "PRAGMA page_count")? == 0;
        if is_new {
            // Clean-up then can make the file smaller. The setting is in the file, and only a new one takes it.
            connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
        }
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        if mode != "wal" && self.location != Location::Memory {
            return Err(Problem::NoLog.into());
        }
        connection.pragma_update(None, "synchronous", self.synchronous.name())?;
        let limit = "journal_size_limit";
        connection.pragma_update_and_check(None, limit, LOG_BYTES, |_| Ok(()))?;
        Ok(())
    }
}

fn number(connection: &Connection, query: &str) -> rusqlite::Result<i64> {
    connection.query_row(query, [], |row| row.get(0))
}
