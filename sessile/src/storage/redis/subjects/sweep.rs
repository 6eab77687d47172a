//! Deleting all sessions of a store.

use futures_util::future::try_join_all;

use super::super::{
    RedisSessionStore,
    scan::{Position, SCANNED_AT_ONCE},
};
use crate::{
    clock::Timestamp,
    record::Record,
    storage::{SessionId, StoreError, StoreErrorKind},
};

/// The number of sessions that are deleted at the same time.
const AT_ONCE: usize = 32;

impl RedisSessionStore {
    /// Deletes the sessions that one `SCAN` finds, and no entries of a revocation list. Returns the newest sign-in of them,
    /// and where to continue.
    pub(in crate::storage) async fn end_some(
        &self,
        from: Option<Position>,
    ) -> Result<(Option<Timestamp>, Option<Position>), StoreError> {
        let scanned = self.scan(from, SCANNED_AT_ONCE).await?;
        let deleting = self.delete_sessions(&scanned.ids, Record::is_revocation);
        Ok((deleting.await?, scanned.next))
    }

    /// Deletes the records of these ids, unless they are `kept`. Returns the time of their newest sign-in.
    pub(in super::super) async fn delete_sessions(
        &self,
        ids: &[SessionId],
        kept: fn(&Record) -> bool,
    ) -> Result<Option<Timestamp>, StoreError> {
        let mut newest = None;
        for ids in ids.chunks(AT_ONCE) {
            let deleted = try_join_all(ids.iter().map(|id| self.delete_session(id, kept))).await?;
            newest = newest.max(deleted.into_iter().max().flatten());
        }
        Ok(newest)
    }

    /// Deletes the record of `id`, unless it is `kept`. A value that is not a record stays, because the database may
    /// be shared. Returns when the session signed in, if it did.
    async fn delete_session(
        &self,
        id: &SessionId,
        kept: fn(&Record) -> bool,
    ) -> Result<Option<Timestamp>, StoreError> {
        let signed_in_at = match self.fetch(&self.redis_key(id), id).await {
            Ok(None) => return Ok(None),
            Ok(Some(loaded)) if kept(&loaded.record) => return Ok(None),
            Ok(Some(loaded)) => loaded.record.signed_in_at(),
            Err(error) => match error.kind() {
                StoreErrorKind::Corrupt => return Ok(None),
                StoreErrorKind::Newer => None,
                _ => return Err(error),
            },
        };
        self.delete_record(id).await?;
        Ok(signed_in_at)
    }
}
