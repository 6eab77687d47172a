//! Where sessions are kept: the contract of a store, and the stores that come with the crate.
//!
//! A store keeps [`Record`]s under [`SessionKey`]s. It knows nothing of cookies, merging or
//! timeouts: five operations, and each says plainly what became of it.
//!
//! | operation | answer |
//! | --- | --- |
//! | [`load`](SessionStore::load) | the record and its version, or nothing |
//! | [`create`](SessionStore::create) | the key it is now under |
//! | [`update`](SessionStore::update) | stored, conflict or gone |
//! | [`renew`](SessionStore::renew) | stored under a new key, conflict or gone |
//! | [`delete`](SessionStore::delete) | nothing |
//!
//! What the contract asks for, and the acceptance suite in `test_helpers` checks:
//!
//! - A record whose time to live has passed is not there, for any operation. A time to live of
//!   zero has passed already.
//! - `update` and `renew` compare and swap: they store only if the record still has the version
//!   that was loaded. They never bring back a record that is gone.
//! - `renew` moves the record to a new key at one instant: never do both keys lead to it, never
//!   neither.
//! - `delete` ends the session also when it is asked with a key from before a renewal, so that
//!   signing out wins over a renewal that was under way. That is what a key's
//!   [`id`](SessionKey::id) is for: it stays.
//! - What an operation reported as stored is seen by every later `load`, from any server.
//! - No lock is held while an operation waits.
//!
//! The store picks the key it answers with. So the state itself can be the key, as in
//! `CookieSessionStore`: there nothing conflicts and nothing is ever gone.
//!
//! # A store of one's own
//!
//! ```
//! use std::{collections::HashMap, sync::Mutex, time::Duration};
//! use sessile::{Record, storage::*};
//!
//! /// Keeps everything for ever, which is fine for an example only.
//! #[derive(Default)]
//! struct Shelf(Mutex<HashMap<String, Item>>);
//!
//! struct Item {
//!     secret_digest: String,
//!     version: u64,
//!     record: Record,
//! }
//!
//! impl Shelf {
//!     fn swap(
//!         &self,
//!         (key, version): (&SessionKey, Version),
//!         new_key: SessionKey,
//!         record: &Record,
//!     ) -> Swap {
//!         match self.0.lock().unwrap().get_mut(key.id()) {
//!             Some(item) if !key.is_for(&item.secret_digest) => Swap::Gone,
//!             None => Swap::Gone,
//!             Some(item) if item.version != version.get() => Swap::Conflict,
//!             Some(item) => {
//!                 let version = item.version + 1;
//!                 let secret_digest = new_key.secret_digest();
//!                 *item = Item { secret_digest, version, record: record.clone() };
//!                 Swap::Stored(Stored { key: new_key, version: Version::new(version) })
//!             }
//!         }
//!     }
//! }
//!
//! impl SessionStore for Shelf {
//!     async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
//!         let shelf = self.0.lock().unwrap();
//!         let item = shelf.get(key.id()).filter(|item| key.is_for(&item.secret_digest));
//!         Ok(item.map(|item| Loaded {
//!             record: item.record.clone(),
//!             version: Version::new(item.version),
//!         }))
//!     }
//!
//!     async fn create(&self, record: &Record, _ttl: Duration) -> Result<Stored, StoreError> {
//!         let key = generate_session_key();
//!         let secret_digest = key.secret_digest();
//!         let item = Item { secret_digest, version: 1, record: record.clone() };
//!         self.0.lock().unwrap().insert(key.id().to_owned(), item);
//!         Ok(Stored { key, version: Version::new(1) })
//!     }
//!
//!     async fn update(
//!         &self,
//!         key: &SessionKey,
//!         version: Version,
//!         record: &Record,
//!         _ttl: Duration,
//!     ) -> Result<Swap, StoreError> {
//!         Ok(self.swap((key, version), key.clone(), record))
//!     }
//!
//!     async fn renew(
//!         &self,
//!         key: &SessionKey,
//!         version: Version,
//!         record: &Record,
//!         _ttl: Duration,
//!     ) -> Result<Swap, StoreError> {
//!         Ok(self.swap((key, version), key.renewed(), record))
//!     }
//!
//!     async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
//!         self.0.lock().unwrap().remove(key.id());
//!         Ok(())
//!     }
//! }
//!
//! # use sessile::{Clock, SystemClock};
//! # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
//! let shelf = Shelf::default();
//! let record = Record::new(SystemClock.now());
//! let first = shelf.create(&record, Duration::from_secs(60)).await?;
//! let swap = shelf.update(&first.key, first.version, &record, Duration::from_secs(60)).await?;
//! assert!(matches!(swap, Swap::Stored(_)));
//! // The version it was created with has been used up.
//! let swap = shelf.update(&first.key, first.version, &record, Duration::from_secs(60)).await?;
//! assert!(matches!(swap, Swap::Conflict));
//! # Ok::<(), StoreError>(()) }).unwrap();
//! ```

