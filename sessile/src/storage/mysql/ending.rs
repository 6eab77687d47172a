//! The statements that end sessions.

use sqlx::{Error, MySqlConnection, Row as _};

use super::{
    SessionId,
    query::{MOST_KEYS, NOW, Query, id, id_before, of_keys, query, row, rows},
    statements::Statements,
};
use crate::storage::{sql::MARK_KEPT, timing::millis};

impl Statements {
    /// Locks the row of the subject's mark until the transaction ends. If there is none, inserts one that ends no session.
    pub(super) async fn lock(
        &self,
        connection: &mut MySqlConnection,
        subject: &[u8],
    ) -> Result<(), Error> {
        let marks = &self.marks;
        // The clean-up deletes a mark that ends no session.
        let lock = query(format!(
            "INSERT INTO {marks} (subject, at, expires_at) VALUES (?, -1, {NOW})
             ON DUPLICATE KEY UPDATE at = at"
        ));
        lock.bind(subject).execute(connection).await?;
        Ok(())
    }

    /// Marks all subjects at `now`, or at the time of the latest sign-in or of an earlier mark if that is later. Returns
    /// the time of the mark.
    pub(super) async fn mark_everything(
        &self,
        connection: &mut MySqlConnection,
        now: i64,
    ) -> Result<i64, Error> {
        let Self {
            sessions, marks, ..
        } = self;
        // In a statement of its own, it locks no rows.
        let latest = query(format!(
            "SELECT MAX(signed_in_at) FROM {sessions} WHERE subject IS NOT NULL"
        ));
        let latest: Option<i64> = row(connection, latest, |row| row.try_get(0)).await?;
        let mark = query(format!(
            "INSERT INTO {marks} (subject, at, expires_at) VALUES (X'', ?, {NOW} + ?)
             ON DUPLICATE KEY UPDATE
                 at = GREATEST(at, VALUES(at)), expires_at = VALUES(expires_at)"
        ));
        let at = latest.map_or(now, |latest| latest.max(now));
        let mark = mark.bind(at).bind(millis(MARK_KEPT));
        mark.execute(&mut *connection).await?;
        let find = query(format!("SELECT at FROM {marks} WHERE subject = X''"));
        let mut found = rows(connection, find, |row| row.try_get(0)).await?;
        // Another statement may have deleted it.
        Ok(found.pop().unwrap_or(now))
    }

    /// Reads the ids of the next [`MOST_KEYS`] rows after `after`. Deletes those of guests, and those that signed in
    /// until `at`. Returns the last id.
    pub(super) async fn delete_batch(
        &self,
        connection: &mut MySqlConnection,
        after: Option<&SessionId>,
        at: i64,
    ) -> Result<Option<SessionId>, Error> {
        let sessions = &self.sessions;
        let find = query(format!(
            "SELECT id FROM {sessions} WHERE id > ? ORDER BY id LIMIT ?"
        ));
        let find = find.bind(id_before(after)).bind(MOST_KEYS as u64);
        let mut batch = rows(connection, find, id).await?;
        if !batch.is_empty() {
            let delete = self.delete_if("(signed_in_at <= ?) IS NOT FALSE", &batch);
            delete.bind(at).execute(connection).await?;
        }
        Ok(batch.pop())
    }

    /// Among these rows, deletes those that belong to the subject and signed in until `at`. Returns the ids of rows
    /// that are deleted.
    pub(super) async fn delete_of_subject(
        &self,
        connection: &mut MySqlConnection,
        all: &[SessionId],
        subject: &[u8],
        at: i64,
    ) -> Result<Vec<SessionId>, Error> {
        let mut deleted = Vec::with_capacity(all.len());
        for batch in all.chunks(MOST_KEYS) {
            let condition = "subject = ? AND COALESCE(signed_in_at, 0) <= ?";
            let delete = self.delete_if(condition, batch).bind(subject).bind(at);
            let count = delete.execute(&mut *connection).await?.rows_affected();
            let mut left = Vec::new();
            if count < batch.len() as u64 {
                left = self.find_left(&mut *connection, batch).await?;
            }
            deleted.extend(batch.iter().filter(|id| !left.contains(id)).cloned());
        }
        Ok(deleted)
    }

    /// Deletes the rows with these ids that meet `condition`. It finds them by their keys, so it locks no others.
    fn delete_if<'a>(&self, condition: &str, ids: &'a [SessionId]) -> Query<'a> {
        let sessions = &self.sessions;
        let delete =
            |ids: &str| format!("DELETE FROM {sessions} WHERE id IN ({ids}) AND {condition}");
        of_keys(delete, ids.iter().map(|id| id.as_bytes().as_slice()))
    }

    /// Among these rows, the ids of those that still exist. It locks them, so it does not read the snapshot of the
    /// transaction.
    async fn find_left(
        &self,
        connection: &mut MySqlConnection,
        ids: &[SessionId],
    ) -> Result<Vec<SessionId>, Error> {
        let sessions = &self.sessions;
        let find = |ids: &str| format!("SELECT id FROM {sessions} WHERE id IN ({ids}) FOR UPDATE");
        let find = of_keys(find, ids.iter().map(|id| id.as_bytes().as_slice()));
        rows(connection, find, id).await
    }
}
