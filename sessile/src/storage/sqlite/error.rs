//! The meaning of errors of SQLite for a session store.

use std::{error::Error, fmt, sync::Arc};

use rusqlite::ffi::ErrorCode;

use super::{StoreError, StoreErrorKind, location::Location};

/// Why an operation failed, and whether it certainly had no effect. All operations of a batch can have the
/// same one.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    problem: Arc<Problem>,
    not_sent: bool,
}

/// Its text follows the name of the database.
#[derive(Debug, thiserror::Error)]
pub(super) enum Problem {
    #[error("{}", meaning(.0).1)]
    Sqlite(#[from] rusqlite::Error),
    /// The path of the database, of its log or of the log's index leads to another file than before, or to none.
    #[error(
        "was deleted or replaced while it was open. Sessions that were stored since then may be lost. The next \
         operation opens the file that is there"
    )]
    Moved,
    /// As `Moved`, and another process still uses a log that was there.
    #[error(
        "lost its log, which another process still has open. Writes succeed again after that process has closed \
         the database"
    )]
    HeldByOthers,
    #[error(
        "can't have a write-ahead log, because its file system has no shared memory. Move it to a local disk"
    )]
    NoLog,
    /// The operation panicked, or the clock that it read.
    #[error("was not changed, because the operation panicked")]
    Panicked,
    /// A later version of this crate made the tables.
    #[error("has version {found} of sessile's schema, and this version of sessile knows {known}")]
    NewerSchema { found: i64, known: i64 },
}

impl Problem {
    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::Sqlite(error) => meaning(error).0,
            Self::Moved | Self::HeldByOthers | Self::Panicked => StoreErrorKind::Unavailable,
            Self::NoLog | Self::NewerSchema { .. } => StoreErrorKind::Incompatible,
        }
    }
}

impl Failure {
    /// A transaction that could not be committed. An error of the disk leaves its outcome open.
    pub(super) fn of_commit(error: rusqlite::Error) -> Self {
        let not_sent = code_of(&error).is_some_and(is_refusal);
        Self {
            problem: Arc::new(Problem::Sqlite(error)),
            not_sent,
        }
    }

    /// Whether the operation had no effect and never will.
    pub(super) fn is_certain(&self) -> bool {
        self.not_sent
    }

    pub(super) fn is_busy(&self) -> bool {
        matches!(&*self.problem, Problem::Sqlite(error) if is_busy(error))
    }

    pub(super) fn into_error(self, location: &Location) -> StoreError {
        let described = DatabaseError {
            text: format!("{location} {}", self.problem),
            problem: Arc::clone(&self.problem),
        };
        let error = StoreError::new(self.problem.kind(), described);
        match self.not_sent {
            true => error.not_sent(),
            false => error,
        }
    }
}

/// Whether another connection holds the database locked.
pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    code_of(error) == Some(ErrorCode::DatabaseBusy)
}

/// The primary result code (<https://www.sqlite.org/rescode.html>).
fn code_of(error: &rusqlite::Error) -> Option<ErrorCode> {
    match error {
        rusqlite::Error::SqliteFailure(error, _) | rusqlite::Error::SqlInputError { error, .. } => {
            Some(error.code)
        }
        _ => None,
    }
}

/// The error of an operation that no connection is left for.
pub(super) fn closed() -> StoreError {
    let closed = "the database was closed, or its thread has ended";
    StoreError::new(StoreErrorKind::Unavailable, closed).not_sent()
}

/// The error of an operation that the thread did not answer.
pub(super) fn unanswered() -> StoreError {
    let ended = "the thread of the database ended before it answered";
    StoreError::new(StoreErrorKind::Unavailable, ended)
}

/// The failure of an operation that was refused, or whose transaction was not committed.
impl From<Problem> for Failure {
    fn from(problem: Problem) -> Self {
        Self {
            problem: Arc::new(problem),
            not_sent: true,
        }
    }
}

/// As for a [`Problem`].
impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Problem::from(error).into()
    }
}

/// A problem with a database, and what to do about it.
#[derive(Debug)]
struct DatabaseError {
    text: String,
    problem: Arc<Problem>,
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Error for DatabaseError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.problem.source()
    }
}

/// The kind of an error of SQLite, and a text that follows the name of the database.
fn meaning(error: &rusqlite::Error) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Corrupt, Denied, Incompatible, Misconfigured, TooLarge, Unavailable};

    let Some(code) = code_of(error) else {
        return match error {
            rusqlite::Error::NulError(_) => {
                (Misconfigured, "can't be opened: its path has a zero byte")
            }
            rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..) => {
                (Corrupt, "has a row whose columns have other types")
            }
            _ => (Unavailable, "failed"),
        };
    };
    match code {
        ErrorCode::ReadOnly
        | ErrorCode::PermissionDenied
        | ErrorCode::AuthorizationForStatementDenied => (
            Denied,
            "is read-only. The process needs the right to write to the file and to its folder",
        ),
        ErrorCode::TooBig => (TooLarge, "has no room for a record of this size"),
        ErrorCode::DatabaseCorrupt => (
            Incompatible,
            "is damaged. Restore it from a backup, or stop all servers that use it and delete it",
        ),
        ErrorCode::NotADatabase => (
            Incompatible,
            "is not an SQLite database. Pass the path of another file",
        ),
        // SQLITE_ERROR: no such column, for example.
        ErrorCode::Unknown => (
            Incompatible,
            "does not have the tables and columns that sessile made. Restore them, or drop the tables \
             whose names begin with sessile_",
        ),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (
            Unavailable,
            "is locked by another connection. If that is a long transaction, end it",
        ),
        ErrorCode::DiskFull => (
            Unavailable,
            "can't grow, because its disk is full. Writes succeed again as soon as there is room",
        ),
        ErrorCode::SystemIoFailure => (Unavailable, "can't be accessed, because its disk failed"),
        ErrorCode::CannotOpen => (
            Unavailable,
            "can't be opened. Its folder has to exist, and the process needs the right to use both",
        ),
        _ => (Unavailable, "failed"),
    }
}

/// Whether SQLite reports this code only for a transaction that it has not executed, or has undone as a
/// whole. An error of the disk is not among them: it may hit a change that is in the log already.
fn is_refusal(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::Unknown
            | ErrorCode::PermissionDenied
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::ReadOnly
            | ErrorCode::DiskFull
            | ErrorCode::TooBig
            | ErrorCode::ConstraintViolation
            | ErrorCode::AuthorizationForStatementDenied
            | ErrorCode::NotADatabase
    )
}
