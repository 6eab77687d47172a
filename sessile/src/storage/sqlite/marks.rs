//! Marks: the sessions of a subject, or of all, that ended together.
//!
//! A mark is written in the same transaction that deletes the sessions it ends, and a later write of such a session is
//! refused. So no row is there that a mark has ended, and nothing that only reads looks for one.

use rusqlite::{Connection, params};

use super::{
    SqliteSessionStore, StoreError, SubjectDigest,
    iteration::following,
    statements::{Id, Write, atomically, slot_of},
    subjects::id_of,
};
use crate::{
    clock::Timestamp,
    storage::{
        EndOutcome,
        sql::{MARK_KEPT, column_millis, from_column_millis},
    },
};

/// Binds the id as ?1, the subject as ?2, and the time of the sign-in as ?3. The mark of all subjects has an empty one.
const HAS_ENDED: &str = "
    SELECT EXISTS (
        SELECT 1 FROM sessile_marks
        WHERE subject IN (?2, x'') AND at >= ?3 AND exempt IS NOT ?1
    )";

/// Binds the slot and the id as ?1 and ?2, and the time as ?3.
const IS_LISTED: &str = "
    SELECT EXISTS (
        SELECT 1 FROM sessile_sessions WHERE slot = ?1 AND id = ?2 AND expires_at > ?3
    )";

/// Binds the subject as ?1, the time as ?2, and the id as ?3.
const IS_LIVE: &str = "
    SELECT EXISTS (
        SELECT 1 FROM sessile_sessions WHERE subject = ?1 AND expires_at > ?2 AND id = ?3
    )";

/// Binds the subject as ?1, the time as ?2, the id of the exempt session as ?3, and the end of the mark as ?4.
const MARK: &str = "
    INSERT INTO sessile_marks (subject, at, exempt, expires_at)
    VALUES (
        ?1, max(?2, coalesce((SELECT max(signed_in_at) FROM sessile_sessions WHERE subject = ?1), ?2)), ?3, ?4
    )
    ON CONFLICT (subject) DO UPDATE SET
        at = max(at, excluded.at), exempt = excluded.exempt, expires_at = excluded.expires_at
    RETURNING at";

/// As [`MARK`], for all subjects.
const MARK_EVERYTHING: &str = "
    INSERT INTO sessile_marks (subject, at, expires_at)
    VALUES (x'', max(?1, coalesce((SELECT max(signed_in_at) FROM sessile_sessions WHERE subject IS NOT NULL), ?1)), ?2)
    ON CONFLICT (subject) DO UPDATE SET at = max(at, excluded.at), expires_at = excluded.expires_at
    RETURNING at";

/// Binds the subject as ?1, and the id of the exempt session as ?2.
const DELETE_MARKED: &str = "
    DELETE FROM sessile_sessions WHERE subject = ?1 AND id IS NOT ?2 RETURNING id, expires_at";

/// Binds the time of the mark as ?1. The entries of a revocation list signed in later.
const DELETE_SESSIONS: &str =
    "DELETE FROM sessile_sessions WHERE (signed_in_at <= ?1) IS NOT FALSE";

/// Without a condition, SQLite frees the pages of the table as a whole.
const DELETE_EVERYTHING: &str = "DELETE FROM sessile_sessions";

/// How many rows a step deletes. Other writes of this process wait for one step at most.
const DELETED_AT_ONCE: u32 = 500;

/// Binds the first slot as ?1, and the number of rows as ?2.
const LAST_OF_STEP: &str = "
    SELECT max(slot) FROM (
        SELECT slot FROM sessile_sessions WHERE slot >= ?1 ORDER BY slot LIMIT ?2
    )";

/// As [`DELETE_SESSIONS`], for the slots from ?1 to ?2, with the time as ?3; without a time, all sessions.
const DELETE_STEP: &str = "
    DELETE FROM sessile_sessions
    WHERE slot BETWEEN ?1 AND ?2 AND (signed_in_at <= ?3) IS NOT FALSE";

/// Whether a mark has ended the session that is written.
pub(super) fn has_ended(connection: &Connection, write: &Write) -> rusqlite::Result<bool> {
    match (&write.subject, write.signed_in_at) {
        (Some(subject), Some(at)) => is_marked(connection, &write.id, Some(subject), at),
        _ => Ok(false),
    }
}

