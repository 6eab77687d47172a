//! Iterating over the sessions, counting and clearing them.

use std::num::NonZeroU32;

use futures_util::future::try_join_all;

use super::{
    RedisSessionStore,
    request::Request,
    scan::{AT_ONCE, Position, SCANNED_AT_ONCE},
};
use crate::storage::{
    Cursor, IterableStore, Loaded, ManagedStore, Page, SessionId, StoreError, StoreErrorKind,
};

/// The maximum number of `SCAN`s for a page. The database may have many other keys.
const MAX_SCANS: u32 = 16;

/// A session of a page, or why its record can't be decoded.
type Listed = (SessionId, Result<Loaded, StoreError>);

/// Each operation sends `SCAN` to all masters, which looks at all keys of the database. It needs Redis keys that contain the
/// session's id or, for a session of `actix-session`, its key. Without them, the operations are
/// [`Unsupported`](StoreErrorKind::Unsupported).
///
/// - [`page`](IterableStore::page): a page may slightly exceed its limit. If a server is restarted or a replica takes
///   its place during an iteration, the iteration begins again, unless the user may not send `INFO`: then sessions can be
///   missed. On a cluster, they can also be missed if slots move. If the store notices that, the iteration begins again.
/// - [`count`](IterableStore::count) is an estimate. It counts Redis keys without reading their values. So it includes
///   sessions that a mark has ended, until they are deleted, and values that are no records. While Redis resizes its
///   table, keys can count twice. Expired sessions do not count.
/// - [`clear`](IterableStore::clear) reads each session before it deletes it, and leaves values that are no records. A
///   near cache of another server serves a session for up to
///   [`max_staleness`](super::NearCacheConfig::max_staleness), as after any change.
impl IterableStore for RedisSessionStore {
    async fn page(&self, after: Option<&Cursor>, limit: NonZeroU32) -> Result<Page, StoreError> {
        let after = after.map(|cursor| cursor.parse(Position::parse));
        let mut page = Page::default();
        let mut position = after.transpose()?;
        for _ in 0..MAX_SCANS {
            let scanned = self.scan(position, limit.get()).await?;
            page.sessions = self.read_listed(scanned.ids).await?;
            position = scanned.next;
            if !page.sessions.is_empty() || position.is_none() {
                break;
            }
        }
        page.next = position.map(|position| Cursor::new(position.text()));
        Ok(page)
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.count_from(0, None).await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.delete_all(|_| false).await.map(drop)
    }
}

impl RedisSessionStore {
    /// The number of sessions, of which `count` are before `position`.
    pub(super) async fn count_from(
        &self,
        mut count: u64,
        mut position: Option<Position>,
    ) -> Result<u64, StoreError> {
        loop {
            let scanned = self.scan(position, SCANNED_AT_ONCE).await?;
            // If the scan begins again, the count does as well.
            let before = if scanned.is_first { 0 } else { count };
            (count, position) = (before + scanned.ids.len() as u64, scanned.next);
            if position.is_none() {
                return Ok(count);
            }
        }
    }
}

/// [`ping`](ManagedStore::ping) covers the connection, the user's rights, the master behind sentinels, and one node of a
/// cluster.
impl ManagedStore for RedisSessionStore {
    async fn ping(&self) -> Result<(), StoreError> {
        let redis_key = self.redis_key(&SessionId::generate());
        let request = Request::get(&redis_key);
        self.connection.send(&request).await.map(drop)
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.connection.close();
        Ok(())
    }
}

impl RedisSessionStore {
    /// The live sessions of these ids.
    async fn read_listed(&self, ids: Vec<SessionId>) -> Result<Vec<Listed>, StoreError> {
        let mut sessions = Vec::with_capacity(ids.len());
        for ids in ids.chunks(AT_ONCE) {
            let found = try_join_all(ids.iter().map(|id| self.find_listed(id)));
            sessions.extend(found.await?.into_iter().flatten());
        }
        Ok(sessions)
    }

    async fn find_listed(&self, id: &SessionId) -> Result<Option<Listed>, StoreError> {
        let listed = match self.fetch(&self.redis_key(id), id).await {
            Ok(None) => return Ok(None),
            Ok(Some(loaded)) => match self.unless_ended(id, loaded, None).await? {
                None => return Ok(None),
                Some(loaded) => Ok(loaded),
            },
            Err(error) => match error.kind() {
                // Any value of another application can have a key of such a form.
                StoreErrorKind::Corrupt if id.actix_session_key().is_some() => return Ok(None),
                StoreErrorKind::Corrupt | StoreErrorKind::Newer => Err(error),
                _ => return Err(error),
            },
        };
        Ok(Some((id.clone(), listed)))
    }
}
