//! The statements of the four operations.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{
    Loaded, Refusal, SessionId, SignInOutcome, SignInWrite, StoreError, SubjectDigest, Version,
    marks::has_ended,
};
use crate::{clock::Timestamp, record::Record, storage::sql::column_millis};

/// Binds the slot and the id as ?1 and ?2, and the time as ?3.
pub(super) const LOAD: &str = "
    SELECT version, record FROM sessile_sessions
    WHERE slot = ?1 AND id = ?2 AND expires_at > ?3";

/// Binds the slot and the id as ?1 and ?2.
pub(super) const DELETE: &str = "DELETE FROM sessile_sessions WHERE slot = ?1 AND id = ?2";

/// Binds ?1 to ?9: the slot, the id, the time, the version, the end, the subject, the time of the sign-in, the label,
/// and the record.
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

/// Swaps a record whose indexed columns stay as they are, and writes no index.
///
/// Binds ?1 to ?9, as [`CREATE`] does, and the expected version as ?10. Changes nothing if the row has another version, or
/// if an indexed column has to change: SQLite writes every index on a column that a statement names, even if the column's
/// value stays.
///
/// If a session's lifetime is shortened, `due_at` has to change only if that is by more than a minute.
/// Clocks that differ by less cost nothing this way.
pub(super) const SWAP: &str = "
    UPDATE sessile_sessions SET expires_at = ?5, signed_in_at = ?7, record = ?9, version = ?4
    WHERE slot = ?1 AND id = ?2 AND expires_at > ?3 AND version = ?10
        AND subject IS ?6 AND label IS ?8 AND due_at - 60000 <= ?5";

/// Swaps any record. Binds the same as [`SWAP`].
pub(super) const SWAP_INDEXED: &str = "
    UPDATE sessile_sessions SET
        due_at = min(due_at, ?5), expires_at = ?5, subject = ?6, signed_in_at = ?7, label = ?8,
        record = ?9, version = ?4
    WHERE slot = ?1 AND id = ?2 AND expires_at > ?3 AND version = ?10";

/// Binds the slot and the id as ?1 and ?2, and the time as ?3.
pub(super) const VERSION: &str = "
    SELECT version FROM sessile_sessions WHERE slot = ?1 AND id = ?2 AND expires_at > ?3";

/// The bytes of the id of a session.
pub(super) type Id = [u8; SessionId::LEN];

/// A record as it is to be stored.
pub(super) struct Write {
    pub(super) id: Id,
    pub(super) expected: Option<Version>,
    pub(super) version: Version,
    ttl: Duration,
    pub(super) subject: Option<SubjectDigest>,
    pub(super) signed_in_at: Option<Timestamp>,
    label: Option<String>,
    text: String,
}

impl Write {
    pub(super) fn new(write: &SignInWrite<'_>) -> Self {
        let record = write.record;
        Self {
            id: *write.id.as_bytes(),
            expected: write.expected,
            version: write.version,
            ttl: write.ttl,
            subject: record.subject(),
            signed_in_at: record.signed_in_at(),
            label: record.label().map(str::to_owned),
            text: record.encode(),
        }
    }
}

/// Loads the record under an id. What can't be decoded is an error of this operation alone.
pub(super) fn load(
    connection: &Connection,
    now: Timestamp,
    id: &Id,
) -> rusqlite::Result<Result<Option<Loaded>, StoreError>> {
    let mut statement = connection.prepare_cached(LOAD)?;
    let found = statement.query_row(params![slot_of(id), id, column_millis(now)], decode);
    Ok(found.optional()?.transpose())
}

/// The record in a row that begins with its version and its text, read from SQLite's own buffer.
pub(super) fn decode(row: &Row<'_>) -> rusqlite::Result<Result<Loaded, StoreError>> {
    let version: i64 = row.get(0)?;
    let text = row.get_ref(1)?.as_bytes()?;
    Ok(match Record::decode(text) {
        Ok(record) => Ok(Loaded {
            record,
            version: Version::new(version.cast_unsigned()),
        }),
        Err(error) => Err(error.into()),
    })
}

/// Stores a record: under an id that has none, or in place of the record at the expected version.
pub(super) fn store(
    connection: &Connection,
    now: Timestamp,
    write: &Write,
) -> rusqlite::Result<SignInOutcome> {
    if has_ended(connection, write)? {
        return Ok(SignInOutcome::Refused(Refusal::SubjectEnded));
    }
    let parameters = params![
        slot_of(&write.id),
        write.id,
        column_millis(now),
        write.version.get().cast_signed(),
        column_millis(now.saturating_add(write.ttl)),
        write.subject.as_ref().map(SubjectDigest::as_bytes),
        write.signed_in_at.map(column_millis),
        write.label,
        write.text,
        write.expected.map(|expected| expected.get().cast_signed()),
    ];
    let statements = match write.expected {
        None => &[CREATE][..],
        // Nearly always the first one stores.
        Some(_) => &[SWAP, SWAP_INDEXED],
    };
    for statement in statements {
        let mut statement = connection.prepare_cached(statement)?;
        let count = statement.parameter_count();
        if statement.execute(&parameters[..count])? > 0 {
            return Ok(SignInOutcome::STORED);
        }
    }
    let found = current_version(connection, now, &write.id)?;
    Ok(match write.expected {
        Some(_) if found == Some(write.version) => SignInOutcome::STORED,
        expected => SignInOutcome::not_stored(expected, found),
    })
}

/// The version of the record under an id.
pub(super) fn current_version(
    connection: &Connection,
    now: Timestamp,
    id: &Id,
) -> rusqlite::Result<Option<Version>> {
    let mut statement = connection.prepare_cached(VERSION)?;
    let version = statement.query_row(params![slot_of(id), id, column_millis(now)], |row| {
        row.get(0)
    });
    let version: Option<i64> = version.optional()?;
    Ok(version.map(|version| Version::new(version.cast_unsigned())))
}

/// Deletes the record under an id.
pub(super) fn delete(connection: &Connection, id: &Id) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(DELETE)?;
    statement.execute(params![slot_of(id), id])?;
    Ok(())
}

/// Runs several statements, all of which are undone if one fails.
pub(super) fn atomically<T>(
    connection: &Connection,
    statements: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    let run = |statement| connection.prepare_cached(statement)?.execute([]);
    run("SAVEPOINT operation")?;
    let outcome = statements();
    if outcome.is_err() && !connection.is_autocommit() {
        run("ROLLBACK TO operation")?;
    }
    if !connection.is_autocommit() {
        run("RELEASE operation")?;
    }
    outcome
}

/// The number that the row of this id is found by.
pub(super) fn slot_of(id: &Id) -> i64 {
    let mut head = [0; 8];
    head.copy_from_slice(&id[..8]);
    i64::from_be_bytes(head)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_the_first_8_bytes_of_an_id() {
        let mut bytes = [0xff; 16];
        bytes[..8].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(slot_of(&bytes), 0x0102_0304_0506_0708);
        assert_eq!(slot_of(&[0xff; 16]), -1);
    }
}
