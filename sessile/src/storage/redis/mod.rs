//! [`RedisSessionStore`]: sessions in Redis, on one server or many.

mod builder;
mod connection;
mod error;
mod location;
mod near;
mod pauses;
mod script;
mod slot;
mod value;

use std::{borrow::Cow, fmt, fmt::Write as _, sync::Arc, time::Duration};

use redis::Value;

use self::{
    connection::{Connection, Reply},
    error::Fault,
    near::{Near, Seen, Writing},
    script::{Action, CREATE, Request, SWAP, Script},
    value::{encode, version_text},
};
use super::{Loaded, SessionKey, SessionStore, StoreError, StoreErrorKind, Stored, Swap, Version};
use crate::{
    clock::SharedClock, key::generate_session_key, record::Record, storage::timing::millis,
};

#[cfg(feature = "redis-actor-session")]
pub(super) use self::pauses::Pauses;
pub use self::{builder::RedisSessionStoreBuilder, near::NearCache};

/// Keeps sessions in Redis 5.0 or later, or in a server that speaks as Redis does.
///
/// For applications with several servers. Clones share the connections, and with them the settings.
///
/// | address | what is there |
/// | --- | --- |
/// | `redis://host:port`, `host:port` | one server |
/// | `redis://user:password@host:port/1` | the same, signed in, database 1 |
/// | `redis+unix:/path/to/socket?db=1&user=…&pass=…` | the same through a unix socket |
/// | `redis+cluster://host1:port,host2:port` | a cluster, found by some of its nodes |
/// | `redis+sentinel://host1:port,host2:port/name` | the master called `name`, found by its sentinels |
/// | `rediss://…`, `rediss+cluster://…`, `rediss+sentinel://…` | the same over TLS |
///
/// User and password are percent-encoded. With sentinels they are for the master, and the sentinels
/// are asked without. The port may be left out: 6379, and 26379 for sentinels. TLS takes one of the
/// features `redis-session-rustls` and `redis-rs-tls-session`.
///
/// - Every operation is one command and one round trip, and atomic on the server. (A server that
///   has started anew is sent each script once in full.)
/// - One connection carries all requests of a worker thread of Actix Web, or one to each node of a
///   cluster; elsewhere, those of a Tokio runtime. It is made when it is first needed, and anew when
///   it breaks. While the server is down requests fail at once, and they succeed again within half a
///   second of its return; see [`RedisSessionStoreBuilder::reconnect_pauses`].
/// - A request whose connection is cut is sent once more. Whether it was done the first time is seen
///   on the server, so that nothing is written twice.
/// - What `actix-session` left in Redis is read, for as long as it lives there, and rewritten when
///   the session changes.
/// - Redis is as durable as it is set up to be. What it loses when it is killed, or in a failover
///   before a replica has it, is lost here as well: see its `appendonly`, `min-replicas-to-write`.
/// - It must not evict sessions for lack of memory: `maxmemory-policy` `noeviction`, or one of the
///   `volatile` ones if losing sessions is acceptable.
/// - Who reads what is in Redis can't open a session: of a session key's secret only the digest is
///   there.
/// - Its user needs the right to run `GET`, `SET`, `GETRANGE`, `DEL`, `EVAL` and `EVALSHA` on its keys,
///   `CLUSTER|SLOTS` on a cluster, and should have `INFO`, and `ROLE` behind sentinels. A near cache
///   needs `PTTL` and `CLIENT|TRACKING` as well.
///
/// ```no_run
/// use std::time::Duration;
/// use sessile::{Clock, Record, SystemClock, storage::{RedisSessionStore, SessionStore}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let store = RedisSessionStore::new("redis://127.0.0.1:6379").await?;
/// let record = Record::new(SystemClock.now());
/// let stored = store.create(&record, Duration::from_secs(60)).await?;
///
/// assert_eq!(store.load(&stored.key).await?.unwrap().record, record);
/// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
/// ```
///
/// # Near cache
///
/// With [`near_cache`](RedisSessionStoreBuilder::near_cache), sessions that this server has read or
/// written are kept in its memory, decoded, and read from there the next time: without a round trip. Redis
/// tells of every change over the connection that they were read or written over (`CLIENT TRACKING`), and
/// then they are read anew. So where all requests of a session meet the same server, one that changes the
/// session costs one round trip, and one that doesn't none. Servers that take turns at changing it have to
/// read it again each time.
///
/// - What this server has changed or ended it sees at once, always.
/// - **The risk:** what another server has changed or ended may be read from memory until the news is
///   here. That takes as long as a message from Redis, normally less than a millisecond; and where the
///   connection breaks without a word, the server hangs, or the thread that the connection was made on is
///   held up, at most [`max_staleness`](NearCache::max_staleness) after the last answer from there: one
///   second, unless set otherwise. A write that goes by what was out of date is a conflict, and is made
///   anew on what there is: nothing is lost, and what has ended stays so.
/// - A connection that ends takes all with it that was read or written over it. A time to live is kept to.
/// - **The cost:** memory here, as set in [`NearCache`], that holds session keys as well as
///   states; memory in Redis for the name of each session that was read or written, by each server
///   that did so, until it changes (see its `tracking-table-max-keys`); two commands in one round trip
///   instead of one for what has to be read or is written; a message for each change.
/// - A write is kept only if nothing else was heard of its session meanwhile. Otherwise the next request
///   reads it.
/// - It takes Redis 6.0 or later, which is made sure of when the store is built. It works on one server,
///   behind sentinels and on a cluster, but not over a pool's connections.
/// - Records that `actix-session` left, and what has no time to live, are read from Redis each time.
/// - With the feature `metrics`, `sessile_near_cache_hits_total`, `sessile_near_cache_misses_total` and
///   `sessile_near_cache_invalidations_total` tell of what use it is.
///
/// ```no_run
/// use std::time::Duration;
/// use sessile::storage::{NearCache, RedisSessionStore};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let store = RedisSessionStore::builder("redis://127.0.0.1:6379")
///     .near_cache(NearCache::default().max_staleness(Duration::from_millis(250)))
///     .build()
///     .await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct RedisSessionStore {
    connection: Connection,
    /// Unless the id of a session key is its Redis key.
    keygen: Option<Keygen>,
    near: Option<Near>,
    clock: SharedClock,
}

