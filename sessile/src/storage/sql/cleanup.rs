//! Deleting the rows of sessions whose time is over, again and again.

use std::time::Duration;

use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};

use super::super::StoreError;

/// How long one statement may take, about: requests wait behind it.
const SHARE: Duration = Duration::from_millis(5);

/// How few rows a statement deletes where large batches hold up others, however slow that is.
#[cfg(any(feature = "postgres-session", feature = "sqlite-session"))]
pub(in crate::storage) const SMALLEST_BATCH: u32 = 16;

/// How many rows a statement deletes at most.
pub(in crate::storage) const LARGEST_BATCH: u32 = 500;

/// A clean-up that goes on in the background, until this is stopped or dropped.
#[derive(Debug)]
pub struct CleanupTask {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl CleanupTask {
    /// Starts to call `delete_expired` with a limit: now, and then once in every `period`, each time
    /// until there is nothing left to delete. The limit is between `smallest_batch` and
    /// [`LARGEST_BATCH`], as large as the database is fast.
    ///
    /// Panics outside of a Tokio runtime, and if `period` is zero.
    pub(in crate::storage) fn start<F>(
        period: Duration,
        smallest_batch: u32,
        delete_expired: impl Fn(u32) -> F + Send + Sync + 'static,
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
                    () = delete_all_expired(smallest_batch, &delete_expired) => {}
                }
            }
        });
        Self {
            task,
            stop: Some(stop),
        }
    }

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

async fn delete_all_expired<F>(smallest_batch: u32, delete_expired: impl Fn(u32) -> F)
where
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut batch = smallest_batch;
    loop {
        let begun = Instant::now();
        match delete_expired(batch).await {
            Ok(0) => return,
            // Fewer than asked for may only mean that another server was at the same ones. Twice as long
            // for the requests: so cleaning up takes a third of the database at most, however slow it is.
            Ok(_) => {
                let took = begun.elapsed();
                tokio::time::sleep(2 * took).await;
                batch = after(batch, took).clamp(smallest_batch, LARGEST_BATCH);
            }
            Err(error) => {
                let error: &(dyn std::error::Error + 'static) = &error;
                return tracing::error!(error, "ended sessions could not be deleted");
            }
        }
    }
}

/// How many rows to delete next, when so many took so long.
fn after(batch: u32, took: Duration) -> u32 {
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
    use super::*;

    #[test]
    fn a_batch_is_as_large_as_the_database_is_fast() {
        for (per_row, settled) in [(1000, 5), (200, 20), (70, 40)] {
            let per_row = Duration::from_micros(per_row);
            let batch = (0..20).fold(10, |batch, _| after(batch, per_row * batch));
            assert_eq!(batch, settled);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn no_batch_is_larger_or_smaller_than_it_may_be() {
        for (smallest, took, expected) in [
            (100, 0, [100, 200, 400, 500, 500]),
            (100, 60, [100, 100, 100, 100, 100]),
        ] {
            let batches = std::sync::Mutex::new(Vec::new());
            delete_all_expired(smallest, |batch| {
                let mut batches = batches.lock().unwrap();
                batches.push(batch);
                let deleted = u64::from(batches.len() < 5);
                async move {
                    tokio::time::sleep(Duration::from_millis(took)).await;
                    Ok(deleted)
                }
            })
            .await;
            assert_eq!(*batches.lock().unwrap(), expected);
        }
    }
}
