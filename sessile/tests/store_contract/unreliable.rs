//! [`Unreliable`]: a store whose operations take turns with those of other tasks, and fail at random.

use std::{
    future::poll_fn,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    task::Poll,
};

use sessile::{clock::ManualClock, storage::*};
use tokio::task::yield_now;

/// Sessions in memory. Clones share them.
#[derive(Clone)]
pub(crate) struct Unreliable {
    pub(crate) memory: MemorySessionStore,
    /// How many of a hundred operations fail.
    failures: Arc<AtomicU32>,
}

impl Unreliable {
    pub(crate) fn new(clock: &ManualClock) -> Self {
        Self {
            memory: MemorySessionStore::builder().clock(clock.clone()).build(),
            failures: Arc::default(),
        }
    }

    pub(crate) fn fail(&self, percent: u32) {
        self.failures.store(percent, SeqCst);
    }
}

async fn wait() {
    for _ in 0..fastrand::u32(..3) {
        yield_now().await;
    }
}

/// The output of `operation`, which is dropped after so many polls: its client disconnects, or its server crashes.
pub(crate) async fn dropped_after<T>(polls: u32, operation: impl Future<Output = T>) -> Option<T> {
    let mut operation = pin!(operation);
    let mut left = polls;
    poll_fn(|context| match operation.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

impl StoreWrapper for Unreliable {
    type Inner = MemorySessionStore;

    fn inner(&self) -> &MemorySessionStore {
        &self.memory
    }

    /// Runs an operation, which fails before or after it has happened.
    async fn around<T: Answer>(
        &self,
        _operation: Operation,
        future: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        let error = || StoreError::new(StoreErrorKind::Unavailable, "the store fails");
        let percent = self.failures.load(SeqCst);
        let (fails_before, fails_after) = (fastrand::u32(..100) < percent, fastrand::bool());
        wait().await;
        if fails_before && !fails_after {
            return Err(error());
        }
        let done = future.await;
        wait().await;
        match fails_before {
            true => Err(error()),
            false => done,
        }
    }
}
