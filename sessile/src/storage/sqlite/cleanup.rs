//! Deleting the rows of sessions whose time is over.

use std::time::Duration;

use tokio::{sync::oneshot, task::JoinHandle, time::MissedTickBehavior};

use super::{SqliteSessionStore, StoreError, error};

/// How many rows one statement deletes: few enough that requests hardly wait behind it.
const BATCH: u32 = 500;

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
    /// It works in small batches, between which requests get through. One is enough, but several
    /// do no harm. It ends when the returned handle is stopped or dropped.
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
        let (stop, stopped) = oneshot::channel();
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let store = self.clone();
        let task = tokio::spawn(async move {
            let mut stopped = stopped;
            loop {
                tokio::select! {
                    biased;
                    _ = &mut stopped => return,
                    _ = ticks.tick() => {}
                }
                tokio::select! {
                    biased;
                    _ = &mut stopped => return,
                    () = store.delete_all_expired() => {}
                }
            }
        });
        CleanupTask {
            task,
            stop: Some(stop),
        }
    }

    async fn delete_all_expired(&self) {
        loop {
            match self.delete_expired(BATCH).await {
                Ok(deleted) if deleted == u64::from(BATCH) => tokio::task::yield_now().await,
                Ok(_) => return,
                Err(error) => {
                    let error: &(dyn std::error::Error + 'static) = &error;
                    return tracing::error!(error, "ended sessions could not be deleted");
                }
            }
        }
    }
}

/// A clean-up that goes on in the background, until this is stopped or dropped.
#[derive(Debug)]
pub struct CleanupTask {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl CleanupTask {
    /// Ends the task, and waits until it has ended.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // It has ended already if nobody receives this.
            let _ = stop.send(());
        }
        // An error would mean that it was aborted or panicked: it has ended either way.
        let _ = (&mut self.task).await;
    }
}

impl Drop for CleanupTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}
