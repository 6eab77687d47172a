//! The sessions of everyone: for administrators.

use std::num::NonZeroU32;

use super::{EndCause, SessionInfo, Sessions};
use crate::storage::{Cursor, IterableStore, ManagedStore, SessionId, StoreError};

/// The maximum number of sessions of a page.
const MAX_LIMIT: u32 = 1000;

impl<S: IterableStore> Sessions<S> {
    /// A page of live sessions, of users and guests.
    ///
    /// `after` is the [cursor](SessionsPage::next) of the page before; `None` asks for the first page. `limit` is the number
    /// of sessions that a page should have, from 1 to 1000; other numbers are clamped. A page can have fewer
    /// sessions, even none, before the last one. A session that lives throughout the iteration is shown at least once.
    ///
    /// Costs the time and memory for `limit` records. Each store documents its own costs at its implementation of
    /// [`IterableStore`].
    ///
    /// ```
    /// # use sessile::{Sessions, engine::{SealingKey, SessionManager}, storage::MemorySessionStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
    /// # let store = MemorySessionStore::default();
    /// # let manager = SessionManager::new(store.clone(), SealingKey::generate(), Default::default())?;
    /// # for _ in 0..3 {
    /// #     let session = manager.open([]).await?;
    /// #     session.insert("visits", 1)?;
    /// #     session.save().await?;
    /// # }
    /// let sessions = Sessions::new(store);
    /// let (mut visits, mut after) = (0, None);
    /// loop {
    ///     let page = sessions.page(after.as_ref(), 2).await?;
    ///     for session in &page.sessions {
    ///         visits += session.get::<u32>("visits")?.unwrap_or(0);
    ///     }
    ///     after = page.next;
    ///     if after.is_none() {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(visits, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// If the store fails, and of kind [`Unsupported`](crate::storage::StoreErrorKind::Unsupported) for a cursor that is
    /// not one of the store.
    pub async fn page(
        &self,
        after: Option<&Cursor>,
        limit: u32,
    ) -> Result<SessionsPage, StoreError> {
        let limit = NonZeroU32::new(limit.min(MAX_LIMIT)).unwrap_or(NonZeroU32::MIN);
        let found = self.store().page(after, limit).await?;
        let now = self.now();
        let mut page = SessionsPage {
            next: found.next,
            ..SessionsPage::default()
        };
        for (id, loaded) in found.sessions {
            match loaded {
                Ok(loaded) => page.sessions.extend(SessionInfo::live(id, loaded, now)),
                Err(error) => page.unreadable.push((id, error)),
            }
        }
        Ok(page)
    }

    /// The number of live sessions, of users and guests.
    ///
    /// It is exact except in Redis, and counts a session for up to a minute after it expired. If the store is also that
    /// of a [`RevocationList`](crate::storage::RevocationList), the entries of the list are counted as well. Each store
    /// documents its own costs at its implementation of [`IterableStore`].
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn count(&self) -> Result<u64, StoreError> {
        self.store().count().await
    }

    /// Deletes all sessions, of users and guests: for example after a change that old sessions must not survive.
    ///
    /// Requests in flight never bring a session back: their changes fail as those of an ended session do, mostly with 409.
    /// A session that is created during the call may stay. Don't call it for the store of a
    /// [`RevocationList`](crate::storage::RevocationList): the ended sessions on the list, which are in cookies, would be
    /// opened again. After a breach, use [`end_everything`](Self::end_everything) instead, which refuses sign-ins in flight
    /// as well.
    ///
    /// # Errors
    ///
    /// If sessions may be left. The call can be repeated.
    pub async fn clear(&self) -> Result<(), StoreError> {
        self.store().clear().await?;
        self.report(EndCause::Sessions, None, None);
        Ok(())
    }
}

impl<S: ManagedStore> Sessions<S> {
    /// Fails if the store can't serve sessions at the moment: for a health check. Costs as much as a load.
    ///
    /// # Errors
    ///
    /// As [`ManagedStore::ping`].
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.store().ping().await
    }

    /// Closes the store, after the operations that have begun: for the shutdown of an application. Later operations fail,
    /// and with them all requests that use a session.
    ///
    /// # Errors
    ///
    /// As [`ManagedStore::close`].
    pub async fn close(&self) -> Result<(), StoreError> {
        self.store().close().await
    }
}

/// Some of the sessions of a store: see [`Sessions::page`].
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct SessionsPage {
    /// The live sessions.
    pub sessions: Vec<SessionInfo>,
    /// Sessions whose records can't be decoded, or are of a later version of this crate, and the errors.
    /// [`end_by_id`](Sessions::end_by_id) deletes one.
    pub unreadable: Vec<(SessionId, StoreError)>,
    /// Where the next page begins; `None` after the last page.
    pub next: Option<Cursor>,
}