fn is_marked(
    connection: &Connection,
    id: &Id,
    subject: Option<&SubjectDigest>,
    since: Timestamp,
) -> rusqlite::Result<bool> {
    let subject = subject.map(SubjectDigest::as_bytes);
    let mut has_ended = connection.prepare_cached(HAS_ENDED)?;
    has_ended.query_one(params![id, subject, column_millis(since)], |row| row.get(0))
}

/// Whether a session that is not stored has ended.
pub(super) fn is_revoked(
    connection: &Connection,
    now: Timestamp,
    id: &Id,
    subject: Option<&SubjectDigest>,
    since: Timestamp,
) -> rusqlite::Result<bool> {
    let mut is_listed = connection.prepare_cached(IS_LISTED)?;
    let is_listed: bool = is_listed
        .query_one(params![slot_of(id), id, column_millis(now)], |row| {
            row.get(0)
        })?;
    Ok(is_listed || is_marked(connection, id, subject, since)?)
}

/// Writes the mark of a subject at the time `at` or later, and deletes the sessions that it ends.
pub(super) fn end_subject(
    connection: &Connection,
    now: Timestamp,
    subject: &SubjectDigest,
    at: Timestamp,
    kept: Option<Id>,
) -> rusqlite::Result<EndOutcome> {
    let subject = subject.as_bytes();
    if kept.is_some() {
        let mut is_live = connection.prepare_cached(IS_LIVE)?;
        let is_live =
            is_live.query_one(params![subject, column_millis(now), kept], |row| row.get(0));
        if !is_live? {
            return Ok(EndOutcome::KeptHasEnded);
        }
    }
    let expires_at = now.saturating_add(MARK_KEPT);
    atomically(connection, || {
        let at = connection.prepare_cached(MARK)?.query_one(
            params![subject, column_millis(at), kept, column_millis(expires_at)],
            |row| row.get(0),
        )?;
        let mut delete = connection.prepare_cached(DELETE_MARKED)?;
        let mut rows = delete.query(params![subject, kept])?;
        let mut ids = Vec::new();
        while let Some(row) = rows.next()? {
            let is_live = row.get::<_, i64>("expires_at")? > column_millis(now);
            if is_live {
                ids.push(id_of(row)?);
            }
        }
        let at = from_column_millis(at);
        Ok(EndOutcome::Ended { at, ids })
    })
}

/// Writes the mark of all subjects at the time `at` or later, and deletes all sessions.
pub(super) fn end_everything(
    connection: &Connection,
    now: Timestamp,
    at: Timestamp,
) -> rusqlite::Result<Timestamp> {
    let expires_at = now.saturating_add(MARK_KEPT);
    atomically(connection, || {
        let mut mark = connection.prepare_cached(MARK_EVERYTHING)?;
        let at = mark.query_one([column_millis(at), column_millis(expires_at)], |row| {
            row.get(0)
        })?;
        connection.prepare_cached(DELETE_SESSIONS)?.execute([at])?;
        Ok(from_column_millis(at))
    })
}

impl SqliteSessionStore {
    /// Deletes the sessions of guests and those that signed in until a time, or all without a time. It does so in steps: sessions
    /// that are stored between two steps may remain.
    pub(super) async fn delete_in_steps(&self, until: Option<Timestamp>) -> Result<(), StoreError> {
        let mut next = Some(i64::MIN);
        while let Some(from) = next {
            let step = move |connection: &_, _| delete_some(connection, from, until);
            next = self.0.queue.execute(step).await?;
        }
        Ok(())
    }
}

/// One step of [`delete_in_steps`](SqliteSessionStore::delete_in_steps). Returns the slot where the next one begins.
pub(super) fn delete_some(
    connection: &Connection,
    from: i64,
    until: Option<Timestamp>,
) -> rusqlite::Result<Option<i64>> {
    let mut last = connection.prepare_cached(LAST_OF_STEP)?;
    let last: Option<i64> = last.query_one(params![from, DELETED_AT_ONCE], |row| row.get(0))?;
    let Some(last) = last else {
        return Ok(None);
    };
    let mut delete = connection.prepare_cached(DELETE_STEP)?;
    delete.execute(params![from, last, until.map(column_millis)])?;
    Ok(following(last))
}

/// Deletes all sessions.
pub(super) fn clear(connection: &Connection) -> rusqlite::Result<()> {
    connection.prepare_cached(DELETE_EVERYTHING)?.execute([])?;
    Ok(())
}