/// Makes the Redis key out of the id of a session key.
type Keygen = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// How often a new session key is made when Redis has something under the Redis key of the last
/// one. With 128 random bits that does not happen even once, unless different sessions have the
/// same Redis key.
const MAX_COLLISIONS: u32 = 3;

impl RedisSessionStore {
    /// Connects to `address` with all settings at their defaults.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`](StoreErrorKind::Misconfigured) for an address that makes no sense and for a
    /// database that isn't there, [`Denied`](StoreErrorKind::Denied) where user or password aren't
    /// accepted, [`Incompatible`](StoreErrorKind::Incompatible) for a server that is too old or
    /// isn't Redis, and [`Unavailable`](StoreErrorKind::Unavailable) for one that can't be reached.
    pub async fn new(address: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(address).build().await
    }

    /// Connects to `address` with settings of your own.
    pub fn builder(address: impl Into<String>) -> RedisSessionStoreBuilder {
        RedisSessionStoreBuilder::to_address(address.into())
    }

    /// Uses the connections of `pool`, with all settings at their defaults.
    ///
    /// A pool checks each connection before it hands it out, so every operation takes a second
    /// round trip. The connections that [`new`](Self::new) makes carry as much without; a pool is for
    /// an application that has one already.
    ///
    /// ```no_run
    /// use deadpool_redis::{Config, Runtime};
    /// use sessile::storage::RedisSessionStore;
    ///
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = Config::from_url("redis://127.0.0.1:6379").create_pool(Some(Runtime::Tokio1))?;
    /// let store = RedisSessionStore::new_pooled(pool).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    #[cfg(feature = "redis-pool")]
    pub async fn new_pooled(pool: impl Into<deadpool_redis::Pool>) -> Result<Self, StoreError> {
        Self::builder_pooled(pool).build().await
    }

    /// Uses the connections of `pool`, with settings of your own.
    #[cfg(feature = "redis-pool")]
    pub fn builder_pooled(pool: impl Into<deadpool_redis::Pool>) -> RedisSessionStoreBuilder {
        RedisSessionStoreBuilder::to_pool(pool.into())
    }

