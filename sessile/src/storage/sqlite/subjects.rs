//! The sessions of a subject.

use rusqlite::{Connection, Row, params};

use super::{
    Loaded, Refusal, SessionId, SignInOutcome, SignInWrite, SqliteSessionStore, StoreError,
    SubjectDigest,
    marks::{end_everything, end_subject, has_ended, is_revoked},
    statements::{Write, atomically, current_version, decode, delete, store},
};
use crate::{
    clock::Timestamp,
    storage::{
        EndOutcome, Kept, SessionLimit, SubjectStore,
        sql::{column_millis, readable},
    },
};

/// Binds the subject as ?1, and the time as ?2.
pub(super) const LIST: &str = "
    SELECT version, record, id FROM sessile_sessions
    WHERE subject = ?1 AND expires_at > ?2 ORDER BY signed_in_at, slot";

/// Binds the subject as ?1, the time as ?2, and the id of a session that is left out as ?3.
pub(super) const LIST_OTHERS: &str = "
    SELECT id FROM sessile_sessions
    WHERE subject = ?1 AND expires_at > ?2 AND id <> ?3 ORDER BY signed_in_at, slot";

/// Binds the label as ?1, and the time as ?2.
pub(super) const FIND_BY_LABEL: &str =
    "SELECT id FROM sessile_sessions WHERE label = ?1 AND expires_at > ?2";

impl SubjectStore for SqliteSessionStore {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        if !write.record.has_subject() {
            return Err(StoreError::without_subject());
        }
        let write = Write::new(&write);
        let sign_in = move |connection: &_, now| sign_in(connection, now, &write, limit);
        self.0.queue.execute(sign_in).await
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        let subject = *subject;
        self.read(move |connection, now| list(connection, now, &subject))
            .await
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        let label = label.to_owned();
        self.read(move |connection, now| {
            let mut statement = connection.prepare_cached(FIND_BY_LABEL)?;
            let ids = statement.query_map(params![label, column_millis(now)], id_of)?;
            ids.collect()
        })
        .await
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        let (subject, at, kept) = (*subject, now, kept.map(|kept| *kept.id.as_bytes()));
        let end = move |connection: &_, now| end_subject(connection, now, &subject, at, kept);
        self.0.queue.execute(end).await
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, subject) = (*id.as_bytes(), subject.copied());
        self.read(move |connection, now| is_revoked(connection, now, &id, subject.as_ref(), since))
            .await
    }

    /// Most sessions are deleted before the mark is written, in steps between which other requests write.
    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.delete_in_steps(Some(now)).await?;
        let end = move |connection: &_, at| end_everything(connection, at, now);
        self.0.queue.execute(end).await
    }
}

/// Stores a session that signs in, under a limit.
fn sign_in(
    connection: &Connection,
    now: Timestamp,
    write: &Write,
    limit: SessionLimit,
) -> rusqlite::Result<SignInOutcome> {
    if has_ended(connection, write)? {
        return Ok(SignInOutcome::Refused(Refusal::SubjectEnded));
    }
    let found = current_version(connection, now, &write.id)?;
    if found == Some(write.version) {
        return Ok(SignInOutcome::STORED);
    }
    if found != write.expected {
        return Ok(SignInOutcome::not_stored(write.expected, found));
    }
    let subject = write.subject.as_ref().map(SubjectDigest::as_bytes);
    let mut others = connection.prepare_cached(LIST_OTHERS)?;
    let others = others.query_map(params![subject, column_millis(now), write.id], id_of)?;
    let others: Vec<SessionId> = others.collect::<Result<_, _>>()?;
    let Some(displaced) = limit.displaced(others) else {
        return Ok(SignInOutcome::Refused(Refusal::LimitReached));
    };
    atomically(connection, || {
        // The slot may have another session.
        let outcome = store(connection, now, write)?;
        if outcome != SignInOutcome::STORED {
            return Ok(outcome);
        }
        for id in &displaced {
            delete(connection, id.as_bytes())?;
        }
        Ok(SignInOutcome::Stored { displaced })
    })
}

fn list(
    connection: &Connection,
    now: Timestamp,
    subject: &SubjectDigest,
) -> rusqlite::Result<Vec<(SessionId, Loaded)>> {
    let mut statement = connection.prepare_cached(LIST)?;
    let sessions = statement.query_map(params![subject.as_bytes(), column_millis(now)], |row| {
        Ok((id_of(row)?, decode(row)?))
    })?;
    Ok(readable(sessions.collect::<rusqlite::Result<Vec<_>>>()?))
}

/// The id in a row that has one.
pub(super) fn id_of(row: &Row<'_>) -> rusqlite::Result<SessionId> {
    row.get("id").map(SessionId::from_bytes)
}
