//! The clean-up of a database server.

use std::time::Duration;

use super::{Cleaned, Database, DatabaseSessionStore, StoreError, until_done};
use crate::{
    clock::{Clock as _, SystemClock},
    engine::EndCause,
    record::Record,
    storage::sql::CleanupTask,
    telemetry,
};

/// The time limit of one batch of a clean-up. No request waits for it.
const CLEANING: Duration = Duration::from_secs(60);

#[expect(
    private_bounds,
    reason = "the kinds of servers are those of this crate"
)]
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
            let cleaned = self.clean_up(limit).await?;
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
        CleanupTask::start(
            period,
            B::SMALLEST_BATCH,
            move || closed.is_closed(),
            move |limit| {
                let store = store.clone();
                async move { Ok(store.clean_up(limit).await?.due) }
            },
        )
    }

    /// Processes up to `limit` rows that are due.
    async fn clean_up(&self, limit: u32) -> Result<Cleaned, StoreError> {
        self.reminder.cleaned();
        let database = self.database()?;
        let wanted = self.end_reporter.has_receiver();
        let cleaning = until_done(CLEANING, |deadline| {
            database.clean_up(limit, wanted, deadline)
        });
        let cleaned = cleaning.await?;
        telemetry::rows_cleaned(B::BACKEND, cleaned.deleted);
        for (id, row) in &cleaned.rows {
            let record = Record::decode(&row.record).ok();
            let now = SystemClock.now();
            (self.end_reporter).report(EndCause::Expired, id, record.as_ref(), now);
        }
        Ok(cleaned)
    }
}
