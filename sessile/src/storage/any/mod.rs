//! [`AnySessionStore`]: a store that is chosen while the program runs.
//!
//! The rest of the crate is generic over the store. Here, a trait object has the operations of the contract, with
//! boxed futures. Further trait objects have the abilities of some stores. No error quotes an address, because it may
//! contain a password.

mod address;
mod boxed;
mod builder;
mod iteration;
mod managed;
mod subjects;

use std::{sync::Arc, time::Duration};

use self::boxed::{BoxedIterableStore, BoxedManagedStore, BoxedStore, BoxedSubjectStore};
#[cfg(feature = "_sql")]
use super::CleanupTask;
use super::{
    CreateOutcome, EndReporter, Freshness, IterableStore, Loaded, ManagedStore, RevocationList,
    SessionId, SessionStore, StoreError, StoreErrorKind, SubjectDigest, SubjectStore,
    UpdateOutcome, Version,
};
use crate::record::Record;

pub use self::builder::AnySessionStoreBuilder;

/// A store that the application chooses at run time, by an address from its configuration.
///
/// | address | store | feature |
/// | --- | --- | --- |
/// | `memory:` | [`MemorySessionStore`](super::MemorySessionStore) | – |
/// | `cookie:` | `CookieSessionStore` | `cookie-session` |
/// | `sqlite:path`, `sqlite://path`, `sqlite::memory:` | `SqliteSessionStore` | `sqlite-session` |
/// | `postgres://…`, `postgresql://…` | `PostgresSessionStore` | `postgres-session` |
/// | `mysql://…`, `mariadb://…` | `MySqlSessionStore` | `mysql-session` |
/// | `redis://…`, `redis+unix:…` | `RedisSessionStore` | `redis-session` |
/// | `redis+cluster://…`, `redis+sentinel://…` | the same on many servers | `redis-session` |
/// | `rediss://…`, `rediss+cluster://…`, `rediss+sentinel://…` | the same over TLS | `redis-session-rustls` or `redis-session-native-tls` |
/// | `redis+actor://…`, `rediss+actor://…` | `RedisActorSessionStore` | `redis-actor-session` |
///
/// `valkey` and `valkeys` mean the same as `redis` and `rediss`. Each store documents its addresses.
/// [`builder`](Self::builder) sets the time limits, and whether tables are created. All other settings have their defaults.
/// To use others, such as a key prefix or a near cache, build the store itself, and wrap it with
/// [`with_capabilities`](Self::with_capabilities). For the application's own store, use that, [`with_subjects`](Self::with_subjects) or [`new`](Self::new), whichever it supports.
///
/// It is a [`SubjectStore`], an [`IterableStore`] and a [`ManagedStore`]. If the wrapped store is not, a limit of
/// sessions is refused when the middleware is built, and the operations return errors of kind
/// [`Unsupported`](super::StoreErrorKind::Unsupported). `cookie:` has no index of its sessions, so only `ping` and
/// `close` work.
///
/// It costs one allocation per operation in addition to those of the store. Clones share the store.
///
/// ```
/// use std::time::Duration;
/// use sessile::{clock::{Clock, SystemClock}, record::Record, storage::*};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let address = "memory:"; // from a configuration
/// let store = AnySessionStore::connect(address).await?;
/// let (id, version) = (SessionId::generate(), Version::generate());
/// let record = Record::new(SystemClock.now());
///
/// store.create(&id, &record, version, Duration::from_secs(60)).await?;
/// let loaded = store.load(&id, None, Freshness::Current).await?;
/// assert_eq!(loaded, Some(Loaded { record, version }));
/// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
/// ```
#[derive(Clone)]
pub struct AnySessionStore {
    store: Arc<dyn BoxedStore>,
    /// The store, if it finds the sessions of a user.
    subjects: Option<Arc<dyn BoxedSubjectStore>>,
    /// The store, if its sessions can be iterated.
    iterable: Option<Arc<dyn BoxedIterableStore>>,
    /// The store, if its backend can be checked and closed.
    managed: Option<Arc<dyn BoxedManagedStore>>,
    /// Starts the clean-up of the store, if it needs one.
    #[cfg(feature = "_sql")]
    start_cleanup: Option<StartCleanup>,
}

#[cfg(feature = "_sql")]
type StartCleanup = Arc<dyn Fn(Duration) -> CleanupTask + Send + Sync>;

