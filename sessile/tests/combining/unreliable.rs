//! [`Unreliable`]: a real store, some of whose requests and replies are lost.

use std::sync::atomic::{AtomicU64, Ordering};

use sessile::storage::{Answer, Operation, SessionStore, StoreError, StoreErrorKind, StoreWrapper};
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

impl<S: SessionStore> StoreWrapper for Unreliable<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.store
    }

    async fn around<T: Answer>(
        &self,
        operation: Operation,
        future: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        if operation == Operation::Update {
            self.updates.fetch_add(1, Ordering::Relaxed);
        }
        match operation {
            Operation::Load | Operation::Update => unreliably(future).await,
            _ => future.await,
        }
    }
}
