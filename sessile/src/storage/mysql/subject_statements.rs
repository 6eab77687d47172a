//! The statements for MySQL and MariaDB that concern the sessions of a subject.
//!
//! A sign-in under a limit and the end of a subject's sessions are transactions that first lock the row of the subject's
//! mark. If there is none, they insert one that ends no session.

mod ending;

use std::sync::Arc;

use sqlx::{Error, MySqlConnection, Row as _, mysql::MySqlRow};

use super::{
    SessionId, SubjectDigest, Version,
    fragments::{NOW, bind_session, is_live, is_refused, query},
};
use crate::storage::sql::{Name, NewRow, Row};

/// The statements of a store that concern the sessions of a subject.
#[derive(Debug)]
pub(super) struct SubjectStatements {
    sessions: Name,
    lock: Arc<str>,
    find: Arc<str>,
    find_others: Arc<str>,
    list: Arc<str>,
    find_by_label: Arc<str>,
    find_signed_in: Arc<str>,
    mark: Arc<str>,
    latest_sign_in: Arc<str>,
    is_revoked: Arc<str>,
    mark_everything: Arc<str>,
    find_mark_of_everything: Arc<str>,
    batch: Arc<str>,
}

/// The state of the session that signs in, as the transaction finds it.
pub(super) struct FoundSession {
    /// Whether a mark has ended the session that signs in.
    pub(super) is_refused: bool,
    /// The version of the live row.
    pub(super) version: Option<Version>,
}

impl SubjectStatements {
    pub(super) fn new(sessions: &Name, marks: &Name) -> Self {
        let is_live = is_live(marks);
        let is_refused = is_refused(marks);
        Self {
            sessions: sessions.clone(),
            // The clean-up deletes a mark that ends no session.
            lock: format!(
                "INSERT INTO {marks} (subject, at, expires_at) VALUES (?, -1, {NOW})
                 ON DUPLICATE KEY UPDATE at = at"
            )
            .into(),
            find: format!(
                "SELECT {is_refused},
                     (SELECT it.version FROM {sessions} AS it WHERE it.id = ? AND {is_live})"
            )
            .into(),
            find_others: format!(
                "SELECT it.id FROM {sessions} AS it WHERE it.subject = ? AND it.id <> ? AND {is_live}
                 ORDER BY it.signed_in_at, it.id"
            )
            .into(),
            list: format!(
                "SELECT it.id, it.version, CAST(it.record AS BINARY) FROM {sessions} AS it
                 WHERE it.subject = ? AND {is_live} ORDER BY it.signed_in_at, it.id"
            )
            .into(),
            find_by_label: format!(
                "SELECT it.id FROM {sessions} AS it WHERE it.label = ? AND {is_live}"
            )
            .into(),
            find_signed_in: format!(
                "SELECT it.id, it.signed_in_at FROM {sessions} AS it
                 WHERE it.subject = ? AND {is_live}"
            )
            .into(),
            mark: format!(
                "UPDATE {marks} SET
                     at = LAST_INSERT_ID(GREATEST(at, ?)), exempt = ?, expires_at = {NOW} + ?
                 WHERE subject = ?"
            )
            .into(),
            latest_sign_in: format!(
                "SELECT MAX(signed_in_at) FROM {sessions} WHERE subject IS NOT NULL"
            )
            .into(),
            is_revoked: format!(
                "SELECT EXISTS (SELECT 1 FROM {sessions} AS it WHERE it.id = ? AND it.expires_at > {NOW})
                     OR {is_refused}"
            )
            .into(),
            mark_everything: format!(
                "INSERT INTO {marks} (subject, at, expires_at) VALUES (X'', ?, {NOW} + ?)
                 ON DUPLICATE KEY UPDATE
                     at = GREATEST(at, VALUES(at)), expires_at = VALUES(expires_at)"
            )
            .into(),
            find_mark_of_everything: format!("SELECT at FROM {marks} WHERE subject = X''").into(),
            batch: format!("SELECT id FROM {sessions} WHERE id > ? ORDER BY id LIMIT ?").into(),
        }
    }

