//! A store that counts updates and conflicts.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sessile::{
    record::Record,
    storage::{
        CreateOutcome, Freshness, Loaded, RevocationList, SessionId, SessionStore, StoreError,
        SubjectDigest, UpdateOutcome, Version,
    },
};

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

impl<S: SessionStore> SessionStore for Counted<S> {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        self.store.load(id, subject, freshness).await
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
        self.counts.updates.fetch_add(1, Ordering::Relaxed);
        let outcome = self.store.update(id, expected, record, version, ttl).await;
        if matches!(outcome, Ok(UpdateOutcome::Conflict)) {
            self.counts.conflicts.fetch_add(1, Ordering::Relaxed);
        }
        outcome
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.store.delete(id).await
    }

    fn keeps_nothing(&self) -> bool {
        self.store.keeps_nothing()
    }

    fn revocations(&self) -> Option<&RevocationList> {
        self.store.revocations()
    }

    fn opens_actix_session_key(&self, key: &str) -> bool {
        self.store.opens_actix_session_key(key)
    }
}
