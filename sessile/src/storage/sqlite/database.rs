//! [`Database`]: the connections of a database, and whether its file is still there.

use std::{sync::Arc, time::Duration};

use rusqlite::{Connection, config::DbConfig};

use super::{
    error::{Failure, Problem},
    files::Files,
    location::Location,
    opening::Options,
    readers::Readers,
};
use crate::clock::Timestamp;

/// How often the database looks whether its file is still there.
pub(super) const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// The connections of a database, as the thread that writes has them.
pub(super) struct Database {
    pub(super) options: Arc<Options>,
    pub(super) readers: Arc<Readers>,
    /// `None` before it is opened for the first time, and after the file was found to be another one.
    opened: Option<Opened>,
    /// The files that were closed because some of them were deleted or replaced. Another process may still have
    /// them open.
    left: Option<Files>,
}

struct Opened {
    connection: Connection,
    /// None for a database in memory.
    files: Option<Files>,
    checked_at: Timestamp,
}

impl Database {
    pub(super) fn new(options: Arc<Options>) -> Self {
        let readers = match options.location {
            Location::Memory => 0,
            Location::File { .. } => options.readers,
        };
        Self {
            options,
            readers: Arc::new(Readers::new(readers)),
            opened: None,
            left: None,
        }
    }

    /// The connection that writes. Opens the database if it is not open.
    ///
    /// Fails if the file was deleted or replaced: SQLite would go on to write to a file that no path leads
    /// to. The next call opens the file that is there.
    pub(super) fn connection(&mut self, now: Timestamp) -> Result<&Connection, Failure> {
        let mut opened = match self.opened.take() {
            Some(opened) => opened,
            None => self.open(now)?,
        };
        if opened.was_moved(now) {
            self.leave(opened);
            return Err(Problem::Moved.into());
        }
        Ok(&self.opened.insert(opened).connection)
    }

    fn open(&mut self, now: Timestamp) -> Result<Opened, Failure> {
        if let Some(left) = &self.left {
            left.delete_what_is_left();
            // Other processes go on to use a log that was deleted. One that makes a new log was alone before.
            if !left.database_was_moved() && !left.another_log_is_there() {
                self.options.check_alone()?;
            }
        }
        let connection = self.options.writer()?;
        self.readers.open(|| self.options.reader())?;
        self.left = None;
        Ok(Opened {
            connection,
            files: self.options.location.path().map(Files::of),
            checked_at: now,
        })
    }

    /// Closes all connections, each after the operation that is in progress.
    pub(super) fn close(&mut self) -> Result<(), Failure> {
        self.readers.close();
        let Some(opened) = self.opened.take() else {
            return Ok(());
        };
        if opened.files.as_ref().is_some_and(Files::were_moved) {
            self.leave(opened);
            return Err(Problem::Moved.into());
        }
        let closed = opened.connection.close();
        closed.map_err(|(_, error)| error.into())
    }

    /// Closes the connections to files that were deleted or replaced.
    fn leave(&mut self, opened: Opened) {
        self.readers.close();
        let Opened {
            connection, files, ..
        } = opened;
        // No path may lead to the log any more.
        let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
        if files.as_ref().is_some_and(Files::another_log_is_there) {
            // The last connection to close deletes the log by its path, but that one belongs to another process.
            let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        }
        drop(connection);
        files.as_ref().inspect(|files| files.delete_what_is_left());
        self.left = files;
    }
}

impl Opened {
    /// Whether the files were deleted or replaced. Looks at them once per interval.
    fn was_moved(&mut self, now: Timestamp) -> bool {
        let Some(files) = &self.files else {
            return false;
        };
        let since = now.saturating_duration_since(self.checked_at);
        if since < CHECK_INTERVAL && now >= self.checked_at {
            return false;
        }
        self.checked_at = now;
        files.were_moved()
    }
}