    /// Locks the subject until the transaction ends.
    pub(super) async fn lock(
        &self,
        connection: &mut MySqlConnection,
        subject: &[u8],
    ) -> Result<(), Error> {
        let lock = query(&self.lock).bind(subject);
        lock.execute(connection).await?;
        Ok(())
    }

    pub(super) async fn find(
        &self,
        connection: &mut MySqlConnection,
        row: &NewRow<'_>,
    ) -> Result<FoundSession, Error> {
        let find = bind_session(query(&self.find), row).bind(row.id.as_bytes().as_slice());
        let rows = find.fetch_all(connection).await?;
        let found = rows.first().ok_or(Error::RowNotFound)?;
        Ok(FoundSession {
            is_refused: found.try_get(0)?,
            version: found.try_get::<Option<u64>, _>(1)?.map(Version::new),
        })
    }

    /// The ids of the other live sessions of the subject of `row`, in the order of their sign-ins.
    pub(super) async fn find_others(
        &self,
        connection: &mut MySqlConnection,
        row: &NewRow<'_>,
    ) -> Result<Vec<SessionId>, Error> {
        let find = query(&self.find_others)
            .bind(row.subject())
            .bind(row.id.as_bytes().as_slice());
        ids(&find.fetch_all(connection).await?)
    }

    pub(super) async fn list(
        &self,
        connection: &mut MySqlConnection,
        subject: &SubjectDigest,
    ) -> Result<Vec<(SessionId, Row)>, Error> {
        let list = query(&self.list).bind(subject.as_bytes().as_slice());
        let rows = list.fetch_all(connection).await?;
        rows.iter().map(session).collect()
    }

    pub(super) async fn find_by_label(
        &self,
        connection: &mut MySqlConnection,
        label: &str,
    ) -> Result<Vec<SessionId>, Error> {
        let find = query(&self.find_by_label).bind(label.as_bytes());
        ids(&find.fetch_all(connection).await?)
    }

    pub(super) async fn is_revoked(
        &self,
        connection: &mut MySqlConnection,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: i64,
    ) -> Result<bool, Error> {
        let id = id.as_bytes().as_slice();
        let question = query(&self.is_revoked)
            .bind(id)
            .bind(subject.map(|subject| subject.as_bytes().as_slice()))
            .bind(since)
            .bind(id)
            .bind(since);
        let rows = question.fetch_all(connection).await?;
        rows.first().ok_or(Error::RowNotFound)?.try_get(0)
    }

    /// The live sessions of the subject, and when each signed in.
    pub(super) async fn find_signed_in(
        &self,
        connection: &mut MySqlConnection,
        subject: &SubjectDigest,
    ) -> Result<Vec<(SessionId, i64)>, Error> {
        let find = query(&self.find_signed_in).bind(subject.as_bytes().as_slice());
        let session = |row: &MySqlRow| {
            let signed_in_at: Option<i64> = row.try_get(1)?;
            Ok((id(row)?, signed_in_at.unwrap_or(0)))
        };
        let rows = find.fetch_all(connection).await?;
        rows.iter().map(session).collect()
    }
}

/// The session in a row of its id, its version and its record.
pub(super) fn session(found: &MySqlRow) -> Result<(SessionId, Row), Error> {
    let row = Row {
        version: Version::new(found.try_get(1)?),
        is_unchecked: false,
        record: found.try_get(2)?,
    };
    Ok((id(found)?, row))
}

fn ids(rows: &[MySqlRow]) -> Result<Vec<SessionId>, Error> {
    rows.iter().map(id).collect()
}

/// The id in the first column.
fn id(row: &MySqlRow) -> Result<SessionId, Error> {
    let bytes: &[u8] = row.try_get(0)?;
    let bytes = bytes
        .try_into()
        .map_err(|error| Error::Decode(Box::new(error)))?;
    Ok(SessionId::from_bytes(bytes))
}
