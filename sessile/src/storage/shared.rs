//! A store behind an [`Arc`] is a store.

use std::{sync::Arc, time::Duration};

use super::{
    CreateOutcome, Freshness, Loaded, SessionId, SessionStore, StoreError, SubjectDigest,
    UpdateOutcome, Version,
};
use crate::record::Record;

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

    fn opens_actix_session_key(&self, key: &str) -> bool {
        S::opens_actix_session_key(self, key)
    }
}
