//! The clean-up of a database server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering::Relaxed},
    },
    time::Duration,
};

use super::{Batch, Cleaned, Database, DatabaseSessionStore, StoreError};
use crate::{
    clock::{Clock as _, SystemClock},
    engine::EndCause,
    record::Record,
    storage::sql::CleanupTask,
    telemetry,
};

impl<B: Database> DatabaseSessionStore<B> {
    /// Deletes up to `limit` expired rows, the earliest due first, and returns how many it deleted: zero
    /// only if none is left.
    ///
    /// In PostgreSQL, it skips rows that other statements have locked. A row whose lifetime was shortened by less than a
    /// minute may be deleted up to a minute after it expired.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub async fn delete_expired(&self, limit: u32) -> Result<u64, StoreError> {
        loop {
            let cleaned = self.clean_up(limit, 0).await?;
            if cleaned.deleted > 0 || cleaned.due == 0 {
                return Ok(cleaned.deleted);
            }
        }
    }

    /// Starts a task that deletes expired rows: now, and then once in every `period`.
    ///
    /// It works in batches, and pauses after each for twice the time that the batch took. One task is enough, but
    /// several servers can run one each. The task ends when the returned handle is stopped or dropped, or after the
    /// store was closed.
    ///
    /// ```no_run
    /// use std::time::Duration;
    /// use sessile::storage::PostgresSessionStore;
    ///
    /// # async fn example() -> Result<(), sessile::storage::StoreError> {
    /// let store = PostgresSessionStore::new("postgres://app:secret@localhost/app").await?;
    /// let cleanup = store.start_cleanup(Duration::from_secs(60));
    /// // … serve …
    /// cleanup.stop().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Panics
    ///
    /// Panics outside of a Tokio runtime, such as Actix Web's, and if `period` is zero.
    #[must_use = "dropping the handle ends the task"]
    pub fn start_cleanup(&self, period: Duration) -> CleanupTask {
        let (store, closed) = (self.clone(), self.clone());
        // Where the next batch begins. After the last batch and after a failure, the next one begins with the earliest row.
        let due_from = Arc::new(AtomicI64::new(0));
        CleanupTask::start(
            period,
            B::SMALLEST_BATCH,
            move || closed.is_closed(),
            move |limit| {
                let (store, due_from) = (store.clone(), Arc::clone(&due_from));
                async move {
                    let begin = due_from.swap(0, Relaxed);
                    let cleaned = store.clean_up(limit, begin).await?;
                    if cleaned.due > 0 {
                        due_from.store(begin.max(cleaned.due_until), Relaxed);
                    }
                    Ok(cleaned.due)
                }
            },
        )
    }

    /// Processes a batch of rows that are due at `due_from` or later.
    async fn clean_up(&self, limit: u32, due_from: i64) -> Result<Cleaned, StoreError> {
        self.0.reminder.cleaned();
        let batch = Batch {
            limit,
            due_from,
            returns_rows: self.0.end_reporter.has_receiver(),
        };
        let cleaned = self
            .maintain(|database, attempt| database.clean_up(batch, attempt))
            .await?;
        telemetry::rows_cleaned(B::BACKEND, cleaned.deleted);
        for (id, row) in &cleaned.rows {
            let record = Record::decode(&row.record).ok();
            let now = SystemClock.now();
            (self.0.end_reporter).report(EndCause::Expired, id, record.as_ref(), now);
        }
        Ok(cleaned)
    }
}
