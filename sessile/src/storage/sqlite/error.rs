//! What SQLite's errors mean for a session store.

use sqlx::Error;

use super::{StoreError, StoreErrorKind};

/// An operation or connection that failed.
pub(super) fn failed(error: Error) -> StoreError {
    let kind = match &error {
        Error::Database(database) => database.code().map_or(StoreErrorKind::Unavailable, |code| {
            code.parse().map_or(StoreErrorKind::Unavailable, kind_of)
        }),
        Error::Configuration(_) => StoreErrorKind::Misconfigured,
        _ => StoreErrorKind::Unavailable,
    };
    StoreError::new(kind, error)
}

/// A row that was read, and is not what a row should be.
pub(super) fn corrupt(error: Error) -> StoreError {
    StoreError::new(StoreErrorKind::Corrupt, error)
}

/// The kind of a result code of SQLite, of which the low byte is the primary one
/// (<https://www.sqlite.org/rescode.html>).
fn kind_of(code: i32) -> StoreErrorKind {
    match code & 0xff {
        // SQLITE_PERM, SQLITE_READONLY, SQLITE_AUTH
        3 | 8 | 23 => StoreErrorKind::Denied,
        // SQLITE_ERROR (no such column, for one), SQLITE_CORRUPT, SQLITE_NOTADB
        1 | 11 | 26 => StoreErrorKind::Incompatible,
        // SQLITE_BUSY, SQLITE_LOCKED, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN and the others
        _ => StoreErrorKind::Unavailable,
    }
}
