//! Deleting the rows of sessions whose time is over.

use std::time::Duration;

use sqlx::Connection as _;

use super::{CleanupTask, SqliteSessionStore, StoreError, error};
use crate::storage::sql::SMALLEST_BATCH;

/// The rows that are due next, at most ?2 of them.
macro_rules! due {
    ($columns:literal) => {
        concat!(
            "SELECT ",
            $columns,
            " FROM sessile_due WHERE due_at <= ?1 ORDER BY due_at, slot LIMIT ?2"
        )
    };
}

/// Those that are over go.
pub(super) const DELETE: &str = concat!(
    "DELETE FROM sessile_sessions WHERE expires_at <= ?1 AND slot IN (",
    due!("slot"),
    ")"
);

/// Those that were extended since are due when they end now.
pub(super) const PUT_OFF: &str = concat!(
    "INSERT OR IGNORE INTO sessile_due
     SELECT expires_at, slot FROM sessile_sessions WHERE slot IN (",
    due!("slot"),
    ")"
);

/// None of them is due any more.
pub(super) const SETTLE: &str = concat!(
    "DELETE FROM sessile_due WHERE (due_at, slot) IN (",
    due!("due_at, slot"),
    ")"
);

/// What became of the rows that were due.
pub(super) struct Settled {
    /// All that were looked at, whether they were over, had been extended, or were gone already.
    pub(super) due: u64,
    pub(super) deleted: u64,
}

impl SqliteSessionStore {
    /// Deletes the rows of sessions whose time is over, at most `limit` of them, and tells how many
    /// those were: none only if there were none left.
    ///
    /// It looks at the rows whose time would be over if they had not been extended, `limit` of them at
    /// a time, and lets other writes through in between. A row that was cut short by less than a
    /// minute is deleted when it would have been over before that. Nobody is served it meanwhile.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn delete_expired(&self, limit: u32) -> Result<u64, StoreError> {
        loop {
            let settled = self.settle(limit).await?;
            if settled.deleted > 0 || settled.due == 0 {
                return Ok(settled.deleted);
            }
        }
    }

    /// Looks at the rows that are due next, at most `limit` of them.
    pub(super) async fn settle(&self, limit: u32) -> Result<Settled, StoreError> {
        let now = self.now();
        let mut writer = self.writer().acquire().await?;
        let mut transaction = writer
            .begin_with("BEGIN IMMEDIATE")
            .await
            .map_err(error::failed)?;
        let mut counts = [0; 3];
        for (statement, count) in [DELETE, PUT_OFF, SETTLE].into_iter().zip(&mut counts) {
            *count = sqlx::query(statement)
                .bind(now)
                .bind(limit)
                .execute(&mut *transaction)
                .await
                .map_err(error::failed)?
                .rows_affected();
        }
        transaction.commit().await.map_err(error::failed)?;
        let [deleted, _, due] = counts;
        Ok(Settled { due, deleted })
    }

    /// Starts a task that deletes the rows of ended sessions: now, and then once in every `period`.
    ///
    /// It works in small batches, and pauses after each for twice what that took, so that requests
    /// get through. One is enough, but several do no harm. It ends when the returned handle is
    /// stopped or dropped. What it deletes when is as with [`delete_expired`](Self::delete_expired).
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
            async move { Ok(store.settle(limit).await?.due) }
        })
    }
}
