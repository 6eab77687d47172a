//! [`CookieSessionStore`]: the record itself is in the cookie.

use std::time::Duration;

use super::{
    CreateOutcome, EndOutcome, EndingStore, Freshness, Loaded, MARK_LIFETIME, ManagedStore,
    RevocationList, SessionId, SessionStore, StoreError, StoreErrorKind, SubjectDigest,
    UpdateOutcome, Version,
};
use crate::{
    clock::{Clock as _, SystemClock, Timestamp},
    engine::lifetime::SLACK,
    record::Record,
};

/// Keeps nothing: the engine seals the record itself into the cookie, with its expiry.
///
/// It costs no round trip and no memory. In exchange:
///
/// - The server can't invalidate a session, unless the store [has a list](Self::with_revocations) of ended sessions.
///   Without one, `purge` and `renew` only change the cookie of this browser. A copy of the old cookie is valid until
///   it expires, so keep the time to live short.
/// - Concurrent requests can't be merged: each starts from its own cookie, and the browser keeps the last cookie that
///   it receives.
/// - The sealed session has to fit into 4096 bytes, with the cookie's name and attributes: about 2,800 bytes of JSON. A
///   larger one is a typed error, because browsers would drop the cookie.
/// - Under [`Signed`](crate::CookieContentSecurity::Signed) the client can read the state.
/// - Cookies of actix-session are accepted as well. They never expire: see
///   [`Settings::accept_actix_session_cookies`](crate::config::Settings::accept_actix_session_cookies).
///
/// ```
/// use sessile::{
///     config::Settings,
///     engine::{SealingKey, SessionManager},
///     storage::CookieSessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = CookieSessionStore::default();
/// let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
/// let session = manager.open([]).await?;
/// session.insert("letters", "x".repeat(5000))?;
///
/// // More than a cookie carries.
/// assert!(session.save().await.is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Default)]
pub struct CookieSessionStore {
    revocations: Option<RevocationList>,
}

impl CookieSessionStore {
    /// A store whose sessions can be ended. Sessions on the `list` are never opened again.
    ///
    /// A sign-out and a renewal are acknowledged only when the list has them. [`RevocationList`] has the costs and an example.
    ///
    /// Cookies that actix-session sealed have neither an id nor times:
    ///
    /// - Their id is a digest of the cookie's value. So a sign-out ends all copies of this cookie, but not earlier
    ///   cookies that actix-session sealed for the same session. Under
    ///   [`Signed`](crate::CookieContentSecurity::Signed), equal states have equal cookies, and end together.
    /// - They never expire, but an entry of the list does. After that, a copy of the cookie opens the session again.
    /// - [`end_everything`](crate::Sessions::end_everything) ends all of them, including those that actix-session seals
    ///   later. [`end_all`](crate::Sessions::end_all) ends none of them, because they do not name the user.
    ///
    /// So turn [`accept_actix_session_cookies`](crate::config::Settings::accept_actix_session_cookies) off as soon as you can.
    #[must_use]
    pub const fn with_revocations(list: RevocationList) -> Self {
        Self {
            revocations: Some(list),
        }
    }

    fn list(&self) -> Result<&RevocationList, StoreError> {
        self.revocations.as_ref().ok_or_else(|| {
            let missing = "sessions in cookies can't be ended without a revocation list";
            StoreError::new(StoreErrorKind::Unsupported, missing).not_sent()
        })
    }
}

impl SessionStore for CookieSessionStore {
    /// Returns `None`: the record is in the cookie.
    async fn load(
        &self,
        _id: &SessionId,
        _subject: Option<&SubjectDigest>,
        _freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        Ok(None)
    }

    async fn create(
        &self,
        _id: &SessionId,
        _record: &Record,
        _version: Version,
        _ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        Ok(CreateOutcome::Created)
    }

    async fn update(
        &self,
        _id: &SessionId,
        _expected: Version,
        _record: &Record,
        _version: Version,
        _ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        Ok(UpdateOutcome::Updated)
    }

    /// Puts the session on the list, for as long as any session can live.
    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        let ttl = MARK_LIFETIME.saturating_add(SLACK);
        self.list()?.end(id, SystemClock.now(), ttl).await
    }

    fn keeps_nothing(&self) -> bool {
        true
    }

    fn revocations(&self) -> Option<&RevocationList> {
        self.revocations.as_ref()
    }
}

impl EndingStore for CookieSessionStore {
    async fn end_sessions_of(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
    ) -> Result<EndOutcome, StoreError> {
        self.list()?.end_subject(subject, now).await
    }

    async fn end_all_sessions(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.list()?.end_everything(now).await
    }
}

/// [`ping`](ManagedStore::ping) queries the [revocation list](RevocationList), if there is one.
/// [`close`](ManagedStore::close) does nothing: the application closes the store of the list.
impl ManagedStore for CookieSessionStore {
    async fn ping(&self) -> Result<(), StoreError> {
        match self.revocations() {
            Some(list) => list.entry(&SessionId::generate()).await.map(drop),
            None => Ok(()),
        }
    }

    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
