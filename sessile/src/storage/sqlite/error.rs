//! What SQLite's errors mean for a session store.

use sqlx::Error;

use super::{StoreError, StoreErrorKind};

/// An operation or a connection that failed.
pub(super) fn failed(error: Error) -> StoreError {
    let code = code_of(&error);
    let kind = match (&error, code) {
        (Error::Configuration(_), _) => StoreErrorKind::Misconfigured,
        (_, Some(code)) => kind_of(code),
        (_, None) => StoreErrorKind::Unavailable,
    };
    let failed = StoreError::new(kind, error);
    match code {
        Some(code) if is_refusal(code) => failed.not_sent(),
        _ => failed,
    }
}

/// Whether another connection holds the database locked: SQLITE_BUSY.
pub(super) fn is_busy(error: &Error) -> bool {
    code_of(error) == Some(5)
}

/// A row whose columns have the wrong types.
pub(super) fn corrupt(error: Error) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, error)
}

/// The primary result code, which is the low byte (<https://www.sqlite.org/rescode.html>).
fn code_of(error: &Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

/// What a primary result code means.
fn kind_of(code: i32) -> StoreErrorKind {
    match code {
        // SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH
        3 | 8 | 23 => StoreErrorKind::Denied,
        // SQLITE_ERROR (no such column, for example), SQLITE_CORRUPT, SQLITE_NOTADB
        1 | 11 | 26 => StoreErrorKind::Incompatible,
        // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN and the others
        _ => StoreErrorKind::Unavailable,
    }
}

/// Whether SQLite reports this primary result code only for a statement that it has not executed, or
/// has undone as a whole. An error of the disk is not among them: it may hit a change that is written.
fn is_refusal(code: i32) -> bool {
    // SQLITE_ERROR, SQLITE_PERM, SQLITE_BUSY, SQLITE_LOCKED, SQLITE_READONLY, SQLITE_FULL,
    // SQLITE_TOOBIG, SQLITE_CONSTRAINT, SQLITE_AUTH, SQLITE_NOTADB
    matches!(code, 1 | 3 | 5 | 6 | 8 | 13 | 18 | 19 | 23 | 26)
}
