//! The contract of a store, and the stores of this crate.
//!
//! A store is a versioned key-value store: it keeps a [`Record`] and its [`Version`] under a [`SessionId`], for a time
//! to live. It knows nothing of cookies, secrets, renewal or merging. It has four operations, and each returns its
//! outcome.
//!
//! | operation | result |
//! | --- | --- |
//! | [`load`](SessionStore::load) | the record and its version, or `None` |
//! | [`create`](SessionStore::create) | [`Created`](CreateOutcome::Created), [`Taken`](CreateOutcome::Taken) or [`Refused`](CreateOutcome::Refused); from the adapter for stores of actix-session, [`CreatedAs`](CreateOutcome::CreatedAs) |
//! | [`update`](SessionStore::update) | [`Updated`](UpdateOutcome::Updated), [`Conflict`](UpdateOutcome::Conflict), [`Missing`](UpdateOutcome::Missing) or [`Refused`](UpdateOutcome::Refused) |
//! | [`delete`](SessionStore::delete) | nothing |
//!
//! # The rules
//!
//! 1. A record whose time to live has passed is missing, for every operation. With a time to live of zero, it
//!    is missing at once. A store should not round a time to live up; if its backend does, a few seconds are
//!    allowed.
//! 2. `create` never overwrites.
//! 3. `update` compares and swaps: it stores only if the record still has the version that the caller expects. It never
//!    stores a record that is missing.
//! 4. If the record is already at the new version, `update` returns `Updated` and changes nothing. The engine
//!    generates a random version for each write, so the record is from an earlier attempt of this write.
//! 5. `delete` deletes the record under the id at any version. Deleting a missing record is no error.
//! 6. Every later `load`, on every server, sees the effect of an acknowledged operation. Only a
//!    [`Cached`](Freshness::Cached) load may lag behind.
//! 7. An operation is atomic, even if its future is dropped before it completes. In that case, it may take effect
//!    later.
//! 8. `load` returns a record exactly as it was stored, with all its members, their order and their text.
//! 9. A record that can't be decoded is an error of kind [`Corrupt`](StoreErrorKind::Corrupt), and one
//!    that a later version of this crate wrote is an error of kind [`Newer`](StoreErrorKind::Newer). It is
//!    never reported as missing, and neither `create` nor `update` overwrites it.
//! 10. After an error, the operation may have been executed, unless the error is marked as [not
//!     sent](StoreError::not_sent).
//!
//! The feature `store-tests` has a suite that checks a store against these rules and names the broken rule:
//! `test_helpers::store_contract_test_suite`. Two rules depend on the backend and are not checked in full:
//! that another server sees an acknowledged operation (6), and which errors are marked as not sent (10).
//!
//! # Sending an operation again
//!
//! If a connection breaks before the reply arrives, a store may send an operation again, within limits:
//!
//! - A `load` and a `delete` can be sent again.
//! - An `update` can be sent again with the same versions. If the record is then at the new version, or the
//!   second attempt replaces it, the result is [`Updated`](UpdateOutcome::Updated). Otherwise the store returns
//!   an error of kind [`Unknown`](StoreErrorKind::Unknown), never `Conflict` or `Missing`: another request may
//!   have replaced the first attempt, and after a `Conflict` the engine would apply the change a second time.
//! - A `create` is never sent again, because a delayed first attempt could restore a session that has been deleted
//!   since. The engine receives the error and uses another id.
//!
//! # The form of a record
//!
//! Stores that keep text store the result of [`Record::encode`], a JSON object with these members:
//!
//! | member | what it is |
//! | --- | --- |
//! | `v` | the version of this form, 3 |
//! | `c`, `u`, `x` | when the session was created, was last used, and ends, in milliseconds since the Unix epoch |
//! | `p` | the epoch, which each renewal draws at random |
//! | `k` | the digest of the current secret: 16 bytes of SHA-256 in URL-safe base64 |
//! | `s` | the state: names and their JSON values |
//! | `o` | of the last renewal: the digest `d` of the secret that it replaced, the epoch `e` before it, and its time `t` |
//! | `r` | the last step of a rotation: its time `t`; the digest of the pending secret `p`, of the former one `f`, or of one that a renewal replaced `s`; and the nonce `n` that the newer secret is derived from |
//! | `sub`, `in`, `auth` | the subject, and when it signed in and last authenticated |
//! | `label`, `labels` | the label that sessions are found by, and the labels that lists show |
//! | `life` | the session's own idle timeout `i` and absolute timeout `a`, in milliseconds, and whether the browser keeps the cookie when it closes `p` |
//! | `flash` | the values for the next request: a list of id, key and JSON value each |
//! | `device` | the public key of the device that the session is bound to |
//! | `crit` | the names of the members that a server must know to use the session |
//!
//! Members that this version of the crate does not know are kept when a record is rewritten, so that
//! servers of two versions can share the sessions. The objects `o`, `r` and `life` never
//! get other members: a later version adds members beside them. If `crit` names one of them, the session is refused.

