//! [`Unreliable`]: a store whose operations take turns with those of other tasks, and fail at random.

use std::{
    future::poll_fn,
    num::NonZeroU32,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    task::Poll,
    time::Duration,
};

use sessile::{clock::ManualClock, record::Record, storage::*};
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

    /// Runs an operation, which fails before or after it has happened.
    async fn run<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let error = || StoreError::new(StoreErrorKind::Unavailable, "the store fails");
        let percent = self.failures.load(SeqCst);
        let (fails_before, fails_after) = (fastrand::u32(..100) < percent, fastrand::bool());
        wait().await;
        if fails_before && !fails_after {
            return Err(error());
        }
        let done = operation.await;
        wait().await;
        match fails_before {
            true => Err(error()),
            false => done,
        }
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

impl SessionStore for Unreliable {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        self.run(self.memory.load(id, subject, freshness)).await
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        self.run(self.memory.create(id, record, version, ttl)).await
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let updating = self.memory.update(id, expected, record, version, ttl);
        self.run(updating).await
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.run(self.memory.delete(id)).await
    }
}

impl IterableStore for Unreliable {
    async fn page(&self, after: Option<&Cursor>, limit: NonZeroU32) -> Result<Page, StoreError> {
        self.run(self.memory.page(after, limit)).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.run(self.memory.count()).await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.run(self.memory.clear()).await
    }
}
