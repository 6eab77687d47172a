//! Deleting the rows of sessions whose time is over.

use std::time::Duration;

use super::{CleanupTask, SqliteSessionStore, StoreError, error};

impl SqliteSessionStore {
    /// Deletes the rows of sessions whose time is over, at most `limit` of them, and tells how many
    /// those were.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn delete_expired(&self, limit: u32) -> Result<u64, StoreError> {
        const DELETE: &str = "
            DELETE FROM sessile_sessions WHERE rowid IN (
                SELECT rowid FROM sessile_sessions WHERE expires_at <= ?1 LIMIT ?2
            )";
        let mut writer = self.writer().acquire().await?;
        let deleted = sqlx::query(DELETE)
            .bind(self.now())
            .bind(limit)
            .execute(&mut *writer)
            .await
            .map_err(error::failed)?;
        Ok(deleted.rows_affected())
    }

    /// Starts a task that deletes the rows of ended sessions: now, and then once in every `period`.
    ///
    /// It works in small batches, and pauses after each for twice what that took, so that requests
    /// get through. One is enough, but several do no harm. It ends when the returned handle is
    /// stopped or dropped.
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
        CleanupTask::start(period, move |limit| {
            let store = store.clone();
            async move { store.delete_expired(limit).await }
        })
    }
}