mod any;
#[cfg(feature = "compat")]
pub mod compat;
#[cfg(feature = "cookie-session")]
mod cookie;
#[cfg(feature = "_server")]
mod credentials;
mod end_reporter;
mod ending;
mod error;
mod iteration;
mod lock;
mod managed;
mod memory;
mod migrating;
#[cfg(feature = "mysql-session")]
mod mysql;
mod observed;
#[cfg(feature = "postgres-session")]
mod postgres;
#[cfg(feature = "redis-rs-session")]
mod redis;
#[cfg(feature = "redis-actor-session")]
mod redis_actor;
#[cfg(any(
    feature = "mysql-session",
    feature = "_postgres-pool",
    feature = "redis-pool"
))]
mod retirement;
mod revocations;
#[cfg(feature = "_server")]
mod runtime;
mod session_limit;
#[cfg(feature = "_shared-connection")]
mod shared_connection;
#[cfg(feature = "_sql")]
mod sql;
#[cfg(feature = "sqlite-session")]
mod sqlite;
mod subjects;
#[cfg(feature = "_server")]
mod takeover;
#[cfg(feature = "_server")]
mod timing;
#[cfg(feature = "_rustls")]
mod tls;
#[cfg(any(feature = "compat", feature = "redis-rs-session"))]
mod versioned;
mod wrapper;

use std::{pin::Pin, time::Duration};

use crate::record::Record;

#[cfg(feature = "cookie-session")]
pub use self::cookie::CookieSessionStore;
#[cfg(feature = "_server")]
pub use self::credentials::Credentials;
#[cfg(feature = "mysql-session")]
pub use self::mysql::{MySqlSessionStore, MySqlSessionStoreBuilder};
#[cfg(feature = "_postgres-pool")]
pub use self::postgres::PostgresPool;
#[cfg(feature = "postgres-session")]
pub use self::postgres::{PostgresSessionStore, PostgresSessionStoreBuilder};
#[cfg(feature = "_redis-tls")]
pub use self::redis::RedisTlsConfig;
#[cfg(feature = "redis-rs-session")]
pub use self::redis::{NearCacheConfig, RedisSessionStore, RedisSessionStoreBuilder};
#[cfg(feature = "redis-actor-session")]
pub use self::redis_actor::{RedisActorSessionStore, RedisActorSessionStoreBuilder};
#[cfg(feature = "_sql")]
pub use self::sql::CleanupTask;
#[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
pub use self::sql::{DatabaseSessionStore, DatabaseSessionStoreBuilder};
#[cfg(feature = "sqlite-session")]
pub use self::sqlite::{SqliteSessionStore, SqliteSessionStoreBuilder, SqliteSynchronous};
pub use self::{
    any::{AnySessionStore, AnySessionStoreBuilder},
    end_reporter::EndReporter,
    ending::EndingStore,
    error::{StoreError, StoreErrorKind},
    iteration::{Cursor, IterableStore, Page},
    managed::ManagedStore,
    memory::{MemorySessionStore, MemorySessionStoreBuilder},
    migrating::MigratingStore,
    revocations::RevocationList,
    session_limit::{AtLimit, SessionLimit},
    subjects::{EndOutcome, Kept, MARK_LIFETIME, SignInOutcome, SignInWrite, SubjectStore},
    wrapper::{Answer, StoreWrapper},
};
pub(crate) use self::{observed::Observed, subjects::SignInFn};
pub use crate::{
    record::id::{
        InvalidSessionIdError, SessionId, SessionKey, SubjectDigest, generate_session_key,
    },
    telemetry::Operation,
};

