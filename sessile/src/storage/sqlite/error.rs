//! What SQLite's errors mean for a session store.

use sqlx::Error;

use super::{StoreError, StoreErrorKind};

/// An operation or connection that failed.
pub(super) fn failed(error: Error) -> StoreError {
    let kind = match &error {
        Error::Database(_) => code_of(&error).map_or(StoreErrorKind::Unavailable, kind_of),
        Error::Configuration(_) => StoreErrorKind::Misconfigured,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, error)
}

/// Whether somebody else holds the database locked: SQLITE_BUSY.
pub(super) fn is_busy(error: &Error) -> bool {
    code_of(error) == Some(5)
}

/// A row that was read, and is not what a row should be.
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
        // SQLITE_ERROR (no such column, for one), SQLITE_CORRUPT, SQLITE_NOTADB
        1 | 11 | 26 => StoreErrorKind::Incompatible,
        // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN and the others
        _ => StoreErrorKind::Unavailable,
    }
}
