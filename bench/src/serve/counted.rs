//! A store that counts updates and conflicts.

use std::{
    any::Any,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use sessile::storage::{Answer, Operation, SessionStore, StoreError, StoreWrapper, UpdateOutcome};

/// The operations of a store since the server started.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) updates: AtomicU64,
    /// The updates that conflict and have to be repeated.
    pub(super) conflicts: AtomicU64,
}

/// Counts the updates of a store.
pub(super) struct Counted<S> {
    store: S,
    counts: Arc<Counts>,
}

impl<S: SessionStore> Counted<S> {
    pub(super) fn new(store: S, counts: Arc<Counts>) -> Self {
        Self { store, counts }
    }
}

impl<S: SessionStore> StoreWrapper for Counted<S> {
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
            self.counts.updates.fetch_add(1, Ordering::Relaxed);
        }
        let answer = future.await?;
        if let Some(UpdateOutcome::Conflict) = (&answer as &dyn Any).downcast_ref() {
            self.counts.conflicts.fetch_add(1, Ordering::Relaxed);
        }
        Ok(answer)
    }
}
