//! [`SqliteSessionStoreBuilder`]: opening the database.

use std::{
    io,
    str::FromStr as _,
    sync::{Arc, atomic::AtomicUsize},
    time::Duration,
};

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};

use super::{
    Inner, SqliteSessionStore, StoreError, StoreErrorKind, connection::Connection, error, schema,
};
use crate::clock::{Clock, SharedClock};

/// Sets up a [`SqliteSessionStore`].
#[derive(Debug)]
#[must_use = "nothing is opened until `build` is called"]
pub struct SqliteSessionStoreBuilder {
    location: String,
    readers: usize,
    busy_timeout: Duration,
    synchronous: SqliteSynchronous,
    clock: SharedClock,
}

impl SqliteSessionStoreBuilder {
    pub(super) fn new(location: String) -> Self {
        Self {
            location,
            readers: 4,
            busy_timeout: Duration::from_millis(500),
            synchronous: SqliteSynchronous::Normal,
            clock: SharedClock::default(),
        }
    }

    /// How many connections read at the same time. One more connection writes. A database in memory has
    /// a single connection for everything.
    ///
    /// Default: 4. At least 1.
    pub fn readers(mut self, connections: usize) -> Self {
        self.readers = connections.max(1);
        self
    }

    /// How long to wait for another process that holds the database locked, in an operation and when the
    /// database is opened.
    ///
    /// Default: 500 milliseconds. Writes wait in one queue, so a longer time than a request waits for its
    /// store only delays other requests.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// When a write is acknowledged.
    ///
    /// Default: [`SqliteSynchronous::Normal`]. The operating system has the write then, so it survives the
    /// end of the process. With [`SqliteSynchronous::Full`] the disk has it, so it survives a loss of
    /// power too. Each write then waits for the disk.
    pub fn synchronous(mut self, synchronous: SqliteSynchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// Reads the time from `clock` instead of the operating system: for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// Opens the database, and creates its tables if they are missing.
    ///
    /// # Errors
    ///
    /// As [`SqliteSessionStore::new`].
    pub async fn build(self) -> Result<SqliteSessionStore, StoreError> {
        let location = Location::of(&self.location);
        if location == Location::Path("") {
            // SQLite would open a temporary database, another one for each connection.
            let empty = io::Error::other("the path of the database is empty");
            return Err(StoreError::new(StoreErrorKind::Misconfigured, empty));
        }
        let options = location
            .options()
            .map_err(error::failed)?
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(self.synchronous)
            .busy_timeout(self.busy_timeout);
        let writer = Connection::open(&options, self.busy_timeout).await?;
        schema::prepare(&writer).await?;
        let mut readers = Vec::new();
        if location != Location::Memory {
            for _ in 0..self.readers {
                readers.push(Connection::open(&options, self.busy_timeout).await?);
            }
        }
        Ok(SqliteSessionStore(Arc::new(Inner {
            writer,
            readers,
            next_reader: AtomicUsize::new(0),
            clock: self.clock,
        })))
    }
}

/// Where a database is.
#[derive(Debug, PartialEq)]
enum Location<'a> {
    Memory,
    Path(&'a str),
    Address(&'a str),
}

impl<'a> Location<'a> {
    fn of(text: &'a str) -> Self {
        let Some(rest) = text.strip_prefix("sqlite:") else {
            return match text {
                ":memory:" => Self::Memory,
                path => Self::Path(path),
            };
        };
        let rest = rest.strip_prefix("//").unwrap_or(rest);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if path == ":memory:" || query.split('&').any(|pair| pair == "mode=memory") {
            Self::Memory
        } else if path.is_empty() {
            Self::Path(path)
        } else {
            Self::Address(text)
        }
    }

    fn options(&self) -> Result<SqliteConnectOptions, sqlx::Error> {
        match self {
            Self::Memory => SqliteConnectOptions::from_str("sqlite::memory:"),
            Self::Path(path) => Ok(SqliteConnectOptions::new()
                .filename(path)
                .create_if_missing(true)),
            Self::Address(address) => {
                let options = SqliteConnectOptions::from_str(address)?;
                let query = address.split_once('?').map_or("", |(_, query)| query);
                let says_mode = query.split('&').any(|pair| pair.starts_with("mode="));
                Ok(if says_mode {
                    options
                } else {
                    options.create_if_missing(true)
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_in_memory_only_if_it_says_so() {
        for empty in ["", "sqlite:", "sqlite://", "sqlite://?mode=rw"] {
            assert_eq!(Location::of(empty), Location::Path(""));
        }
        for text in [
            ":memory:",
            "sqlite::memory:",
            "sqlite://:memory:",
            "sqlite://x?mode=memory",
        ] {
            assert_eq!(Location::of(text), Location::Memory, "{text}");
        }
        for path in [
            "sessions.db",
            "odd:memory:name",
            "dir/mode=memory.db",
            "sqlite.db",
        ] {
            assert_eq!(Location::of(path), Location::Path(path));
        }
        for address in [
            "sqlite:x.db",
            "sqlite://mode=memory/x.db",
            "sqlite://x?cache=private",
        ] {
            assert_eq!(Location::of(address), Location::Address(address));
        }
    }
}
