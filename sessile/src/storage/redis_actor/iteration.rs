//! Iterating over the sessions, counting and clearing them, through an actor.
//!
//! The actor bounds the time of an operation, so a count and a clear are one operation for each `SCAN`.

use std::{num::NonZeroU32, sync::PoisonError};

use super::RedisActorSessionStore;
use crate::storage::{Cursor, IterableStore, ManagedStore, Page, StoreError};

/// As those of [`RedisSessionStore`](crate::storage::RedisSessionStore).
impl IterableStore for RedisActorSessionStore {
    async fn page(&self, after: Option<&Cursor>, limit: NonZeroU32) -> Result<Page, StoreError> {
        let after = after.cloned();
        self.ask(move |store| async move { store.page(after.as_ref(), limit).await })
            .await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let (mut count, mut position) = (0, None);
        loop {
            let counting =
                self.ask(move |store| async move { store.count_more(count, position).await });
            (count, position) = counting.await?;
            if position.is_none() {
                return Ok(count);
            }
        }
    }

    async fn clear(&self) -> Result<(), StoreError> {
        let mut position = None;
        loop {
            let clearing = self.ask(|store| async move { store.clear_some(position).await });
            position = clearing.await?;
            if position.is_none() {
                return Ok(());
            }
        }
    }
}

/// [`close`](ManagedStore::close) ends the actors of all clones after the operations that they have begun. The same happens
/// if the last clone is dropped.
impl ManagedStore for RedisActorSessionStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.ask(|store| async move { store.ping().await }).await
    }

    async fn close(&self) -> Result<(), StoreError> {
        let workers = self.0.workers.lock();
        *workers.unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }
}
