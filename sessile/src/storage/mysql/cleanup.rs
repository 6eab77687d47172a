//! The statements that delete what has expired.

use sqlx::{Error, MySqlConnection, Row as _};

use super::{
    query::{MOST_KEYS, NOW, of_keys, query, rows, session},
    statements::Statements,
};
use crate::storage::sql::{Batch, Cleaned, RowsById};

impl Statements {
    pub(super) async fn clean_up(
        &self,
        connection: &mut MySqlConnection,
        batch: Batch,
    ) -> Result<Cleaned, Error> {
        let mut cleaned = Cleaned::default();
        let mut left = batch.limit;
        while left > 0 {
            let part = Batch {
                limit: left.min(MOST_KEYS as u32),
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
        let find_due = query(format!(
            "SELECT id, expires_at <= {NOW}, due_at FROM {sessions}
             WHERE due_at >= ? AND due_at <= {NOW} ORDER BY due_at LIMIT ?"
        ));
        let find_due = find_due.bind(batch.due_from).bind(batch.limit);
        let due: Vec<(Vec<u8>, bool, i64)> = rows(connection, find_due, |row| {
            Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
        })
        .await?;
        let (mut expired, mut extended) = (Vec::new(), Vec::new());
        for (id, is_expired, due_at) in due {
            match is_expired {
                true => expired.push(id),
                false => extended.push(id),
            }
            cleaned.due_until = due_at;
        }
        let mut deleted_rows = match batch.returns_rows {
            true => self.read_all(connection, &expired).await?,
            false => Vec::new(),
        };
        let delete = |ids: &str| {
            format!("DELETE FROM {sessions} WHERE id IN ({ids}) AND expires_at <= {NOW}")
        };
        let deleted = change(connection, delete, &expired).await?;
        cleaned.deleted += deleted;
        if batch.returns_rows && deleted < expired.len() as u64 {
            // Requests have extended some. Those that another server has deleted are reported by both.
            let left = self.read_all(connection, &expired).await?;
            deleted_rows.retain(|(id, _)| left.iter().all(|(left, _)| left != id));
        }
        cleaned.rows.append(&mut deleted_rows);
        let postpone =
            |ids: &str| format!("UPDATE {sessions} SET due_at = expires_at WHERE id IN ({ids})");
        change(connection, postpone, &extended).await?;
        Ok((expired.len() + extended.len()) as u64)
    }

    /// The rows with these ids.
    async fn read_all(
        &self,
        connection: &mut MySqlConnection,
        ids: &[Vec<u8>],
    ) -> Result<RowsById, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let sessions = &self.sessions;
        let read = |ids: &str| {
            format!(
                "SELECT id, version, CAST(record AS BINARY) FROM {sessions} WHERE id IN ({ids})"
            )
        };
        let read = of_keys(read, ids.iter().map(Vec::as_slice));
        rows(connection, read, session).await
    }

    async fn clean_marks(
        &self,
        connection: &mut MySqlConnection,
        limit: u32,
    ) -> Result<u64, Error> {
        let marks = &self.marks;
        let find = query(format!(
            "SELECT subject FROM {marks}
             WHERE expires_at <= {NOW} ORDER BY expires_at LIMIT ?"
        ));
        let subjects = rows(connection, find.bind(limit), |row| row.try_get(0)).await?;
        let delete = |subjects: &str| {
            format!("DELETE FROM {marks} WHERE subject IN ({subjects}) AND expires_at <= {NOW}")
        };
        change(connection, delete, &subjects).await?;
        Ok(subjects.len() as u64)
    }
}

/// Runs `statement` for the rows with these keys, and returns how many rows it changed.
async fn change(
    connection: &mut MySqlConnection,
    statement: impl FnOnce(&str) -> String,
    keys: &[Vec<u8>],
) -> Result<u64, Error> {
    if keys.is_empty() {
        return Ok(0);
    }
    let change = of_keys(statement, keys.iter().map(Vec::as_slice));
    Ok(change.execute(connection).await?.rows_affected())
}
