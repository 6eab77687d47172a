//! [`RedisActorSessionStoreBuilder`]: the settings of the actors.

use std::{fmt, time::Duration};

use super::RedisActorSessionStore;
use crate::storage::{RedisSessionStore, StoreError, redis::RedisKeys, shared_connection::Backoff};

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
pub struct RedisActorSessionStoreBuilder(Settings);

/// The settings with which an actor connects.
pub(super) struct Settings {
    address: String,
    keys: RedisKeys,
    connect_timeout: Duration,
    pub(super) response_timeout: Duration,
    backoff: Backoff,
}

impl RedisActorSessionStoreBuilder {
    pub(super) fn new(address: String) -> Self {
        Self(Settings {
            address,
            keys: RedisKeys::default(),
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
            backoff: Backoff::default(),
        })
    }

    /// Puts `prefix` before the ids of sessions. See
    /// [`RedisSessionStoreBuilder::key_prefix`](crate::storage::RedisSessionStoreBuilder::key_prefix).
    ///
    /// Default: `sessile:`.
    pub fn key_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.0.keys = RedisKeys::prefix(prefix);
        self
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
    pub fn cache_keygen<F>(mut self, keygen: F) -> Self
    where
        F: Fn(&str) -> String + Send + Sync + 'static,
    {
        self.0.keys = RedisKeys::keygen(keygen);
        self
    }

    /// The time limit for connecting to a server, authenticating and checking that it is Redis.
    ///
    /// Default: one second.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.0.connect_timeout = timeout;
        self
    }

    /// The time limit for an operation, including the wait for a connection.
    ///
    /// Default: one second.
    pub fn response_timeout(mut self, timeout: Duration) -> Self {
        self.0.response_timeout = timeout;
        self
    }

    /// The pauses between attempts to connect: `shortest` after the first attempt, twice as long after
    /// each further one, up to `longest`. Each pause is shortened at random by up to a half.
    ///
    /// Default: 50 to 500 milliseconds. The store notices the return of a server after `longest` at the
    /// latest.
    pub fn reconnect_backoff(mut self, shortest: Duration, longest: Duration) -> Self {
        self.0.backoff = Backoff { shortest, longest };
        self
    }

    /// The store. It connects at the first operation, so this can't fail.
    #[must_use]
    pub fn build(self) -> RedisActorSessionStore {
        RedisActorSessionStore::with(self.0)
    }
}

impl Settings {
    /// A store with a connection of its own.
    pub(super) async fn connect(&self) -> Result<RedisSessionStore, StoreError> {
        RedisSessionStore::builder(&self.address)
            .keys(self.keys.clone())
            .connect_timeout(self.connect_timeout)
            .response_timeout(self.response_timeout)
            .reconnect_backoff(self.backoff.shortest, self.backoff.longest)
            .build()
            .await
    }

    /// How long to wait before trying to connect after as many failures.
    pub(super) fn wait_after(&self, failures: u32) -> Duration {
        match failures {
            0 => Duration::ZERO,
            failures => self.backoff.after(failures),
        }
    }
}

impl fmt::Debug for RedisActorSessionStoreBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisActorSessionStoreBuilder")
            .field("connect_timeout", &self.0.connect_timeout)
            .field("response_timeout", &self.0.response_timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_begin_after_a_failure_and_grow_within_their_bounds() {
        let RedisActorSessionStoreBuilder(settings) =
            RedisActorSessionStore::builder("127.0.0.1:6379");
        assert_eq!(settings.wait_after(0), Duration::ZERO);
        for (failures, full) in [
            (1, 50),
            (2, 100),
            (4, 400),
            (5, 500),
            (33, 500),
            (u32::MAX, 500),
        ] {
            let (wait, full) = (settings.wait_after(failures), Duration::from_millis(full));
            assert!(wait >= full / 2 && wait <= full, "{failures}: {wait:?}");
        }
    }
}
