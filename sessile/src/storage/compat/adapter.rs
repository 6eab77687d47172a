//! [`Adapter`]: a store of actix-session as a store of this crate.
//!
//! **The old store chooses the keys**, in `save`, and many refuse a write under any other. So `create` may return
//! `CreatedAs`. The engine then continues with an id of the second form and without a secret. Sessions of
//! actix-session have the same form, so the rest of the engine is unchanged: a renewal moves the session. The adapter
//! drops the secrets in `create`, and the outcome tells the engine. A method that announces this in advance would be
//! one more rule that a store can break.
//!
//! **`update_ttl` is never called.** A touch changes the times in the record, so it is an `update`.
//!
//! **An error of the old store is never *not sent***, because the old errors do not have this information.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
    time::Duration,
};

use super::{
    SessionKey, SessionStore, entries,
    queue::{Head, SessionQueue},
};
use crate::{
    clock::{Clock, SharedClock},
    record::Record,
    storage::{
        self, CreateOutcome, Freshness, Loaded, SessionId, StoreError, StoreErrorKind,
        SubjectDigest, UpdateOutcome, Version,
    },
    telemetry::{self, Step},
};

/// The writes to each session. An application may make an adapter for each worker thread, so all adapters of the
/// process share them.
static WRITES: LazyLock<SessionQueue> = LazyLock::new(SessionQueue::default);

/// A store that was written for actix-session, as a store of this crate.
///
/// Clones share the store. See the [module](super) for how to change an application.
///
/// # What is stored
///
/// The store sees the values of a session under their names, each as JSON text, as under actix-session. One more
/// entry, `_sessile`, has the rest of the record: its version, its times and so on. A session without that entry
/// is one that actix-session stored. It stays as it is until a request changes, renews or extends it.
///
/// The store still chooses the keys of sessions, and the cookie contains the key, so the key is the secret of the
/// session. A renewal stores the session under another key. For the grace period, the old key keeps an entry that
/// opens nothing and names the new key.
///
/// # Costs
///
/// A change costs two operations of the store, a `load` and an `update`. A renewal costs a `save` and a change.
/// `update_ttl` is never called.
///
/// # Risks
///
/// The operations of such a store neither compare nor swap. Within one process, the adapter lets one write to a
/// session follow another, and compares the version before each. Between several servers, it can't:
///
/// - If two servers change a session at the same moment, one of the changes can be lost.
/// - If a user signs out while another server stores a change, and the store's `update` creates a missing session, the
///   session does not end.
///
/// Even on one server, a write that was in flight when its request timed out or its client disconnected can replace a
/// later one. With actix-session, every request has these risks.
///
/// If the store's `update` returns another key, the adapter deletes the session under that key, and answers the
/// request as if the session had ended. So a store that keeps the whole session in its key, or chooses another key for
/// each change, does not work with the adapter.
///
/// A key of more than about 2900 bytes does not fit in a cookie.
///
/// actix-session does not bind a signed cookie to its name. So the store's `load` may receive a text that the
/// application signed for another purpose, until
/// [`accept_actix_session_cookies`](crate::config::Settings::accept_actix_session_cookies) is `false`. A store that keeps sessions
/// in files has to check that the key is a file name.
///
/// ```
/// use sessile::{
///     config::Settings,
///     engine::{ResponseHead, SealingKey, SessionManager},
///     storage::compat::Adapter,
/// };
/// # mod old_store { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/stores/old_store.rs")); }
/// # use old_store::OldStore;
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = Adapter::new(OldStore::default());
/// let sessions = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
///
/// let session = sessions.open([]).await?;
/// session.insert("visits", 1)?;
/// let headers = sessions.commit(&session, &ResponseHead::to("POST")).await?;
///
/// let set_cookie = headers.set_cookie.expect("a new session has a cookie");
/// let cookie = set_cookie.as_str().split(';').next().unwrap();
/// let session = sessions.open([cookie.as_bytes()]).await?;
/// assert_eq!(session.get("visits")?, Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct Adapter<S> {
    store: Arc<S>,
    clock: SharedClock,
}

impl<S: SessionStore> Adapter<S> {
    /// Wraps `store`.
    #[must_use]
    pub fn new(store: S) -> Self {
        Self {
            store: Arc::new(store),
            clock: SharedClock::default(),
        }
    }

