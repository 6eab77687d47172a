//! Iterating over the sessions, counting and clearing them.

use std::{num::NonZeroU32, sync::atomic::Ordering::Relaxed};

use super::{Database, DatabaseSessionStore, Marks, StoreError};
use crate::storage::{Cursor, IterableStore, ManagedStore, Page, SessionId};

/// The number of sessions is exact.
impl<B: Database> IterableStore for DatabaseSessionStore<B> {
    async fn page(&self, after: Option<&Cursor>, limit: NonZeroU32) -> Result<Page, StoreError> {
        let after = after.map(Cursor::id).transpose()?;
        let rows = self
            .maintain(|database, attempt| database.page(after.as_ref(), limit, attempt))
            .await?;
        let is_full = rows.len() == limit.get() as usize;
        let last = rows.last().filter(|_| is_full);
        let next = last.map(|(id, _)| Cursor::of_id(id));
        let sessions = rows.into_iter().map(|(id, row)| (id, row.decode()));
        Ok(Page {
            sessions: sessions.collect(),
            next,
        })
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.maintain(|database, attempt| database.count(attempt))
            .await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.delete_all(i64::MAX).await
    }
}

impl<B: Database> ManagedStore for DatabaseSessionStore<B> {
    async fn ping(&self) -> Result<(), StoreError> {
        let id = SessionId::generate();
        self.find(&id, Marks::Read).await.map(drop)
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.0.is_closed.store(true, Relaxed);
        self.0.database.close();
        Ok(())
    }
}
