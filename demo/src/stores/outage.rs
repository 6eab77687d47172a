//! [`WithOutages`]: a store that fails when a visitor asks for it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sessile::{
    clock::Timestamp,
    record::Record,
    storage::{
        CreateOutcome, EndOutcome, Freshness, Kept, Loaded, RevocationList, SessionId,
        SessionLimit, SessionStore, SignInOutcome, SignInWrite, StoreError, StoreErrorKind,
        SubjectDigest, SubjectStore, UpdateOutcome, Version,
    },
};

/// Whether the store is down. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outage {
    ends_at: Arc<Mutex<Option<Instant>>>,
}

impl Outage {
    /// Makes every operation of the store fail for this time.
    pub(crate) fn begin(&self, length: Duration) {
        let ends_at = Instant::now().checked_add(length);
        *self.ends_at.lock().unwrap_or_else(PoisonError::into_inner) = ends_at;
    }

    fn check(&self) -> Result<(), StoreError> {
        let ends_at = *self.ends_at.lock().unwrap_or_else(PoisonError::into_inner);
        match ends_at {
            Some(ends_at) if Instant::now() < ends_at => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "a visitor took it down",
            )
            .not_sent()),
            _ => Ok(()),
        }
    }
}

/// A store that fails during an [`Outage`], and passes all operations on otherwise.
#[derive(Clone, Debug)]
pub(crate) struct WithOutages<S> {
    store: S,
    outage: Outage,
}

impl<S> WithOutages<S> {
    pub(crate) fn new(store: S, outage: Outage) -> Self {
        Self { store, outage }
    }

    fn store(&self) -> Result<&S, StoreError> {
        self.outage.check().map(|()| &self.store)
    }
}

impl<S: SessionStore> SessionStore for WithOutages<S> {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        self.store()?.load(id, subject, freshness).await
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        self.store()?.create(id, record, version, ttl).await
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let store = self.store()?;
        store.update(id, expected, record, version, ttl).await
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.store()?.delete(id).await
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

impl<S: SubjectStore> SubjectStore for WithOutages<S> {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        self.store()?.sign_in(write, limit).await
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        self.store()?.list(subject).await
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        self.store()?.find_by_label(label).await
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        self.store()?.end_subject(subject, now, kept).await
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        self.store()?.is_revoked(id, subject, since).await
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.store()?.end_everything(now).await
    }

    fn has_subjects(&self) -> bool {
        self.store.has_subjects()
    }
}
