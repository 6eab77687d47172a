//! Moving all sessions, and administrating both stores.

use std::num::NonZeroU32;

use super::{Loaded, MigratingStore, is_placeholder};
use crate::storage::{Cursor, IterableStore, ManagedStore, Page, SessionStore, StoreError};

/// The prefix of cursors into the old store. The pages of the new store follow those of the old one.
const OLD: &str = "old-";
const NEW: &str = "new-";

impl<Old: IterableStore, New: SessionStore> MigratingStore<Old, New> {
    /// Moves up to about `limit` sessions, whether or not they are in use, and deletes copies that were left in the old
    /// store. Returns the cursor to continue from; `None` at the end.
    ///
    /// Call it in a loop, from one server, after all servers have begun to move. Requests can run at the same time: a
    /// moved session keeps its version. Two kinds of sessions stay in the old store: those whose record can't be
    /// decoded, and those that actix-session stored and that have not changed since. Only the old store knows when the
    /// latter end. Their first change moves them.
    ///
    /// # Errors
    ///
    /// If a store fails. The call can be repeated.
    pub async fn move_some(
        &self,
        after: Option<&Cursor>,
        limit: NonZeroU32,
    ) -> Result<Option<Cursor>, StoreError> {
        let page = self.old.page(after, limit).await?;
        for (id, loaded) in page.sessions {
            // A store that does not open sessions of actix-session must not receive an id of their form.
            let is_accepted = id
                .actix_session_key()
                .is_none_or(|key| self.new.opens_actix_session_key(key));
            if let Ok(loaded) = loaded
                && is_accepted
            {
                Box::pin(self.move_unchanged(&id, loaded.record.undated)).await?;
            }
        }
        Ok(page.next)
    }
}

/// The pages of the old store come before those of the new one, so a session that moves during the iteration is shown.
/// [`count`](IterableStore::count) is an estimate: a session that is moved during the call can count twice.
impl<Old: IterableStore, New: IterableStore> IterableStore for MigratingStore<Old, New> {
    async fn page(&self, after: Option<&Cursor>, limit: NonZeroU32) -> Result<Page, StoreError> {
        let (is_new, after) = match after {
            None => (false, None),
            Some(cursor) => cursor.parse(|text| match text.strip_prefix(OLD) {
                Some(after) => Some((false, Some(Cursor::new(after)))),
                // The first page of the new store has no cursor of its own.
                None if text == NEW => Some((true, None)),
                None => Some((true, Some(Cursor::new(text.strip_prefix(NEW)?)))),
            })?,
        };
        if !is_new {
            let mut page = self.old.page(after.as_ref(), limit).await?;
            page.next = Some(match page.next {
                Some(next) => Cursor::new(format!("{OLD}{next}")),
                None => Cursor::new(NEW),
            });
            return Ok(page);
        }
        let mut page = self.new.page(after.as_ref(), limit).await?;
        let is_session = |loaded: &Result<_, _>| match loaded {
            Ok(Loaded { record, .. }) => !is_placeholder(record),
            Err(_) => true,
        };
        page.sessions.retain(|(_, loaded)| is_session(loaded));
        page.next = page.next.map(|next| Cursor::new(format!("{NEW}{next}")));
        Ok(page)
    }

    async fn count(&self) -> Result<u64, StoreError> {
        Ok(self.old.count().await? + self.new.count().await?)
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.old.clear().await?;
        self.new.clear().await
    }
}

impl<Old: ManagedStore, New: ManagedStore> ManagedStore for MigratingStore<Old, New> {
    async fn ping(&self) -> Result<(), StoreError> {
        self.old.ping().await?;
        self.new.ping().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        let old = self.old.close().await;
        self.new.close().await?;
        old
    }
}