impl AnySessionStore {
    /// Opens the store at `address`.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`](super::StoreErrorKind::Misconfigured) for an invalid address, and for a store that is not
    /// compiled in; the source of the error names the missing feature. Neither quotes the address, which may
    /// contain a password. All other errors are those of the store's constructor.
    pub async fn connect(address: impl Into<String>) -> Result<Self, StoreError> {
        Self::builder(address).build().await
    }

    /// A builder for the store at `address`.
    pub fn builder(address: impl Into<String>) -> AnySessionStoreBuilder {
        AnySessionStoreBuilder::new(address.into())
    }

    /// Wraps `store`. It loses the capabilities beside the contract: use [`with_subjects`](Self::with_subjects) or
    /// [`with_capabilities`](Self::with_capabilities) to keep them.
    ///
    /// ```
    /// use sessile::storage::{AnySessionStore, MemorySessionStore, SessionStore};
    ///
    /// let small = MemorySessionStore::builder().max_bytes(8 * 1024 * 1024).build();
    /// let store = AnySessionStore::new(small);
    /// assert!(!store.keeps_nothing());
    /// ```
    pub fn new(store: impl SessionStore) -> Self {
        Self {
            store: Arc::new(store),
            subjects: None,
            iterable: None,
            managed: None,
            #[cfg(feature = "_sql")]
            start_cleanup: None,
        }
    }

    /// Wraps a `store` that finds the sessions of a user, and keeps this capability.
    ///
    /// ```
    /// use sessile::storage::{AnySessionStore, MemorySessionStore, SubjectStore};
    ///
    /// let store = MemorySessionStore::default();
    /// assert!(AnySessionStore::with_subjects(store.clone()).has_subjects());
    /// assert!(!AnySessionStore::new(store).has_subjects());
    /// ```
    pub fn with_subjects(store: impl SubjectStore) -> Self {
        let store = Arc::new(store);
        Self {
            subjects: Some(store.clone()),
            ..Self::new(store)
        }
    }

    /// Wraps a `store` that also iterates over its sessions, and whose backend can be checked and closed. It keeps all
    /// capabilities but the clean-up, which the application starts on the store itself.
    ///
    /// ```
    /// use sessile::storage::{AnySessionStore, IterableStore, MemorySessionStore};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let small = MemorySessionStore::builder().max_bytes(8 * 1024 * 1024).build();
    /// let store = AnySessionStore::with_capabilities(small);
    /// assert_eq!(store.count().await?, 0);
    /// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
    /// ```
    pub fn with_capabilities(store: impl SubjectStore + IterableStore + ManagedStore) -> Self {
        let store = Arc::new(store);
        Self {
            iterable: Some(store.clone()),
            managed: Some(store.clone()),
            ..Self::with_subjects(store)
        }
    }

    #[cfg(feature = "_sql")]
    fn with_cleanup(self, start: impl Fn(Duration) -> CleanupTask + Send + Sync + 'static) -> Self {
        Self {
            start_cleanup: Some(Arc::new(start)),
            ..self
        }
    }

    /// Starts a task that deletes expired sessions: now, and then once in every `period`. Returns `None` for
    /// stores that need no such task, and for a store that the application passed.
    ///
    /// Requires `sqlite-session`, `postgres-session` or `mysql-session`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sessile::storage::AnySessionStore;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let store = AnySessionStore::connect("sqlite::memory:").await?;
    /// let cleanup = store.start_cleanup(Duration::from_secs(60));
    /// assert!(cleanup.is_some());
    /// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
    /// ```
    ///
    /// # Panics
    ///
    /// Outside of a Tokio runtime, and if `period` is zero.
    #[cfg(feature = "_sql")]
    #[must_use = "dropping the handle ends the task"]
    pub fn start_cleanup(&self, period: Duration) -> Option<CleanupTask> {
        self.start_cleanup.as_ref().map(|start| start(period))
    }
}

/// The error if the wrapped store has no such operation.
fn unsupported(cause: &'static str) -> StoreError {
    StoreError::new(StoreErrorKind::Unsupported, cause).not_sent()
}

impl SessionStore for AnySessionStore {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        self.store.load(id, subject, freshness).await
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        self.store.create(id, record, version, ttl).await
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        self.store.update(id, expected, record, version, ttl).await
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.store.delete(id).await
    }

    fn keeps_nothing(&self) -> bool {
        self.store.keeps_nothing()
    }

    fn revocations(&self) -> Option<&RevocationList> {
        self.store.revocations()
    }

    fn opens_actix_session_key(&self, key: &str) -> bool {
        self.store.opens_actix_session_key(key)
    }

    fn end_reporter(&self) -> Option<&EndReporter> {
        self.store.end_reporter()
    }
}

crate::debug::opaque!(AnySessionStore);
