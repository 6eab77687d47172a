//! [`IterableDatabase`]: all sessions, on one kind of database server.

use std::{num::NonZeroU32, sync::atomic::Ordering::Relaxed};

use super::{
    Answer, DatabaseSessionStore, Failure, Marks, Row, SubjectDatabase, subjects::SCANNING,
    until_done,
};
use crate::storage::{
    Cursor, IterableStore, ManagedStore, Page, SessionId, StoreError, timing::Deadline,
};

/// The operations on all sessions. Each can be repeated.
pub(in crate::storage) trait IterableDatabase: SubjectDatabase {
    /// The live rows that follow `after` in the order of their ids, at most `limit`.
    fn page(
        &self,
        after: Option<&SessionId>,
        limit: NonZeroU32,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<Vec<(SessionId, Row)>>, Failure>> + Send;

    /// The number of live rows.
    fn count(
        &self,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<u64>, Failure>> + Send;
}

impl<B: IterableDatabase> IterableStore for DatabaseSessionStore<B> {
    async fn page(&self, after: Option<&Cursor>, limit: NonZeroU32) -> Result<Page, StoreError> {
        let database = self.database()?;
        let after = after.map(Cursor::id).transpose()?;
        let rows = until_done(SCANNING, |deadline| {
            database.page(after.as_ref(), limit, deadline)
        });
        let rows = rows.await?;
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
        let database = self.database()?;
        until_done(SCANNING, |deadline| database.count(deadline)).await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.delete_all(i64::MAX).await
    }
}

impl<B: IterableDatabase> ManagedStore for DatabaseSessionStore<B> {
    async fn ping(&self) -> Result<(), StoreError> {
        let id = SessionId::generate();
        self.find(&id, Marks::Read).await.map(drop)
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.is_closed.store(true, Relaxed);
        self.database.close();
        Ok(())
    }
}
