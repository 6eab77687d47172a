//! The operations of a store, as commands of Redis.
//!
//! If the connection breaks, a load, an update and a delete are sent again, as [the contract](crate::storage) allows.
//! A create is sent again only if the server refused it (`READONLY`, `MOVED`).

use std::time::Duration;

use redis::Value;

use super::{
    RedisSessionStore,
    connection::Reply,
    error::Fault,
    near::{Fetched, NearCache},
    script::{Action, Request},
    value::{self, encode, version_text},
};
use crate::{
    record::Record,
    storage::{
        CreateOutcome, Freshness, Loaded, SessionId, SessionStore, StoreError, SubjectDigest,
        UpdateOutcome, Version, timing::millis,
    },
};

impl SessionStore for RedisSessionStore {
    async fn load(
        &self,
        id: &SessionId,
        _subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        let redis_key = self.redis_key(id);
        let Some(near_cache) = &self.near_cache else {
            return self.fetch(&redis_key, id).await;
        };
        match freshness {
            Freshness::Cached => {
                if let Some(loaded) = near_cache.get(&redis_key) {
                    return Ok(Some(loaded));
                }
            }
            // A read that began earlier must not be cached after this one.
            Freshness::Current => near_cache.evict(&redis_key),
        }
        Box::pin(self.fetch_and_cache(near_cache, &redis_key, id)).await
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        // Redis refuses a time to live of zero. Such a record is never there.
        if ttl.is_zero() {
            return Ok(CreateOutcome::Created);
        }
        let value = encode(version, record);
        let action = Action::Create {
            value: &value,
            ttl: millis(ttl),
        };
        match self.write(&self.redis_key(id), action).await?.value {
            Value::Okay => Ok(CreateOutcome::Created),
            Value::Nil => Ok(CreateOutcome::Taken),
            _ => Err(Fault::UnexpectedReply.into()),
        }
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let arguments = [
            version_text(expected),
            version_text(version),
            encode(version, record),
            millis(ttl).to_string(),
        ];
        let action = Action::Update(&arguments);
        let reply = self.write(&self.redis_key(id), action).await?;
        let outcome = match &reply.value {
            Value::BulkString(word) => update_outcome(word),
            _ => None,
        };
        match outcome.ok_or(Fault::UnexpectedReply)? {
            UpdateOutcome::Updated => Ok(UpdateOutcome::Updated),
            // The first attempt may have been stored, and changed by another request since.
            _ if reply.repeated => Err(Fault::Overtaken.into()),
            outcome => Ok(outcome),
        }
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.write(&self.redis_key(id), Action::Delete).await?;
        Ok(())
    }

    fn opens_actix_session_key(&self, key: &str) -> bool {
        crate::record::actix_session::is_key(key)
    }
}

impl RedisSessionStore {
    async fn fetch(&self, redis_key: &str, id: &SessionId) -> Result<Option<Loaded>, StoreError> {
        let request = Request {
            redis_key,
            action: Action::Get,
        };
        let reply = self.connection.send(&request).await?;
        self.decode(&reply.value, id)
    }

    /// As [`fetch`](Self::fetch), and adds the session to `near_cache`.
    async fn fetch_and_cache(
        &self,
        near_cache: &NearCache,
        redis_key: &str,
        id: &SessionId,
    ) -> Result<Option<Loaded>, StoreError> {
        let request = Request {
            redis_key,
            action: Action::GetTimed,
        };
        let read = near_cache.begin_read(redis_key);
        let reply = self.connection.send(&request).await?;
        let (value, ttl) = match &reply.value {
            Value::Array(both) => match both.as_slice() {
                [value, Value::Int(millis)] => (value, Some(*millis)),
                _ => return Err(Fault::UnexpectedReply.into()),
            },
            value => (value, None),
        };
        let loaded = self.decode(value, id)?;
        // Negative if there is no time to live, or if it has just passed.
        let ttl = ttl.and_then(|millis| u64::try_from(millis).ok());
        if let (Some(loaded), Some(millis), Some(provenance)) = (&loaded, ttl, reply.provenance) {
            let fetched = Fetched {
                loaded: loaded.clone(),
                ttl: Duration::from_millis(millis),
                provenance,
            };
            near_cache.insert(read, redis_key, fetched);
        }
        Ok(loaded)
    }

    fn decode(&self, value: &Value, id: &SessionId) -> Result<Option<Loaded>, StoreError> {
        match value {
            Value::Nil => Ok(None),
            Value::BulkString(bytes) => Ok(Some(value::decode(bytes, id, self.clock.now())?)),
            _ => Err(Fault::UnexpectedReply.into()),
        }
    }

    /// Sends a write, and evicts the session before and after, whatever the outcome.
    async fn write(&self, redis_key: &str, action: Action<'_>) -> Result<Reply, StoreError> {
        let near_cache = self.near_cache.as_ref();
        let _write = near_cache.map(|near_cache| near_cache.begin_write(redis_key));
        let request = Request { redis_key, action };
        self.connection.send(&request).await
    }
}

/// The outcome that the script of an update answers with.
fn update_outcome(word: &[u8]) -> Option<UpdateOutcome> {
    match word {
        b"updated" => Some(UpdateOutcome::Updated),
        b"conflict" => Some(UpdateOutcome::Conflict),
        b"missing" => Some(UpdateOutcome::Missing),
        _ => None,
    }
}