    /// Where the session that `key` leads to is. A renewal leaves it there.
    fn redis_key<'a>(&self, key: &'a SessionKey) -> Cow<'a, str> {
        match &self.keygen {
            Some(keygen) => Cow::Owned(keygen(key.id())),
            None => Cow::Borrowed(key.id()),
        }
    }

    /// What lies under `redis_key`, if `key` opens it.
    async fn read(&self, redis_key: &str, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        let request = Request {
            key: redis_key,
            action: Action::Get,
        };
        let reply = self.connection.send(&request).await?;
        self.decode(&reply.value, key)
    }

    /// As [`read`](Self::read), and has `near` keep it.
    async fn read_and_keep(
        &self,
        near: &Near,
        redis_key: &str,
        key: &SessionKey,
    ) -> Result<Option<Loaded>, StoreError> {
        let request = Request {
            key: redis_key,
            action: Action::GetTimed,
        };
        let reading = near.reading(redis_key);
        let reply = self.connection.send(&request).await?;
        let (value, ttl) = match &reply.value {
            Value::Array(both) => match both.as_slice() {
                [value, Value::Int(millis)] => (value, Some(*millis)),
                _ => return Err(Fault::UnexpectedReply.into()),
            },
            value => (value, None),
        };
        let loaded = self.decode(value, key)?;
        // A negative number: it lives for ever, or has just ended.
        let ttl = ttl.and_then(|millis| u64::try_from(millis).ok());
        if let (Some(loaded), Some(millis), Some(heard)) = (&loaded, ttl, reply.heard) {
            let read = Seen {
                loaded: loaded.clone(),
                ttl: Duration::from_millis(millis),
                heard,
            };
            near.keep(reading, redis_key, key, read);
        }
        Ok(loaded)
    }

    fn decode(&self, value: &Value, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        match value {
            Value::Nil => Ok(None),
            Value::BulkString(bytes) => value::decode(bytes, key, self.clock.now())
                .map_err(|source| StoreError::new(StoreErrorKind::Corrupt, source)),
            _ => Err(Fault::UnexpectedReply.into()),
        }
    }

    /// Stores `record` for `new_key` to open in place of what `key` opens, if that has `version`.
    ///
    /// Also whether the request was sent twice.
    async fn swap(
        &self,
        (key, version): (&SessionKey, Version),
        new_key: SessionKey,
        (record, ttl): (&Record, Duration),
    ) -> Result<(Swap, bool), Fault> {
        let new_version = Version::drawn();
        let arguments = [
            version_text(version),
            key.secret_digest(),
            version_text(new_version),
            encode(new_version, &new_key, record),
            millis(ttl).to_string(),
        ];
        let new = New {
            key: &new_key,
            version: new_version,
            record,
            ttl,
        };
        let redis_key = self.redis_key(key);
        let (outcome, repeated) = self.run(&SWAP, &redis_key, &arguments, new).await?;
        let swap = match outcome {
            Outcome::Stored => Swap::Stored(Stored {
                key: new_key,
                version: new_version,
            }),
            Outcome::Conflict => Swap::Conflict,
            Outcome::Gone => Swap::Gone,
            Outcome::Taken => return Err(Fault::UnexpectedReply),
        };
        Ok((swap, repeated))
    }

    /// Runs `script` on what is under `redis_key`, to have `new` there; what it answers, and whether it was
    /// sent twice.
    async fn run(
        &self,
        script: &'static Script,
        redis_key: &str,
        arguments: &[String],
        new: New<'_>,
    ) -> Result<(Outcome, bool), Fault> {
        let mut writing = self.near.as_ref().map(|near| near.writing(redis_key));
        let request = Request {
            key: redis_key,
            action: match &writing {
                Some(_) => Action::RunAndLook(script, arguments),
                None => Action::Run(script, arguments),
            },
        };
        let reply = self.connection.send(&request).await?;
        let repeated = reply.repeated;
        let (word, looked) = match &reply.value {
            Value::Array(both) => match both.as_slice() {
                [word, looked] => (word, Some(looked)),
                _ => return Err(Fault::UnexpectedReply),
            },
            word => (word, None),
        };
        let outcome = match word {
            Value::BulkString(word) => Outcome::parse(word),
            _ => None,
        };
        let outcome = outcome.ok_or(Fault::UnexpectedReply)?;
        if let (Some(writing), Some(Value::BulkString(version))) = (&mut writing, looked)
            && outcome == Outcome::Stored
            && *version == version_text(new.version).as_bytes()
        {
            new.is_stored(writing, script, reply);
        }
        Ok((outcome, repeated))
    }
}

