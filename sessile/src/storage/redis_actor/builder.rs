//! [`RedisActorSessionStoreBuilder`]: the settings of the actors.

use std::{fmt, time::Duration};

use super::RedisActorSessionStore;
use crate::storage::{RedisSessionStore, RedisSessionStoreBuilder};

/// Sets up a [`RedisActorSessionStore`].
///
/// ```
/// use std::time::Duration;
/// use sessile::storage::{Freshness, RedisActorSessionStore, SessionId, SessionStore, StoreErrorKind};
///
/// # actix_web::rt::System::new().block_on(async {
/// let store = RedisActorSessionStore::builder("127.0.0.1:1") // No server listens here.
///     .response_timeout(Duration::from_millis(50))
///     .build();
/// let error = store.load(&SessionId::generate(), None, Freshness::Current).await.unwrap_err();
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
/// # });
/// ```
#[must_use = "nothing is set up until `build` is called"]
pub struct RedisActorSessionStoreBuilder(RedisSessionStoreBuilder);

impl RedisActorSessionStoreBuilder {
    pub(super) fn new(address: String) -> Self {
        Self(RedisSessionStore::builder(address))
    }

    /// Puts `prefix` before the ids of sessions. See
    /// [`RedisSessionStoreBuilder::key_prefix`](crate::storage::RedisSessionStoreBuilder::key_prefix).
    ///
    /// Default: `sessile:`.
    pub fn key_prefix(self, prefix: impl Into<String>) -> Self {
        Self(self.0.key_prefix(prefix))
    }

    /// Sets the function that makes the Redis key of a session. See
    /// [`RedisSessionStoreBuilder::cache_keygen`](crate::storage::RedisSessionStoreBuilder::cache_keygen).
    ///
    /// Default: [`key_prefix`](Self::key_prefix).
    ///
    /// ```
    /// use sessile::storage::RedisActorSessionStore;
    ///
    /// let store = RedisActorSessionStore::builder("127.0.0.1:6379")
    ///     .cache_keygen(|id| format!("session:{id}"))
    ///     .build();
    /// # drop(store);
    /// ```
    pub fn cache_keygen<F>(self, keygen: F) -> Self
    where
        F: Fn(&str) -> String + Send + Sync + 'static,
    {
        Self(self.0.cache_keygen(keygen))
    }

    /// The time limit for connecting to a server, authenticating and checking that it is Redis.
    ///
    /// Default: one second.
    pub fn connect_timeout(self, timeout: Duration) -> Self {
        Self(self.0.connect_timeout(timeout))
    }

    /// The time limit for the wait for a thread's first connection. After it, each operation has the limit of
    /// [`RedisSessionStoreBuilder::response_timeout`](crate::storage::RedisSessionStoreBuilder::response_timeout).
    ///
    /// Default: one second.
    pub fn response_timeout(self, timeout: Duration) -> Self {
        Self(self.0.response_timeout(timeout))
    }

    /// The pauses between attempts to connect: `shortest` after the first attempt, twice as long after
    /// each further one, up to `longest`. Each pause is shortened at random by up to a half.
    ///
    /// Default: 50 to 500 milliseconds. The store notices the return of a server after `longest` at the
    /// latest.
    pub fn reconnect_backoff(self, shortest: Duration, longest: Duration) -> Self {
        Self(self.0.reconnect_backoff(shortest, longest))
    }

    /// The store. It connects at the first operation, so this can't fail.
    #[must_use]
    pub fn build(self) -> RedisActorSessionStore {
        RedisActorSessionStore::with(self.0)
    }
}

impl fmt::Debug for RedisActorSessionStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RedisActorSessionStoreBuilder")
            .field(&self.0)
            .finish()
    }
}
