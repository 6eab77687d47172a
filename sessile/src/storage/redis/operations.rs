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
    near::{Entry, NearCache},
    request::{Request, parse},
    subjects::is_indexed,
    value::{self, encode, version_text},
};
use crate::{
    record::Record,
    storage::{
        CreateOutcome, Freshness, Loaded, SessionId, SessionStore, SignInOutcome, SignInWrite,
        StoreError, SubjectDigest, UpdateOutcome, Version, timing::millis,
    },
};

impl SessionStore for RedisSessionStore {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        let redis_key = self.redis_key(id);
        let Some(near_cache) = &self.near_cache else {
            if let Some(subject) = subject {
                return Box::pin(self.load_signed_in(&redis_key, id, subject)).await;
            }
            return match self.fetch(&redis_key, id).await? {
                Some(loaded) if loaded.record.has_subject() => {
                    Box::pin(self.unless_ended(id, loaded, None)).await
                }
                loaded => Ok(loaded),
            };
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
        Box::pin(self.load_and_cache(near_cache, &redis_key, id, subject)).await
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
        let write = SignInWrite::create(id, record, version, ttl);
        let outcome = match is_indexed(record) {
            true => Box::pin(self.write_indexed(write, None)).await?,
            false => self.store_record(&write, &[]).await?.0,
        };
        Ok(outcome.into())
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let write = SignInWrite::update(id, expected, record, version, ttl);
        let outcome = match is_indexed(record) && !ttl.is_zero() {
            true => Box::pin(self.write_indexed(write, None)).await?,
            false => self.store_record(&write, &[]).await?.0,
        };
        Ok(outcome.into())
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.delete_record(id).await.map(drop)
    }

    fn opens_actix_session_key(&self, key: &str) -> bool {
        crate::record::actix_session::is_key(key)
    }
}

impl RedisSessionStore {
    /// Stores a record, if there is none or one that has the expected version. No index is changed. Returns the values of
    /// `reads` after that as well.
    pub(super) async fn store_record(
        &self,
        write: &SignInWrite<'_>,
        reads: &[String],
    ) -> Result<(SignInOutcome, Vec<Value>), StoreError> {
        let (redis_key, ttl) = (self.redis_key(write.id), millis(write.ttl));
        let value = encode(write.version, write.record);
        let request = match write.expected {
            None => Request::create(&redis_key, &value, ttl, reads),
            Some(expected) => {
                let [expected, version] = [expected, write.version].map(version_text);
                let arguments = [expected, version, value, ttl.to_string()];
                Request::update(&redis_key, &arguments, reads)
            }
        };
        let reply = self.write(&request).await?;
        let outcome = match (write.expected, &reply.value) {
            (None, Value::Okay) => SignInOutcome::STORED,
            (None, Value::Nil) => SignInOutcome::Taken,
            (Some(_), Value::BulkString(word)) => match &**word {
                b"updated" => SignInOutcome::STORED,
                // The first attempt may have been stored, and changed by another request since.
                b"conflict" | b"missing" if reply.repeated => return Err(Fault::Overtaken.into()),
                b"conflict" => SignInOutcome::Conflict,
                b"missing" => SignInOutcome::Missing,
                _ => return Err(Fault::UnexpectedReply.into()),
            },
            _ => return Err(Fault::UnexpectedReply.into()),
        };
        Ok((outcome, reply.reads))
    }

    /// Deletes a record. No index is changed. Returns whether there was one.
    pub(super) async fn delete_record(&self, id: &SessionId) -> Result<bool, StoreError> {
        let reply = self.write(&Request::delete(&self.redis_key(id))).await?;
        Ok(reply.value != Value::Int(0))
    }

    /// The record under `redis_key`, whether or not a mark has ended the session.
    pub(super) async fn fetch(
        &self,
        redis_key: &str,
        id: &SessionId,
    ) -> Result<Option<Loaded>, StoreError> {
        let reply = self.connection.send(&Request::get(redis_key)).await?;
        self.decode(&reply.value, id)
    }

    /// Loads the session and the marks of `subject`, whose session it should be. Adds it to `near_cache`.
    async fn load_and_cache(
        &self,
        near_cache: &NearCache,
        redis_key: &str,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
    ) -> Result<Option<Loaded>, StoreError> {
        let request = Request::get_timed(redis_key);
        let read = near_cache.begin_read(redis_key);
        let (mut reply, marks) = match subject {
            None => (self.connection.send(&request).await?, None),
            Some(subject) => {
                let sending = self.connection.send(&request);
                let (reply, marks) = tokio::try_join!(sending, self.marks_of(subject))?;
                (reply, Some((subject, marks)))
            }
        };
        let Some(loaded) = self.decode(&reply.value, id)? else {
            return Ok(None);
        };
        // It is an error if the slot has just moved. The session is then not cached.
        let ttl = reply.reads.pop().and_then(|ttl| parse::<i64>(ttl).ok());
        let marks = self.marks_on(&loaded.record, marks).await?;
        if marks.have_ended(id, &loaded.record) {
            return Ok(None);
        }
        if loaded.record.has_subject() && marks.watched.is_none() {
            return Ok(Some(loaded));
        }
        // Negative if there is no time to live, or if it has just passed.
        let ttl = ttl.and_then(|millis| u64::try_from(millis).ok());
        let ttl = ttl.map(Duration::from_millis);
        if let (Some(ttl), Some(provenance)) = (ttl, reply.provenance)
            && let Some(entry) = Entry::new(&loaded, ttl, provenance, marks.watched)
        {
            near_cache.insert(read, redis_key, entry);
        }
        Ok(Some(loaded))
    }

    fn decode(&self, value: &Value, id: &SessionId) -> Result<Option<Loaded>, StoreError> {
        match value {
            Value::Nil => Ok(None),
            Value::BulkString(bytes) => Ok(Some(value::decode(bytes, id, self.clock.now())?)),
            _ => Err(Fault::UnexpectedReply.into()),
        }
    }

    /// Sends a write, and evicts the session before and after, whatever the outcome.
    async fn write(&self, request: &Request<'_>) -> Result<Reply, StoreError> {
        let near_cache = self.near_cache.as_ref();
        let _write = near_cache.map(|near_cache| near_cache.begin_write(request.redis_key));
        self.connection.send(request).await
    }
}