mod any;
#[cfg(feature = "cookie-session")]
mod cookie;
mod error;
#[cfg(any(
    feature = "mysql-session",
    feature = "postgres-session",
    feature = "redis-rs-session"
))]
mod home;
mod memory;
#[cfg(feature = "mysql-session")]
mod mysql;
#[cfg(feature = "postgres-session")]
mod postgres;
#[cfg(feature = "redis-rs-session")]
mod redis;
#[cfg(feature = "redis-actor-session")]
mod redis_actor;
#[cfg(any(
    feature = "mysql-session",
    feature = "postgres-session",
    feature = "sqlite-session"
))]
mod sql;
#[cfg(feature = "sqlite-session")]
mod sqlite;
#[cfg(any(
    feature = "mysql-session",
    feature = "postgres-session",
    feature = "redis-rs-session"
))]
mod timing;

use std::{sync::Arc, time::Duration};

use crate::record::Record;

#[cfg(feature = "cookie-session")]
pub use self::cookie::CookieSessionStore;
#[cfg(feature = "mysql-session")]
pub use self::mysql::{MySqlSessionStore, MySqlSessionStoreBuilder};
#[cfg(feature = "postgres-session")]
pub use self::postgres::{PostgresSessionStore, PostgresSessionStoreBuilder};
#[cfg(feature = "redis-rs-session")]
pub use self::redis::{NearCache, RedisSessionStore, RedisSessionStoreBuilder};
#[cfg(feature = "redis-actor-session")]
pub use self::redis_actor::{RedisActorSessionStore, RedisActorSessionStoreBuilder};
#[cfg(any(
    feature = "mysql-session",
    feature = "postgres-session",
    feature = "sqlite-session"
))]
pub use self::sql::CleanupTask;
#[cfg(feature = "sqlite-session")]
pub use self::sqlite::{SqliteSessionStore, SqliteSessionStoreBuilder};
pub use self::{
    any::{AnySessionStore, AnySessionStoreBuilder},
    error::{StoreError, StoreErrorKind},
    memory::{MemorySessionStore, MemorySessionStoreBuilder},
};
pub use crate::key::{InvalidSessionKeyError, SessionKey, generate_session_key};

/// Keeps [`Record`]s under [`SessionKey`]s. See the [module](self) for the whole contract.
///
/// Every operation may be called from many threads at once, and its future may be dropped before
/// it is done: the operation has then happened or not, wholly.
pub trait SessionStore: Send + Sync + 'static {
    /// The record under `key`, with the version that [`update`](Self::update) and
    /// [`renew`](Self::renew) have to name, or nothing.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Corrupt`] when something lies there that is no record; other kinds when
    /// the store can't tell.
    fn load(
        &self,
        key: &SessionKey,
    ) -> impl Future<Output = Result<Option<Loaded>, StoreError>> + Send;

    /// Keeps `record` for `ttl` under a key that nothing else is under.
    ///
    /// Never overwrites: should a new key be taken, the store tries another.
    ///
    /// # Errors
    ///
    /// When the record may not have been kept.
    fn create(
        &self,
        record: &Record,
        ttl: Duration,
    ) -> impl Future<Output = Result<Stored, StoreError>> + Send;

    /// Keeps `record` for `ttl` in place of the one under `key`, if that still has `version`.
    ///
    /// [`Swap::Conflict`] says that this change was not made, and has the engine make it once more to
    /// what is there. A store that tries again by itself must be sure that its first attempt isn't
    /// what changed the record; if it can't be, the answer is an error.
    ///
    /// # Errors
    ///
    /// When the store can't tell what became of it.
    fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send;

    /// As [`update`](Self::update), and moves the record to a new key at the same instant.
    ///
    /// # Errors
    ///
    /// When the store can't tell what became of it.
    fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> impl Future<Output = Result<Swap, StoreError>> + Send;

    /// Ends the session that `key` leads to, or led to before it was renewed, whatever the version
    /// of its record. Nothing being there is no error.
    ///
    /// The engine only asks for sessions that were loaded with `key`.
    ///
    /// # Errors
    ///
    /// When the record may still be there.
    fn delete(&self, key: &SessionKey) -> impl Future<Output = Result<(), StoreError>> + Send;
}

/// Which state of a record this is: another one after every change.
///
/// Only its store gives it a meaning; the engine hands it back as it got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(u64);

impl Version {
    /// The version that the store knows by `number`.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// One that no other write has: drawn at random, so that who stored it can tell its own write
    /// from everybody else's. It is no secret, so no generator of secrets is asked for it.
    #[cfg(any(
        feature = "mysql-session",
        feature = "postgres-session",
        feature = "redis-rs-session",
        feature = "sqlite-session"
    ))]
    fn drawn() -> Self {
        Self(fastrand::u64(..))
    }

    /// The number that the store knows it by.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A record as it was loaded.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The record.
    pub record: Record,
    /// Its version, to be named when it is changed.
    pub version: Version,
}

/// Where a record is now.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The key it is under.
    pub key: SessionKey,
    /// Its version there.
    pub version: Version,
}

/// What became of a compare-and-swap.
#[derive(Debug, Clone)]
pub enum Swap {
    /// The record was stored.
    Stored(Stored),
    /// Somebody else changed the record since it was loaded: nothing was stored.
    Conflict,
    /// The record has ended: nothing was stored.
    Gone,
}

/// A shared store is a store.
impl<S: SessionStore> SessionStore for Arc<S> {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        S::load(self, key).await
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        S::create(self, record, ttl).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        S::update(self, key, version, record, ttl).await
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        S::renew(self, key, version, record, ttl).await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        S::delete(self, key).await
    }
}
