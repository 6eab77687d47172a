//! [`RevocationList`]: which sessions have ended, although a cookie still has their record.
//!
//! The list is in a store that finds the sessions of a user. A record under an id means that this session has ended.
//! Marks end all sessions of a user, as they do for the store's own sessions.

mod cache;

use std::{borrow::Cow, time::Duration};

use self::cache::Cache;
use super::{
    AnySessionStore, BoxFuture, CreateOutcome, EndOutcome, Freshness, Loaded, SessionId,
    SessionStore as _, StoreError, StoreErrorKind, SubjectDigest, SubjectStore, Version,
};
use crate::{clock::Timestamp, record::Record};

/// The maximum number of renewals that [`end`](RevocationList::end) follows.
const MAX_RENEWALS: u32 = 1000;

/// The sessions that have ended before their cookies expire, for `CookieSessionStore`.
///
/// It has one entry for each sign-out, and for each renewal or sign-in of an existing session. An entry lives for the
/// longest of the idle timeouts and [`max_persistence`](crate::config::Settings::max_persistence): 400 days by default.
/// To keep the list short, lower `max_persistence`. An entry by [`end_by_id`](crate::Sessions::end_by_id) always lives
/// for 400 days.
///
/// The list can share its store with other sessions. Then, ending all sessions of a user ends those as well.
///
/// # Costs and risks
///
/// - The page [`guide::choosing_a_store`](crate::guide::choosing_a_store#ending-sessions-that-are-in-cookies) counts the round
///   trips.
/// - If the store can't be reached, requests with a session fail as with a store on the server: see
///   [`on_store_failure`](crate::config::Settings::on_store_failure).
/// - If the store loses entries, ended sessions can be opened again. Don't clear it, and don't use a
///   [`MemorySessionStore`](super::MemorySessionStore) that restarts or evicts.
///
/// ```
/// # #[cfg(feature = "cookie-session")] {
/// use std::time::Duration;
/// use sessile::{
///     config::Settings,
///     engine::{ResponseHead, SealingKey, SessionManager},
///     storage::{CookieSessionStore, MemorySessionStore, RevocationList},
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let list = RevocationList::new(MemorySessionStore::default());
/// let store = CookieSessionStore::with_revocations(list);
/// let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
/// let session = manager.open([]).await?;
/// session.insert("cart", 7)?;
/// let headers = manager.commit(&session, &ResponseHead::to("POST")).await?;
/// let cookie = headers.set_cookie.unwrap();
/// let cookie = cookie.as_str().split(';').next().unwrap();
///
/// let session = manager.open([cookie.as_bytes()]).await?;
/// assert_eq!(session.get("cart")?, Some(7));
/// session.purge();
/// manager.commit(&session, &ResponseHead::to("POST")).await?;
///
/// // A copy of the cookie.
/// let session = manager.open([cookie.as_bytes()]).await?;
/// assert_eq!(session.get::<u32>("cart")?, None);
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// # }
/// ```
#[derive(Clone)]
pub struct RevocationList {
    store: AnySessionStore,
    cache: Cache,
}

impl RevocationList {
    /// A list in this store.
    ///
    /// A store that [has no subjects](SubjectStore::has_subjects) is refused when the middleware is built.
    #[must_use]
    pub fn new(store: impl SubjectStore) -> Self {
        Self {
            store: AnySessionStore::with_subjects(store),
            cache: Cache::new(Duration::ZERO),
        }
    }

    /// How long this process may rely on a reply that a session had not ended. Default: zero, so that each request
    /// queries the store.
    ///
    /// With a few seconds, most reads cost no round trip. In exchange, an ended session can be read for up to this
    /// time. It can't be changed, because the store is always queried before a cookie is sent. The process remembers up
    /// to 32,768 sessions, in about 2 MiB.
    #[must_use]
    pub fn max_staleness(self, max_staleness: Duration) -> Self {
        Self {
            cache: Cache::new(max_staleness),
            ..self
        }
    }

    pub(crate) fn has_marks(&self) -> bool {
        self.store.has_subjects()
    }

    /// Whether the session with this id and record has ended.
    pub(crate) async fn is_revoked(
        &self,
        id: &SessionId,
        record: &Record,
        freshness: Freshness,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        if freshness == Freshness::Cached && self.cache.is_live(id, now) {
            return Ok(false);
        }
        let subject = record.subject();
        let since = match record.signed_in_at() {
            Some(at) if subject.is_some() => at,
            // actix-session sealed the state at an unknown time.
            _ if record.undated => Timestamp::from_unix_millis(0),
            _ => record.created_at,
        };
        let question = self.cache.begin(now);
        let is_revoked = (self.store.is_revoked(id, subject.as_ref(), since)).await?;
        match is_revoked {
            true => self.cache.remove(id),
            false => self.cache.remember(id, &question),
        }
        Ok(is_revoked)
    }

    /// Ends the session with this id. If a renewal replaced it, the session continues under the id that its entry names, and
    /// ends there. An entry lives for `ttl`.
    pub(crate) async fn end(
        &self,
        id: &SessionId,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<(), StoreError> {
        let entry = Record::revocation(now);
        let mut id = Cow::Borrowed(id);
        // Each renewal generates an id, so this ends.
        for _ in 0..MAX_RENEWALS {
            if self.add(&id, &entry, ttl).await? {
                return Ok(());
            }
            let earlier = self.entry(&id).await?;
            match earlier.and_then(|it| it.record.moved_to()) {
                Some(next) => id = Cow::Owned(next),
                None => return Ok(()),
            }
        }
        let cause = "a session that ends is renewed again and again";
        Err(StoreError::new(StoreErrorKind::Unavailable, cause))
    }

    /// Puts `entry` in the place of the session with this id. Returns whether the list did not have it before.
    pub(crate) async fn add(
        &self,
        id: &SessionId,
        entry: &Record,
        ttl: Duration,
    ) -> Result<bool, StoreError> {
        let version = Version::generate();
        let outcome = self.store.create(id, entry, version, ttl).await?;
        self.cache.forget(id);
        Ok(outcome == CreateOutcome::Created)
    }

    /// The record in place of an ended session.
    pub(crate) async fn entry(&self, id: &SessionId) -> Result<Option<Loaded>, StoreError> {
        self.store.load(id, None, Freshness::Current).await
    }

    // Boxed, because an `AnySessionStore` may have a list in another one.

    pub(crate) fn end_subject<'a>(
        &'a self,
        subject: &'a SubjectDigest,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<EndOutcome, StoreError>> {
        Box::pin(async move {
            let outcome = self.store.end_subject(subject, now, None).await;
            self.cache.clear();
            outcome
        })
    }

    pub(crate) fn end_everything(
        &self,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Timestamp, StoreError>> {
        Box::pin(async move {
            let outcome = self.store.end_everything(now).await;
            self.cache.clear();
            outcome
        })
    }
}

crate::debug::opaque!(RevocationList);
