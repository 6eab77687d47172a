//! [`DynStore`]: a store whose type is not known, with its futures boxed.

use std::time::Duration;

use crate::{
    record::Record,
    session::BoxFuture,
    storage::{Loaded, SessionKey, SessionStore, StoreError, Stored, Swap, Version},
};

/// [`SessionStore`] as a trait object.
pub(super) trait DynStore: Send + Sync {
    fn load<'a>(&'a self, key: &'a SessionKey)
    -> BoxFuture<'a, Result<Option<Loaded>, StoreError>>;

    fn create<'a>(
        &'a self,
        record: &'a Record,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Stored, StoreError>>;

    fn update<'a>(
        &'a self,
        key: &'a SessionKey,
        version: Version,
        record: &'a Record,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Swap, StoreError>>;

    fn renew<'a>(
        &'a self,
        key: &'a SessionKey,
        version: Version,
        record: &'a Record,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Swap, StoreError>>;

    fn delete<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<(), StoreError>>;
}

impl<S: SessionStore> DynStore for S {
    fn load<'a>(
        &'a self,
        key: &'a SessionKey,
    ) -> BoxFuture<'a, Result<Option<Loaded>, StoreError>> {
        Box::pin(SessionStore::load(self, key))
    }

    fn create<'a>(
        &'a self,
        record: &'a Record,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Stored, StoreError>> {
        Box::pin(SessionStore::create(self, record, ttl))
    }

    fn update<'a>(
        &'a self,
        key: &'a SessionKey,
        version: Version,
        record: &'a Record,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Swap, StoreError>> {
        Box::pin(SessionStore::update(self, key, version, record, ttl))
    }

    fn renew<'a>(
        &'a self,
        key: &'a SessionKey,
        version: Version,
        record: &'a Record,
        ttl: Duration,
    ) -> BoxFuture<'a, Result<Swap, StoreError>> {
        Box::pin(SessionStore::renew(self, key, version, record, ttl))
    }

    fn delete<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<(), StoreError>> {
        Box::pin(SessionStore::delete(self, key))
    }
}
