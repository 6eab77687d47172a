//! Deleting the rows of expired sessions.

use std::time::Duration;

use sqlx::Connection as _;

use super::{CleanupTask, SqliteSessionStore, StoreError, error, statements::integer};
use crate::storage::sql::SMALLEST_BATCH;

/// The slots of the rows that are due, the earliest first: at most ?2 at the time ?1.
macro_rules! due {
    () => {
        "SELECT slot FROM sessile_sessions WHERE due_at <= ?1 ORDER BY due_at, slot LIMIT ?2"
    };
}

/// Makes the due rows that were extended due at their end.
pub(super) const POSTPONE: &str = concat!(
    "UPDATE sessile_sessions SET due_at = expires_at WHERE expires_at > ?1 AND slot IN (",
    due!(),
    ")"
);

/// Deletes the due rows that have expired.
pub(super) const DELETE: &str = concat!(
    "DELETE FROM sessile_sessions WHERE expires_at <= ?1 AND slot IN (",
    due!(),
    ")"
);

/// What was done with the rows that were due.
pub(super) struct Settled {
    pub(super) postponed: u64,
    pub(super) deleted: u64,
}

impl SqliteSessionStore {
    /// Deletes the rows of expired sessions, at most `limit` of them, and returns how many it deleted.
    /// It returns 0 only if there are none left.
    ///
    /// It looks at rows that were due to expire, `limit` of them at a time, and leaves those that were
    /// extended. Other writes can run in between. If a session's lifetime was shortened by less than a
    /// minute, its row is deleted at its former end. It is not served meanwhile.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn delete_expired(&self, limit: u32) -> Result<u64, StoreError> {
        loop {
            let settled = self.settle(limit).await?;
            if settled.deleted > 0 || settled.postponed == 0 {
                return Ok(settled.deleted);
            }
        }
    }

    /// Postpones or deletes the rows that are due, at most `limit` of them.
    pub(super) async fn settle(&self, limit: u32) -> Result<Settled, StoreError> {
        let now = integer(self.now());
        let mut writer = self.writer().acquire().await?;
        let mut transaction = writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(error::failed)?;
        // Postponed rows are no longer due, so what is left of the limit is for those that have expired.
        let mut left = u64::from(limit);
        let mut counts = [0; 2];
        for (statement, count) in [POSTPONE, DELETE].into_iter().zip(&mut counts) {
            *count = sqlx::query(statement)
                .bind(now)
                .bind(left.cast_signed())
                .execute(&mut *transaction)
                .await
                .map_err(error::failed)?
                .rows_affected();
            left = left.saturating_sub(*count);
        }
        transaction.commit().await.map_err(error::failed)?;
        let [postponed, deleted] = counts;
        Ok(Settled { postponed, deleted })
    }

    /// Starts a task that deletes the rows of expired sessions: now, and then once in every `period`.
    ///
    /// It works in small batches, and pauses after each for twice the time that the batch took, so that
    /// requests get through. One task is enough, and several do no harm. The task ends when the returned
    /// handle is stopped or dropped. It deletes the same rows as [`delete_expired`](Self::delete_expired).
    ///
    /// ```
    /// use std::time::Duration;
    /// use sessile::storage::SqliteSessionStore;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = SqliteSessionStore::new("sqlite::memory:").await?;
    /// let cleanup = store.start_cleanup(Duration::from_secs(60));
    /// // … serve …
    /// cleanup.stop().await;
    /// # assert_eq!(store.delete_expired(1).await?, 0);
    /// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, such as Actix Web's, and if `period` is zero.
    #[must_use = "dropping the handle ends the task"]
    pub fn start_cleanup(&self, period: Duration) -> CleanupTask {
        let store = self.clone();
        CleanupTask::start(period, SMALLEST_BATCH, move |limit| {
            let store = store.clone();
            async move {
                let settled = store.settle(limit).await?;
                Ok(settled.postponed + settled.deleted)
            }
        })
    }
}
