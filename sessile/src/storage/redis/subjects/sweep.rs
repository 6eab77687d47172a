//! Deleting all sessions of a store.

use futures_util::future::try_join_all;

use super::super::{
    RedisSessionStore,
    scan::{AT_ONCE, SCANNED_AT_ONCE},
};
use crate::{
    clock::Timestamp,
    record::Record,
    storage::{SessionId, StoreError, StoreErrorKind},
};

impl RedisSessionStore {
    /// Deletes all sessions, unless their records are `kept`. Returns the time of their newest sign-in.
    pub(in super::super) async fn delete_all(
        &self,
        kept: fn(&Record) -> bool,
    ) -> Result<Option<Timestamp>, StoreError> {
        let (mut newest, mut position) = (None, None);
        loop {
            let scanned = self.scan(position, SCANNED_AT_ONCE).await?;
            for ids in scanned.ids.chunks(AT_ONCE) {
                let deleting = ids.iter().map(|id| self.delete_session(id, kept));
                let signed_in_at = try_join_all(deleting).await?.into_iter().max().flatten();
                newest = newest.max(signed_in_at);
            }
            position = scanned.next;
            if position.is_none() {
                return Ok(newest);
            }
        }
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
