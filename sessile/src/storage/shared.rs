//! A store behind an [`Arc`] is a store.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use super::{
    CreateOutcome, Cursor, EndOutcome, EndReporter, Freshness, IterableStore, Kept, Loaded,
    ManagedStore, Page, RevocationList, SessionId, SessionLimit, SessionStore, SignInOutcome,
    SignInWrite, StoreError, SubjectDigest, SubjectStore, UpdateOutcome, Version,
};
use crate::{clock::Timestamp, record::Record};

impl<S: SessionStore> SessionStore for Arc<S> {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        S::load(self, id, subject, freshness).await
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        S::create(self, id, record, version, ttl).await
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        S::update(self, id, expected, record, version, ttl).await
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        S::delete(self, id).await
    }

    fn keeps_nothing(&self) -> bool {
        S::keeps_nothing(self)
    }

    fn revocations(&self) -> Option<&RevocationList> {
        S::revocations(self)
    }

    fn opens_actix_session_key(&self, key: &str) -> bool {
        S::opens_actix_session_key(self, key)
    }

    fn end_reporter(&self) -> Option<&EndReporter> {
        S::end_reporter(self)
    }
}

impl<S: SubjectStore> SubjectStore for Arc<S> {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        S::sign_in(self, write, limit).await
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        S::list(self, subject).await
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        S::find_by_label(self, label).await
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        S::end_subject(self, subject, now, kept).await
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        S::is_revoked(self, id, subject, since).await
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        S::end_everything(self, now).await
    }

    fn has_subjects(&self) -> bool {
        S::has_subjects(self)
    }
}

impl<S: IterableStore> IterableStore for Arc<S> {
    async fn page(&self, after: Option<&Cursor>, limit: NonZeroU32) -> Result<Page, StoreError> {
        S::page(self, after, limit).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        S::count(self).await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        S::clear(self).await
    }
}

impl<S: ManagedStore> ManagedStore for Arc<S> {
    async fn ping(&self) -> Result<(), StoreError> {
        S::ping(self).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        S::close(self).await
    }
}
