//! The statements of the four operations.

use std::time::Duration;

use sqlx::{Sqlite, query::Query, sqlite::SqliteArguments};

use super::{SessionId, Version};
use crate::{clock::Timestamp, record::Record};

/// Binds ?1 and ?2, as [`by_id`] does, and the time as ?3.
pub(super) const LOAD: &str = "
    SELECT version, record FROM sessile_sessions
    WHERE slot = ?1 AND id = ?2 AND expires_at > ?3";

/// Binds ?1 and ?2, as [`by_id`] does.
pub(super) const DELETE: &str = "DELETE FROM sessile_sessions WHERE slot = ?1 AND id = ?2";

/// Binds ?1 to ?9, as [`write`] does.
///
/// An expired row in the slot is replaced, and a live one is kept. Two ids hardly ever have the same
/// slot; if they do, the second is taken.
pub(super) const CREATE: &str = "
    INSERT INTO sessile_sessions
        (slot, id, version, due_at, expires_at, subject, signed_in_at, label, record)
    VALUES (?1, ?2, ?4, ?5, ?5, ?6, ?7, ?8, ?9)
    ON CONFLICT (slot) DO UPDATE SET
        id           = excluded.id,
        version      = excluded.version,
        due_at       = excluded.due_at,
        expires_at   = excluded.expires_at,
        subject      = excluded.subject,
        signed_in_at = excluded.signed_in_at,
        label        = excluded.label,
        record       = excluded.record
    WHERE sessile_sessions.expires_at <= ?3";

/// Binds ?1 to ?9, as [`write`] does, and the expected version as ?10.
///
/// Finds the row whatever its version is, changes it if that is the expected one, and returns the
/// version that the row has then: the new one, or another in case of a conflict. Returns nothing if
/// the row is missing.
macro_rules! swap {
    ($indexed_columns:literal, $condition:literal) => {
        concat!(
            "UPDATE sessile_sessions SET ",
            $indexed_columns,
            "   expires_at   = iif(version = ?10, ?5, expires_at),
                signed_in_at = iif(version = ?10, ?7, signed_in_at),
                record       = iif(version = ?10, ?9, record),
                version      = iif(version = ?10, ?4, version)
            WHERE slot = ?1 AND id = ?2 AND expires_at > ?3 ",
            $condition,
            "RETURNING version"
        )
    };
}

/// Swaps a record whose indexed columns stay as they are, and writes no index. Returns nothing if one
/// of them has to change: [`SWAP_INDEXED`] then does the whole swap.
///
/// SQLite writes every index on a column that the statement names, even if the column's value stays.
///
/// If a session's lifetime is shortened, `due_at` has to change only if that is by more than a minute.
/// Clocks that differ by less cost nothing this way.
pub(super) const SWAP: &str = swap!(
    "",
    "AND (
        version <> ?10
        OR (subject IS ?6 AND label IS ?8 AND due_at - 60000 <= ?5)
    ) "
);

/// Swaps any record.
pub(super) const SWAP_INDEXED: &str = swap!(
    "due_at  = iif(version = ?10, min(due_at, ?5), due_at),
     subject = iif(version = ?10, ?6, subject),
     label   = iif(version = ?10, ?8, label),",
    ""
);

type Statement = Query<'static, Sqlite, SqliteArguments>;

/// `statement` for the row of `id`.
pub(super) fn by_id(statement: &'static str, id: &SessionId) -> Statement {
    sqlx::query(statement)
        .bind(slot_of(id))
        .bind(id.as_bytes().to_vec())
}

/// `statement` for a write of `record` at `now`, to be kept for `ttl`.
pub(super) fn write(
    statement: &'static str,
    id: &SessionId,
    record: &Record,
    version: Version,
    ttl: Duration,
    now: Timestamp,
) -> Statement {
    by_id(statement, id)
        .bind(integer(now))
        .bind(version.get().cast_signed())
        .bind(integer(now.saturating_add(ttl)))
        .bind(record.subject().map(|digest| digest.as_bytes().to_vec()))
        .bind(record.signed_in_at().map(integer))
        .bind(record.label().map(str::to_owned))
        .bind(record.encode())
}

/// The number that the row of this id is found by.
fn slot_of(id: &SessionId) -> i64 {
    let mut head = [0; 8];
    head.copy_from_slice(&id.as_bytes()[..8]);
    i64::from_be_bytes(head)
}

/// A time as SQLite keeps it, at most the latest one that it can.
pub(super) fn integer(time: Timestamp) -> i64 {
    i64::try_from(time.as_unix_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_the_first_8_bytes_of_an_id() {
        let mut bytes = [0xff; 16];
        bytes[..8].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        let id = SessionId::from_bytes(bytes);
        assert_eq!(slot_of(&id), 0x0102_0304_0506_0708);
        assert_eq!(slot_of(&SessionId::from_bytes([0xff; 16])), -1);
    }

    #[test]
    fn times_are_kept_in_milliseconds() {
        assert_eq!(integer(Timestamp::from_unix_millis(7)), 7);
        assert_eq!(integer(Timestamp::MAX), i64::MAX);
    }
}
