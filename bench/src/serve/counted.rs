//! A store that counts conflicts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sessile::{
    Record,
    storage::{Loaded, SessionKey, SessionStore, StoreError, Stored, Swap, Version},
};

/// Counts how often a write came too late and has to be made once more.
pub(super) struct Counted<S> {
    store: S,
    conflicts: Arc<AtomicU64>,
}

impl<S: SessionStore> Counted<S> {
    pub(super) fn new(store: S, conflicts: Arc<AtomicU64>) -> Self {
        Self { store, conflicts }
    }

    fn count(&self, swap: &Swap) {
        if matches!(swap, Swap::Conflict) {
            self.conflicts.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<S: SessionStore> SessionStore for Counted<S> {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        self.store.load(key).await
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        self.store.create(record, ttl).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        let swap = self.store.update(key, version, record, ttl).await;
        swap.inspect(|swap| self.count(swap))
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        let swap = self.store.renew(key, version, record, ttl).await;
        swap.inspect(|swap| self.count(swap))
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.store.delete(key).await
    }
}
