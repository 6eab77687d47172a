//! [`DynStore`]: a store whose type is not known, with its futures boxed.

use std::time::Duration;

use crate::{
    record::Record,
    storage::{
        BoxFuture, CreateOutcome, EndReporter, Freshness, Loaded, RevocationList, SessionId,
        SessionStore, StoreError, SubjectDigest, UpdateOutcome, Version,
    },
};

/// [`SessionStore`] as a trait object.
pub(super) trait DynStore: Send + Sync {
    fn load<'a>(
        &'a self,
        id: &'a SessionId,
        subject: Option<&'a SubjectDigest>,
        freshness: Freshness,
    ) -> BoxFuture<'a, Result<Option<Loaded>, StoreError>>;

    fn create<'a>(
        &'a self,
        id: &'a SessionId,
        record: &'a Record,
        version: Version,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<CreateOutcome, StoreError>>;

    fn update<'a>(
        &'a self,
        id: &'a SessionId,
        expected: Version,
        record: &'a Record,
        version: Version,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<UpdateOutcome, StoreError>>;

    fn delete<'a>(&'a self, id: &'a SessionId) -> BoxFuture<'a, Result<(), StoreError>>;

    fn keeps_nothing(&self) -> bool;

    fn revocations(&self) -> Option<&RevocationList>;

    fn opens_actix_session_key(&self, key: &str) -> bool;

    fn end_reporter(&self) -> Option<&EndReporter>;
}

impl<S: SessionStore> DynStore for S {
    fn load<'a>(
        &'a self,
        id: &'a SessionId,
        subject: Option<&'a SubjectDigest>,
        freshness: Freshness,
    ) -> BoxFuture<'a, Result<Option<Loaded>, StoreError>> {
        Box::pin(SessionStore::load(self, id, subject, freshness))
    }

    fn create<'a>(
        &'a self,
        id: &'a SessionId,
        record: &'a Record,
        version: Version,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<CreateOutcome, StoreError>> {
        Box::pin(SessionStore::create(self, id, record, version, ttl))
    }

    fn update<'a>(
        &'a self,
        id: &'a SessionId,
        expected: Version,
        record: &'a Record,
        version: Version,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<UpdateOutcome, StoreError>> {
        Box::pin(SessionStore::update(
            self, id, expected, record, version, ttl,
        ))
    }

    fn delete<'a>(&'a self, id: &'a SessionId) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(SessionStore::delete(self, id))
    }

    fn keeps_nothing(&self) -> bool {
        SessionStore::keeps_nothing(self)
    }

    fn revocations(&self) -> Option<&RevocationList> {
        SessionStore::revocations(self)
    }

    fn opens_actix_session_key(&self, key: &str) -> bool {
        SessionStore::opens_actix_session_key(self, key)
    }

    fn end_reporter(&self) -> Option<&EndReporter> {
        SessionStore::end_reporter(self)
    }
}