    /// Sets the clock. A session that actix-session stored has no times, so it counts as created and used at the moment
    /// when it is loaded.
    ///
    /// Default: [`SystemClock`](crate::clock::SystemClock). A test that passes a [`ManualClock`](crate::clock::ManualClock) to the
    /// middleware passes it here too.
    ///
    /// ```
    /// use sessile::{clock::ManualClock, storage::compat::Adapter};
    /// # mod old_store { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/stores/old_store.rs")); }
    /// # use old_store::OldStore;
    ///
    /// let store = Adapter::new(OldStore::default()).clock(ManualClock::default());
    /// assert_eq!(format!("{store:?}"), "Adapter { .. }");
    /// ```
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    async fn load_key(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        match self.store.load(key).await? {
            Some(entries) => Ok(Some(entries::decode(&entries, self.clock.now())?)),
            None => Ok(None),
        }
    }

    async fn delete_key(&self, key: &SessionKey) -> Result<(), StoreError> {
        let deleted = self.store.delete(key).await;
        deleted.map_err(|error| StoreError::new(StoreErrorKind::Unavailable, error))
    }

    /// Replaces the entries under `key`.
    async fn replace(
        &self,
        key: SessionKey,
        entries: HashMap<String, String>,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let ttl = whole_seconds(ttl);
        let returned = self.store.update(key.clone(), entries, &ttl).await?;
        if returned == key {
            return Ok(UpdateOutcome::Updated);
        }
        // The session was missing, and the store created another one, whose key no cookie has.
        if let Err(error) = self.delete_key(&returned).await {
            telemetry::request_failed(Step::DeleteUnneeded, &error, false);
        }
        Ok(UpdateOutcome::Missing)
    }
}

impl<S: SessionStore> storage::SessionStore for Adapter<S> {
    async fn load(
        &self,
        id: &SessionId,
        _subject: Option<&SubjectDigest>,
        _freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        match key(id) {
            Some(key) => self.load_key(&key).await,
            None => Ok(None),
        }
    }

    async fn create(
        &self,
        _id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        // Stores may refuse a time to live of zero. Such a record would expire at once.
        if ttl.is_zero() {
            return Ok(CreateOutcome::Created);
        }
        // The store chooses the key, which is the secret.
        let mut record = record.clone();
        record.secrets = None;
        let entries = entries::encode(version, &record);
        let key = self.store.save(entries, &whole_seconds(ttl)).await?;
        let id = SessionId::of_actix_session(key.as_ref());
        Ok(CreateOutcome::CreatedAs(id))
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let Some(key) = key(id) else {
            return Ok(UpdateOutcome::Missing);
        };
        let _head = wait_in_queue(id).await;
        match self.load_key(&key).await? {
            None => Ok(UpdateOutcome::Missing),
            Some(current) if current.version == version => Ok(UpdateOutcome::Updated),
            Some(current) if current.version != expected => Ok(UpdateOutcome::Conflict),
            Some(_) if ttl.is_zero() => {
                self.delete_key(&key).await?;
                Ok(UpdateOutcome::Updated)
            }
            Some(_) => {
                self.replace(key, entries::encode(version, record), ttl)
                    .await
            }
        }
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        match key(id) {
            Some(key) => {
                // A write in flight could restore the session.
                let _head = wait_in_queue(id).await;
                self.delete_key(&key).await
            }
            None => Ok(()),
        }
    }

    fn opens_actix_session_key(&self, key: &str) -> bool {
        key.len() <= SessionKey::MAX_LEN
    }
}

impl<S> Clone for Adapter<S> {
    fn clone(&self) -> Self {
        Self {
            store: Arc::clone(&self.store),
            clock: self.clock.clone(),
        }
    }
}

crate::debug::opaque!(Adapter<S>);

/// The key of the session with this id. The store has no session under an id that the engine generated.
fn key(id: &SessionId) -> Option<SessionKey> {
    let key = id.actix_session_key()?.to_owned();
    SessionKey::try_from(key).ok()
}

/// Waits until the earlier writes to this session are done. The engine ends requests that wait too long.
async fn wait_in_queue(id: &SessionId) -> Head<'static> {
    WRITES.wait(id).await
}

/// The time to live, rounded up: many stores count whole seconds, and refuse to keep a session for none. It is at most
/// a century: stores add it to the time now, and panic if that overflows.
fn whole_seconds(ttl: Duration) -> time::Duration {
    const CENTURY: i64 = 100 * 365 * 86_400;
    let seconds = ttl.as_nanos().div_ceil(1_000_000_000);
    time::Duration::seconds(i64::try_from(seconds).map_or(CENTURY, |it| it.min(CENTURY)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_rounded_up_to_seconds_and_bounded() {
        for (ttl, seconds) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_secs(1), 1),
            (Duration::from_millis(1001), 2),
            (Duration::MAX, 3_153_600_000),
        ] {
            assert_eq!(whole_seconds(ttl), time::Duration::seconds(seconds));
        }
    }
}
