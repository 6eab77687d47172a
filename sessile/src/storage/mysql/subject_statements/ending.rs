//! The statements that end sessions.

use sqlx::{AssertSqlSafe, Error, MySqlConnection, Row as _};

use super::{
    super::{SessionId, SubjectDigest, fragments::query},
    SubjectStatements, ids,
};
use crate::storage::{
    sql::{MARK_KEPT, Name},
    timing::millis,
};

/// The maximum number of rows that a statement deletes.
const ENDED_AT_ONCE: usize = 500;

impl SubjectStatements {
    /// Marks a locked subject at this time, or at that of an earlier mark if it is later. Returns the time of the mark.
    pub(in super::super) async fn mark(
        &self,
        connection: &mut MySqlConnection,
        subject: &SubjectDigest,
        at: i64,
        exempt: Option<&SessionId>,
    ) -> Result<i64, Error> {
        let mark = query(&self.mark)
            .bind(at)
            .bind(exempt.map(|it| it.as_bytes().as_slice()))
            .bind(millis(MARK_KEPT))
            .bind(subject.as_bytes().as_slice());
        let marked = mark.execute(connection).await?;
        Ok(marked.last_insert_id().cast_signed())
    }

    /// Marks all subjects at `now`, or at the time of the latest sign-in or of an earlier mark if that is later. Returns
    /// the time of the mark.
    pub(in super::super) async fn mark_everything(
        &self,
        connection: &mut MySqlConnection,
        now: i64,
    ) -> Result<i64, Error> {
        // In a statement of its own, it locks no rows.
        let rows = query(&self.latest_sign_in)
            .fetch_all(&mut *connection)
            .await?;
        let latest: Option<i64> = rows.first().map_or(Ok(None), |row| row.try_get(0))?;
        let mark = query(&self.mark_everything)
            .bind(latest.map_or(now, |latest| latest.max(now)))
            .bind(millis(MARK_KEPT));
        mark.execute(&mut *connection).await?;
        let rows = query(&self.find_mark_of_everything)
            .fetch_all(connection)
            .await?;
        rows.first().map_or(Ok(now), |row| row.try_get(0))
    }

    /// The ids of the rows that follow `after`, at most so many as a statement deletes.
    pub(in super::super) async fn batch(
        &self,
        connection: &mut MySqlConnection,
        after: Option<&SessionId>,
    ) -> Result<Vec<SessionId>, Error> {
        // No id is before the empty one.
        let after = after.map_or(&[][..], |it| it.as_bytes().as_slice());
        let batch = query(&self.batch).bind(after).bind(ENDED_AT_ONCE as u64);
        ids(&batch.fetch_all(connection).await?)
    }

    /// Among these rows, deletes those of guests and those that signed in until `at`.
    pub(in super::super) async fn delete_until(
        &self,
        connection: &mut MySqlConnection,
        ids: &[SessionId],
        at: i64,
    ) -> Result<(), Error> {
        let which = "AND (signed_in_at <= ?) IS NOT FALSE";
        let statement = delete(&self.sessions, ids.len(), which);
        let mut delete =
            sqlx::query(AssertSqlSafe(statement)).persistent(ids.len() == ENDED_AT_ONCE);
        for id in ids {
            delete = delete.bind(id.as_bytes().as_slice());
        }
        delete.bind(at).execute(connection).await?;
        Ok(())
    }

    /// Among these rows, deletes those that belong to the subject and signed in until `at`. Returns the ids of rows
    /// that are deleted.
    pub(in super::super) async fn delete_of_subject(
        &self,
        connection: &mut MySqlConnection,
        all: Vec<SessionId>,
        subject: &[u8],
        at: i64,
    ) -> Result<Vec<SessionId>, Error> {
        let which = "AND subject = ? AND COALESCE(signed_in_at, 0) <= ?";
        let mut deleted = Vec::with_capacity(all.len());
        for batch in all.chunks(ENDED_AT_ONCE) {
            let statement = delete(&self.sessions, batch.len(), which);
            let recurs = batch.len() == 1 || batch.len() == ENDED_AT_ONCE;
            let mut delete = sqlx::query(AssertSqlSafe(statement)).persistent(recurs);
            for id in batch {
                delete = delete.bind(id.as_bytes().as_slice());
            }
            let delete = delete.bind(subject).bind(at);
            let count = delete.execute(&mut *connection).await?.rows_affected();
            let mut left = Vec::new();
            if count < batch.len() as u64 {
                left = self.find_left(&mut *connection, batch).await?;
            }
            deleted.extend(batch.iter().filter(|id| !left.contains(id)).cloned());
        }
        Ok(deleted)
    }

    /// Among these rows, the ids of those that still exist. It locks them, so it does not read the snapshot of the
    /// transaction.
    async fn find_left(
        &self,
        connection: &mut MySqlConnection,
        batch: &[SessionId],
    ) -> Result<Vec<SessionId>, Error> {
        let parameters = vec!["?"; batch.len()].join(", ");
        let statement = format!(
            "SELECT id FROM {} WHERE id IN ({parameters}) FOR UPDATE",
            self.sessions
        );
        let mut find = sqlx::query(AssertSqlSafe(statement)).persistent(false);
        for id in batch {
            find = find.bind(id.as_bytes().as_slice());
        }
        ids(&find.fetch_all(connection).await?)
    }
}

/// Deletes those of so many rows that meet a condition. The rows are found by their keys, so that no others are locked.
fn delete(sessions: &Name, many: usize, condition: &str) -> String {
    let parameters = vec!["?"; many].join(", ");
    format!("DELETE FROM {sessions} WHERE id IN ({parameters}) {condition}")
}