/// What is being written.
#[derive(Clone, Copy)]
struct New<'a> {
    /// What opens it.
    key: &'a SessionKey,
    version: Version,
    record: &'a Record,
    ttl: Duration,
}

impl New<'_> {
    /// It was written by `script`, and was there when Redis was looked at over the same connection.
    fn is_stored(self, writing: &mut Writing<'_>, script: &Script, reply: Reply) {
        // When it was first sent, its time to live may have begun before this was asked for.
        let (false, Some(heard)) = (reply.repeated, reply.heard) else {
            return;
        };
        let ttl = u64::try_from(millis(self.ttl)).unwrap_or(0);
        let written = Seen {
            loaded: Loaded {
                record: self.record.clone(),
                version: self.version,
            },
            ttl: Duration::from_millis(ttl),
            heard,
        };
        writing.is_stored(self.key, written, script.reads_first);
    }
}

/// What a script answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Stored,
    Conflict,
    Gone,
    /// There is something where the record was to go.
    Taken,
}

impl Outcome {
    fn parse(word: &[u8]) -> Option<Self> {
        match word {
            b"stored" => Some(Self::Stored),
            b"conflict" => Some(Self::Conflict),
            b"gone" => Some(Self::Gone),
            b"taken" => Some(Self::Taken),
            _ => None,
        }
    }
}

impl SessionStore for RedisSessionStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        let redis_key = self.redis_key(key);
        let Some(near) = &self.near else {
            return self.read(&redis_key, key).await;
        };
        match near.get(&redis_key, key) {
            Some(loaded) => Ok(Some(loaded)),
            None => Box::pin(self.read_and_keep(near, &redis_key, key)).await,
        }
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        let version = Version::drawn();
        for _ in 0..=MAX_COLLISIONS {
            let key = generate_session_key();
            if ttl.is_zero() {
                return Ok(Stored { key, version });
            }
            let arguments = [
                version_text(version),
                encode(version, &key, record),
                millis(ttl).to_string(),
            ];
            let new = New {
                key: &key,
                version,
                record,
                ttl,
            };
            let (outcome, _) = self
                .run(&CREATE, &self.redis_key(&key), &arguments, new)
                .await?;
            match outcome {
                Outcome::Stored => return Ok(Stored { key, version }),
                Outcome::Taken => {}
                Outcome::Conflict | Outcome::Gone => return Err(Fault::UnexpectedReply.into()),
            }
        }
        Err(Fault::KeysCollide.into())
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        let new = (record, ttl);
        match self.swap((key, version), key.clone(), new).await? {
            // What was sent first may have been what changed the record, before others changed it
            // again: to make the change once more on top of theirs would be to make it twice.
            (Swap::Conflict, true) => Err(Fault::Uncertain.into()),
            (swap, _) => Ok(swap),
        }
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        let new = (record, ttl);
        // A conflict is one even if this was sent twice: the record would not open to this key any
        // more if it had been changed by this.
        let (swap, _) = self.swap((key, version), key.renewed(), new).await?;
        Ok(swap)
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let redis_key = self.redis_key(key);
        let request = Request {
            key: &redis_key,
            action: Action::Delete,
        };
        let _writing = self.near.as_ref().map(|near| near.writing(&redis_key));
        self.connection.send(&request).await?;
        Ok(())
    }
}

/// `bytes` as lowercase hexadecimal digits.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        // Writing to a string can't fail.
        let _ = write!(digits, "{byte:02x}");
        digits
    })
}

impl fmt::Debug for RedisSessionStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSessionStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_that_makes_no_sense_is_told_without_its_password() {
        let error = RedisSessionStore::new("redis://user:hunter2@h:port")
            .await
            .unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }
}
