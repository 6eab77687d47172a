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

#[derive(Debug)]
pub(super) enum Problem {
    Sqlite(rusqlite::Error),
    /// The path of the database, of its log or of the log's index leads to another file than before, or to none.
    Moved,
    /// As `Moved`, and another process still uses a log that was there.
    HeldByOthers,
    /// The database can't have a write-ahead log.
    NoLog,
    /// The operation panicked, or the clock that it read.
    Panicked,
    /// A later version of this crate made the tables.
    NewerSchema {
        found: i64,
        known: i64,
    },
}

impl Failure {
    /// An operation that was refused, or whose transaction was not committed.
    pub(super) fn not_sent(problem: impl Into<Problem>) -> Self {
        Self {
            problem: Arc::new(problem.into()),
            not_sent: true,
        }
    }

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
        let (kind, what) = self.problem.meaning();
        let described = DatabaseError {
            text: format!("{location} {what}"),
            problem: self.problem,
        };
        let error = StoreError::new(kind, described);
        if self.not_sent {
            error.not_sent()
        } else {
            error
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
        match &*self.problem {
            Problem::Sqlite(error) => Some(error),
            _ => None,
        }
    }
}

impl Problem {
    /// Its kind, and a text that follows the name of the database.
    fn meaning(&self) -> (StoreErrorKind, String) {
        use StoreErrorKind::{Corrupt, Incompatible, Misconfigured, Unavailable};

        let (kind, text) = match self {
            Self::Sqlite(error) => match (error, code_of(error)) {
                (_, Some(code)) => meaning_of(code),
                (rusqlite::Error::NulError(_), _) => {
                    (Misconfigured, "can't be opened: its path has a zero byte")
                }
                (
                    rusqlite::Error::InvalidColumnType(..)
                    | rusqlite::Error::FromSqlConversionFailure(..),
                    _,
                ) => (Corrupt, "has a row whose columns have other types"),
                _ => (Unavailable, "failed"),
            },
            Self::Moved => (
                Unavailable,
                "was deleted or replaced while it was open. Sessions that were stored since then \
                 may be lost. The next operation opens the file that is there",
            ),
            Self::HeldByOthers => (
                Unavailable,
                "lost its log, which another process still has open. Writes succeed again after that \
                 process has closed the database",
            ),
            Self::NoLog => (
                Incompatible,
                "can't have a write-ahead log, because its file system has no shared memory. \
                 Move it to a local disk",
            ),
            Self::Panicked => (
                Unavailable,
                "was not changed, because the operation panicked",
            ),
            Self::NewerSchema { found, known } => {
                let text = format!(
                    "has version {found} of sessile's schema, and this version of sessile knows {known}"
                );
                return (Incompatible, text);
            }
        };
        (kind, text.to_owned())
    }
}

impl From<rusqlite::Error> for Problem {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// The kind of this code, and a text that follows the name of the database.
fn meaning_of(code: ErrorCode) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Denied, Incompatible, TooLarge, Unavailable};

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