/// Keeps [`Record`]s under [`SessionId`]s. The [module](self) has the rules, and the page
/// [`guide::writing_a_store`](crate::guide::writing_a_store) of the guide has a complete example of about a
/// hundred lines.
///
/// Operations are called from many threads at once. Don't hold a lock across an `await`.
///
/// An adapter or a test calls a store directly:
///
#[doc = include_str!("docs/session_store.md")]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a store of sessions: use a store of `sessile::storage`, or implement `SessionStore` for this type",
    note = "a store that was written for actix-session needs `sessile::storage::compat::Adapter`, of the feature `compat`"
)]
pub trait SessionStore: Send + Sync + 'static {
    /// The record under `id` and its version, or `None`.
    ///
    /// `subject` is a hint: the subject of the session, if the cookie has one. A store that can end all sessions of a
    /// subject reads the marks of this subject together with the record. Other stores ignore the hint.
    ///
    /// # Errors
    ///
    /// [`StoreErrorKind::Corrupt`] if the stored data is not a record, [`StoreErrorKind::Newer`] if a
    /// later version of this crate wrote it; other kinds if the store fails.
    fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> impl Future<Output = Result<Option<Loaded>, StoreError>> + Send;

    /// Stores `record` at `version` under `id` for `ttl`, unless the id has a record already.
    ///
    /// # Errors
    ///
    /// If the record may not have been stored. The store does not send the operation again: see the [module](self).
    fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> impl Future<Output = Result<CreateOutcome, StoreError>> + Send;

    /// If the record under `id` has the version `expected`, replaces it by `record` at `version`, for `ttl`.
    ///
    /// # Errors
    ///
    /// If the record may not have been replaced. See the [module](self) for when a store may send the operation again.
    fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> impl Future<Output = Result<UpdateOutcome, StoreError>> + Send;

    /// Deletes the record under `id` at any version, if there is one.
    ///
    /// # Errors
    ///
    /// If the record may still be there.
    fn delete(&self, id: &SessionId) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Whether the store keeps nothing, because the record is in the cookie.
    ///
    /// Default: `false`. Requests never call the operations of a store that returns `true`.
    /// [`Sessions::end_by_id`](crate::Sessions::end_by_id) calls `delete`.
    fn keeps_nothing(&self) -> bool {
        false
    }

    /// The list of sessions that have ended before their cookies expired.
    ///
    /// Default: `None`. Only a store that [keeps nothing](Self::keeps_nothing) can have one. A store that wraps another one has
    /// to return the inner store's list, as a [`StoreWrapper`] does. Otherwise ended sessions can be opened.
    fn revocations(&self) -> Option<&RevocationList> {
        None
    }

    /// Whether the store opens sessions under session keys that actix-session made, such as `key`.
    ///
    /// Default: `false`. Only stores that share their backend with actix-session return `true`, and only they receive
    /// ids of such sessions. A store that wraps another store forwards this method to it. A cookie of actix-session
    /// does not declare its content, so `key` may be any text that the application sealed.
    fn opens_actix_session_key(&self, key: &str) -> bool {
        let _ = key;
        false
    }

    /// The reporter of the sessions that the store ends by itself, because they have expired or there is no room for them.
    ///
    /// Default: `None`, so that such an end is not a [`SessionEvent`](crate::engine::SessionEvent). A store that wraps another
    /// one returns that of the inner store.
    fn end_reporter(&self) -> Option<&EndReporter> {
        None
    }
}

/// How current a loaded record has to be.
///
#[doc = include_str!("docs/freshness.md")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// It may come from a cache that lags behind within its documented bound.
    Cached,
    /// It is at least as new as every write that was acknowledged before. The engine asks for it before
    /// it merges, reloads, or rejects a secret.
    Current,
}

/// The version of a record: a random number, new for every write. Versions are only compared for equality.
///
/// ```
/// use sessile::storage::Version;
///
/// assert_eq!(Version::new(7).get(), 7);
/// assert_ne!(Version::generate(), Version::generate());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Version(u64);

impl Version {
    /// A version that no other write has. It is no secret.
    #[must_use]
    pub fn generate() -> Self {
        Self(rand::random())
    }

    /// The version of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number of the version, as a store keeps it.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

/// A record as it was loaded.
///
#[doc = include_str!("docs/loaded.md")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The record.
    pub record: Record,
    /// Its version, which is passed to an [`update`](SessionStore::update) as `expected`.
    pub version: Version,
}

/// The outcome of [`SessionStore::create`].
///
#[doc = include_str!("docs/create_outcome.md")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CreateOutcome {
    /// The record was stored.
    Created,
    /// The record was stored under this id, which the store chose. The id is the secret of the session: the
    /// store dropped the digests of the record's secrets, and no other secret opens the session.
    ///
    /// Only the adapter for stores of actix-session (`compat::Adapter`) returns it.
    CreatedAs(SessionId),
    /// The id has another record, which is unchanged. The engine draws another id.
    Taken,
    /// Nothing was stored, for this reason. Only a [`SubjectStore`] refuses.
    Refused(Refusal),
}

/// The outcome of [`SessionStore::update`].
///
#[doc = include_str!("docs/update_outcome.md")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// The record was stored.
    Updated,
    /// Another write changed the record first: nothing was stored.
    Conflict,
    /// No record is under this id: nothing was stored.
    Missing,
    /// Nothing was stored, for this reason. Only a [`SubjectStore`] refuses.
    Refused(Refusal),
}

/// Why a [`SubjectStore`] refuses to store a session.
///
/// ```
/// use sessile::storage::Refusal;
///
/// let refusal = Refusal::LimitReached;
/// assert_eq!(refusal.to_string(), "the user has as many sessions as are allowed");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The sessions of the subject were ended after this one signed in.
    #[error("the user's sessions were ended after this request began")]
    SubjectEnded,
    /// The subject has as many sessions as the [`SessionLimit`] allows.
    #[error("the user has as many sessions as are allowed")]
    LimitReached,
}

/// A future of any type, for traits that are used as objects.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
