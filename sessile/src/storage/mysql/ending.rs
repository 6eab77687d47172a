//! [`EndStatements`]: the statements that end sessions, and those of a sign-in under a limit, which may end some.

use std::sync::Arc;

use sqlx::{Error, MySqlConnection, Row as _};

use super::{
    SessionId,
    marks::{is_live, is_refused},
    query::{MOST_KEYS, NOW, Query, id, id_before, of_keys, query, row, rows, text},
};
use crate::storage::{
    sql::{MARK_KEPT, Name},
    timing::millis,
};

/// The statements of a store that end sessions.
#[derive(Debug)]
pub(super) struct EndStatements {
    sessions: Name,
    lock: Arc<str>,
    /// Binds the parameters of [`is_refused`], and the id.
    pub(super) find: Arc<str>,
    /// Binds the subject, and the id of the session that is left out.
    pub(super) find_others: Arc<str>,
    /// Binds the subject.
    pub(super) find_signed_in: Arc<str>,
    /// Binds the time, the id of the exempt session, the time to live of the mark, and the subject.
    pub(super) mark: Arc<str>,
    latest_sign_in: Arc<str>,
    mark_everything: Arc<str>,
    find_mark_of_everything: Arc<str>,
    batch: Arc<str>,
}

impl EndStatements {
    pub(super) fn new(sessions: &Name, marks: &Name) -> Self {
        let (is_live, is_refused) = (is_live(marks), is_refused(marks));
        Self {
            sessions: sessions.clone(),
            // The clean-up deletes a mark that ends no session.
            lock: text(format!(
                "INSERT INTO {marks} (subject, at, expires_at) VALUES (?, -1, {NOW})
             ON DUPLICATE KEY UPDATE at = at"
            )),
            find: text(format!(
                "SELECT {is_refused},
                 (SELECT it.version FROM {sessions} AS it WHERE it.id = ? AND {is_live})"
            )),
            find_others: text(format!(
            "SELECT it.id FROM {sessions} AS it WHERE it.subject = ? AND it.id <> ? AND {is_live}
             ORDER BY it.signed_in_at, it.id"
        )),
            find_signed_in: text(format!(
                "SELECT it.id, it.signed_in_at FROM {sessions} AS it
             WHERE it.subject = ? AND {is_live}"
            )),
            mark: text(format!(
                "UPDATE {marks} SET
                 at = LAST_INSERT_ID(GREATEST(at, ?)), exempt = ?, expires_at = {NOW} + ?
             WHERE subject = ?"
            )),
            latest_sign_in: text(format!(
                "SELECT MAX(signed_in_at) FROM {sessions} WHERE subject IS NOT NULL"
            )),
            mark_everything: text(format!(
                "INSERT INTO {marks} (subject, at, expires_at) VALUES (X'', ?, {NOW} + ?)
             ON DUPLICATE KEY UPDATE
                 at = GREATEST(at, VALUES(at)), expires_at = VALUES(expires_at)"
            )),
            find_mark_of_everything: text(format!("SELECT at FROM {marks} WHERE subject = X''")),
            batch: text(format!(
                "SELECT id FROM {sessions} WHERE id > ? ORDER BY id LIMIT ?"
            )),
        }
    }

    /// Locks the row of the subject's mark until the transaction ends. If there is none, inserts one that ends no session.
    pub(super) async fn lock(
        &self,
        connection: &mut MySqlConnection,
        subject: &[u8],
    ) -> Result<(), Error> {
        let lock = query(&self.lock).bind(subject);
        lock.execute(connection).await?;
        Ok(())
    }

    /// Marks all subjects at `now`, or at the time of the latest sign-in or of an earlier mark if that is later. Returns
    /// the time of the mark.
    pub(super) async fn mark_everything(
        &self,
        connection: &mut MySqlConnection,
        now: i64,
    ) -> Result<i64, Error> {
        // In a statement of its own, it locks no rows.
        let latest = query(&self.latest_sign_in);
        let latest: Option<i64> = row(connection, latest, |row| row.try_get(0)).await?;
        let mark = query(&self.mark_everything)
            .bind(latest.map_or(now, |latest| latest.max(now)))
            .bind(millis(MARK_KEPT));
        mark.execute(&mut *connection).await?;
        let find = query(&self.find_mark_of_everything);
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
        let batch = query(&self.batch)
            .bind(id_before(after))
            .bind(MOST_KEYS as u64);
        let mut batch = rows(connection, batch, id).await?;
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
