//! [`CleanUp`]: the statements that delete what has expired.

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, Error, MySql, MySqlConnection, Row as _, mysql::MySqlArguments, query::Query,
};

use super::{
    SessionId,
    fragments::{NOW, query},
    subject_statements::session,
};
use crate::storage::sql::{Batch, Cleaned, Name, Row};

/// The maximum number of rows that a clean-up processes with one statement.
const CLEANED_AT_ONCE: u32 = 500;

/// The statements that delete what has expired.
#[derive(Debug)]
pub(super) struct CleanUp {
    sessions: Name,
    marks: Name,
    find_due: Arc<str>,
    find_expired_marks: Arc<str>,
}

impl CleanUp {
    pub(super) fn new(sessions: Name, marks: Name) -> Self {
        Self {
            find_due: format!(
                "SELECT id, expires_at <= {NOW}, due_at FROM {sessions}
                 WHERE due_at >= ? AND due_at <= {NOW} ORDER BY due_at LIMIT ?"
            )
            .into(),
            find_expired_marks: format!(
                "SELECT subject FROM {marks}
                 WHERE expires_at <= {NOW} ORDER BY expires_at LIMIT ?"
            )
            .into(),
            sessions,
            marks,
        }
    }

    pub(super) async fn run(
        &self,
        connection: &mut MySqlConnection,
        batch: Batch,
    ) -> Result<Cleaned, Error> {
        let mut cleaned = Cleaned::default();
        let mut left = batch.limit;
        while left > 0 {
            let part = Batch {
                limit: left.min(CLEANED_AT_ONCE),
                due_from: batch.due_from.max(cleaned.due_until),
                ..batch
            };
            let due = self.clean_sessions(connection, part, &mut cleaned).await?
                + self.clean_marks(connection, part.limit).await?;
            cleaned.due += due;
            if due < part.limit.into() {
                break;
            }
            left -= part.limit;
        }
        Ok(cleaned)
    }

    async fn clean_sessions(
        &self,
        connection: &mut MySqlConnection,
        batch: Batch,
        cleaned: &mut Cleaned,
    ) -> Result<u64, Error> {
        let sessions = &self.sessions;
        let due = query(&self.find_due)
            .bind(batch.due_from)
            .bind(batch.limit)
            .fetch_all(&mut *connection)
            .await?;
        if let Some(last) = due.last() {
            cleaned.due_until = last.try_get(2)?;
        }
        let (mut expired, mut extended) = (Vec::new(), Vec::new());
        for row in &due {
            let ids = match row.try_get(1)? {
                true => &mut expired,
                false => &mut extended,
            };
            ids.push(row.try_get(0)?);
        }
        let mut rows = match batch.returns_rows {
            true => self.read(connection, &expired).await?,
            false => Vec::new(),
        };
        let delete = |ids: &str| {
            format!("DELETE FROM {sessions} WHERE id IN ({ids}) AND expires_at <= {NOW}")
        };
        let deleted = change_found(connection, delete, &expired).await?;
        cleaned.deleted += deleted;
        if batch.returns_rows && deleted < expired.len() as u64 {
            // Requests have extended some. Those that another server has deleted are reported by both.
            let left = self.read(connection, &expired).await?;
            rows.retain(|(id, _)| left.iter().all(|(left, _)| left != id));
        }
        cleaned.rows.append(&mut rows);
        let postpone =
            |ids: &str| format!("UPDATE {sessions} SET due_at = expires_at WHERE id IN ({ids})");
        change_found(connection, postpone, &extended).await?;
        Ok(due.len() as u64)
    }

    /// The rows with these ids.
    async fn read(
        &self,
        connection: &mut MySqlConnection,
        ids: &[Vec<u8>],
    ) -> Result<Vec<(SessionId, Row)>, Error> {
        let sessions = &self.sessions;
        let read = |ids: &str| {
            format!(
                "SELECT id, version, CAST(record AS BINARY) FROM {sessions} WHERE id IN ({ids})"
            )
        };
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = of_found(read, ids).fetch_all(connection).await?;
        rows.iter().map(session).collect()
    }

    async fn clean_marks(
        &self,
        connection: &mut MySqlConnection,
        limit: u32,
    ) -> Result<u64, Error> {
        let marks = &self.marks;
        let expired = query(&self.find_expired_marks)
            .bind(limit)
            .fetch_all(&mut *connection)
            .await?;
        let subjects: Vec<_> = expired
            .iter()
            .map(|row| row.try_get(0))
            .collect::<Result<_, _>>()?;
        let delete = |subjects: &str| {
            format!("DELETE FROM {marks} WHERE subject IN ({subjects}) AND expires_at <= {NOW}")
        };
        change_found(connection, delete, &subjects).await?;
        Ok(expired.len() as u64)
    }
}

/// Runs `statement` for the rows with these keys, as [`of_found`], and returns how many rows it changed.
async fn change_found(
    connection: &mut MySqlConnection,
    statement: impl FnOnce(&str) -> String,
    keys: &[Vec<u8>],
) -> Result<u64, Error> {
    if keys.is_empty() {
        return Ok(0);
    }
    let query = of_found(statement, keys);
    Ok(query.execute(connection).await?.rows_affected())
}

/// `statement` for the rows with these keys, at least one and at most [`CLEANED_AT_ONCE`], which stand where the
/// statement has its parameter.
///
/// To find the rows in the same statement would lock the gaps between them, so that new sessions
/// would have to wait.
fn of_found(
    statement: impl FnOnce(&str) -> String,
    keys: &[Vec<u8>],
) -> Query<'_, MySql, MySqlArguments> {
    let statement = statement(&vec!["?"; keys.len()].join(", "));
    // Only the statement of a full batch recurs.
    let is_full = keys.len() == CLEANED_AT_ONCE as usize;
    let mut query = sqlx::query(AssertSqlSafe(statement)).persistent(is_full);
    for key in keys {
        query = query.bind(key);
    }
    query
}
