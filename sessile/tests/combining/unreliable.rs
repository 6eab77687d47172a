//! [`Unreliable`]: a real store, some of whose requests and replies are lost.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use sessile::{
    record::Record,
    storage::{
        CreateOutcome, Freshness, Loaded, SessionId, SessionStore, StoreError, StoreErrorKind,
        SubjectDigest, UpdateOutcome, Version,
    },
};
use tokio::task::yield_now;

pub(crate) struct Unreliable<S> {
    store: S,
    /// How many updates reached it.
    pub(crate) updates: AtomicU64,
}

impl<S> Unreliable<S> {
    pub(crate) fn new(store: S) -> Self {
        Self {
            store,
            updates: AtomicU64::new(0),
        }
    }
}

/// One in a hundred operations fails: before it is sent, before it arrives, or before its reply arrives.
async fn unreliably<T>(
    operation: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let failure = || StoreError::new(StoreErrorKind::Unavailable, "lost");
    // Lets other requests run, even if the store answers at once.
    yield_now().await;
    let answer = match fastrand::u32(..300) {
        0 => Err(failure().not_sent()),
        1 => Err(failure()),
        2 => operation.await.and(Err(failure())),
        _ => operation.await,
    };
    yield_now().await;
    answer
}

impl<S: SessionStore> SessionStore for Unreliable<S> {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        unreliably(self.store.load(id, subject, freshness)).await
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        self.store.create(id, record, version, ttl).await
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        self.updates.fetch_add(1, Ordering::Relaxed);
        unreliably(self.store.update(id, expected, record, version, ttl)).await
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.store.delete(id).await
    }
}
