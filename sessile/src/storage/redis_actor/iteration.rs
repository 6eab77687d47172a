//! Iterating over the sessions, counting and clearing them, over the connection of this thread's actor.

use std::num::NonZeroU32;

use super::RedisActorSessionStore;
use crate::storage::{Cursor, IterableStore, ManagedStore, Page, StoreError, lock::lock};

/// As those of [`RedisSessionStore`](crate::storage::RedisSessionStore).
impl IterableStore for RedisActorSessionStore {
    async fn page(&self, after: Option<&Cursor>, limit: NonZeroU32) -> Result<Page, StoreError> {
        self.store().await?.page(after, limit).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.store().await?.count().await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.store().await?.clear().await
    }
}

/// [`close`](ManagedStore::close) ends the actors of all clones after the operations that they have begun. The same happens
/// if the last clone is dropped.
impl ManagedStore for RedisActorSessionStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.store().await?.ping().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        *lock(&self.0.workers) = None;
        Ok(())
    }
}
