//! Deleting the rows of sessions whose time is over, again and again.

use std::time::Duration;

use tokio::{
    sync::oneshot,
    task::JoinHandle,
    time::{Instant, MissedTickBehavior},
};

use super::super::StoreError;

/// How long one statement may take, about: requests wait behind it.
const SHARE: Duration = Duration::from_millis(10);

/// How many rows the first statement deletes, and any at least and at most.
const BATCH: u32 = 64;
const SMALLEST_BATCH: u32 = 16;
const LARGEST_BATCH: u32 = 500;

/// A clean-up that goes on in the background, until this is stopped or dropped.
#[derive(Debug)]
pub struct CleanupTask {
    task: JoinHandle<()>,
    stop: Option<oneshot::Sender<()>>,
}

impl CleanupTask {
    /// Starts to call `delete_expired` with a limit: now, and then once in every `period`, each time
    /// until there is nothing left to delete.
    ///
    /// Panics outside of a Tokio runtime, and if `period` is zero.
    pub(in crate::storage) fn start<F>(
        period: Duration,
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
                    () = delete_all_expired(&delete_expired) => {}
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

async fn delete_all_expired<F>(delete_expired: impl Fn(u32) -> F)
where
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut batch = BATCH;
    loop {
        let begun = Instant::now();
        match delete_expired(batch).await {
            Ok(0) => return,
            // Fewer than asked for may only mean that another server was at the same ones. Twice as long
            // for the requests: so cleaning up takes a third of the database at most, however slow it is.
            Ok(_) => {
                let took = begun.elapsed();
                tokio::time::sleep(2 * took).await;
                batch = after(batch, took);
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
    let next = if took > SHARE {
        batch / 2
    } else if took < SHARE / 2 {
        batch * 2
    } else {
        batch
    };
    next.clamp(SMALLEST_BATCH, LARGEST_BATCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_as_large_as_the_database_is_fast() {
        let settled =
            |per_row: Duration| (0..20).fold(BATCH, |batch, _| after(batch, per_row * batch));
        assert_eq!(settled(Duration::from_micros(1)), LARGEST_BATCH);
        assert_eq!(settled(Duration::from_micros(70)), 128);
        assert_eq!(settled(Duration::from_millis(100)), SMALLEST_BATCH);
    }
}
