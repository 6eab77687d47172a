//! A background task that deletes expired rows periodically.

use std::time::Duration;

use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};

use super::super::StoreError;

/// The target duration of one statement. Requests wait for it.
const SHARE: Duration = Duration::from_millis(5);

/// The smallest batch for a database in which large batches delay requests.
#[cfg(any(feature = "postgres-session", feature = "sqlite-session"))]
pub(in crate::storage) const SMALLEST_BATCH: u32 = 16;

/// The largest batch.
pub(in crate::storage) const LARGEST_BATCH: u32 = 500;

/// A background clean-up. It runs until this handle is stopped or dropped, or until the store is closed.
///
/// ```
/// # #[cfg(feature = "sqlite-session")] {
/// use std::time::Duration;
/// use sessile::storage::SqliteSessionStore;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = SqliteSessionStore::new("sqlite::memory:").await?;
/// let cleanup = store.start_cleanup(Duration::from_secs(60));
/// // … serve …
/// cleanup.stop().await;
/// assert_eq!(store.delete_expired(1).await?, 0);
/// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
/// # }
/// ```
#[derive(Debug)]
pub struct CleanupTask {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl CleanupTask {
    /// Calls `clean_up` now and then once in every `period`, each time until it returns zero.
    ///
    /// `clean_up` takes the largest number of rows to process, and returns how many rows it processed.
    /// That limit is between `smallest_batch` and [`LARGEST_BATCH`]; it adapts to the database's speed.
    ///
    /// Ends when `is_closed` returns `true` after a failure.
    ///
    /// Panics outside of a Tokio runtime, and if `period` is zero.
    pub(in crate::storage) fn start<F>(
        period: Duration,
        smallest_batch: u32,
        is_closed: impl Fn() -> bool + Send + Sync + 'static,
        clean_up: impl Fn(u32) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Result<u64, StoreError>> + Send,
    {
        let (stop, mut stopped) = oneshot::channel();
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let task = tokio::spawn(async move {
            loop {
                tokio::select! {
                    biased;
                    _ = &mut stopped => return,
                    _ = ticks.tick() => {}
                }
                tokio::select! {
                    biased;
                    _ = &mut stopped => return,
                    cleaned = clean_up_all(smallest_batch, &clean_up) => match cleaned {
                        Ok(()) => {}
                        Err(_) if is_closed() => return,
                        Err(error) => {
                            let error: &(dyn std::error::Error + 'static) = &error;
                            tracing::error!(error, "expired sessions could not be deleted");
                        }
                    }
                }
            }
        });
        Self {
            task,
            stop: Some(stop),
        }
    }

    /// Stops the task, and waits until it has ended.
    pub async fn stop(mut self) {
        if let Some(stop) = self.stop.take() {
            // If the receiver is gone, the task has ended already.
            let _ = stop.send(());
        }
        // An error means that the task was aborted or panicked: it has ended either way.
        let _ = (&mut self.task).await;
    }
}

impl Drop for CleanupTask {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn clean_up_all<F>(smallest_batch: u32, clean_up: impl Fn(u32) -> F) -> Result<(), StoreError>
where
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut batch = smallest_batch;
    loop {
        let begun = Instant::now();
        if clean_up(batch).await? == 0 {
            return Ok(());
        }
        // Fewer rows than the limit may only mean that another server has locked the others. The
        // pause leaves at least two thirds of the database's time to requests.
        let took = begun.elapsed();
        tokio::time::sleep(2 * took).await;
        batch = next_batch(batch, took).clamp(smallest_batch, LARGEST_BATCH);
    }
}

/// The size of the next batch, if the last `batch` rows took this long.
fn next_batch(batch: u32, took: Duration) -> u32 {
    if took > SHARE {
        batch / 2
    } else if took < SHARE / 2 {
        batch * 2
    } else {
        batch
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    };

    use super::*;
    use crate::storage::StoreErrorKind;

    #[test]
    fn batches_adapt_to_the_speed_of_the_database() {
        for (per_row, settled) in [(1000, 5), (200, 20), (70, 40)] {
            let per_row = Duration::from_micros(per_row);
            let batch = (0..20).fold(10, |batch, _| next_batch(batch, per_row * batch));
            assert_eq!(batch, settled);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_ends_the_task_only_if_the_store_was_closed() {
        let calls = Arc::new(AtomicU32::new(0));
        let (of_closed, of_clean_up) = (Arc::clone(&calls), Arc::clone(&calls));
        let is_closed = move || of_closed.load(SeqCst) == 3;
        let mut cleanup = CleanupTask::start(Duration::from_secs(60), 1, is_closed, move |_| {
            of_clean_up.fetch_add(1, SeqCst);
            async { Err(StoreError::new(StoreErrorKind::Unavailable, "it fails")) }
        });
        (&mut cleanup.task).await.unwrap();
        assert_eq!(calls.load(SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn batches_stay_within_their_bounds() {
        for (smallest, took, expected) in [
            (100, 0, [100, 200, 400, 500, 500]),
            (100, 60, [100, 100, 100, 100, 100]),
        ] {
            let batches = std::sync::Mutex::new(Vec::new());
            clean_up_all(smallest, |batch| {
                let mut batches = batches.lock().unwrap();
                batches.push(batch);
                let processed = u64::from(batches.len() < 5);
                async move {
                    tokio::time::sleep(Duration::from_millis(took)).await;
                    Ok(processed)
                }
            })
            .await
            .unwrap();
            assert_eq!(*batches.lock().unwrap(), expected);
        }
    }
}
