//! [`CookieSessionStore`]: the record itself is in the cookie.

use std::time::Duration;

use super::{
    CreateOutcome, Freshness, Loaded, SessionId, SessionStore, StoreError, SubjectDigest,
    UpdateOutcome, Version,
};
use crate::record::Record;

/// Keeps nothing: the engine seals the record itself into the cookie, with its expiry.
///
/// It costs no round trip and no memory. In exchange:
///
/// - The server can't invalidate a session. `purge` and `renew` only change the cookie of this browser. A copy of the
///   old cookie is valid until it expires, so keep the time to live short.
/// - Concurrent requests can't be merged: each starts from its own cookie, and the browser keeps the last cookie that
///   it receives.
/// - The sealed session has to fit into 4096 bytes, with the cookie's name and attributes: about 2,800 bytes of JSON.
///   More is a typed error, because browsers would drop the cookie.
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
#[derive(Debug, Clone, Copy, Default)]
pub struct CookieSessionStore(());

impl SessionStore for CookieSessionStore {
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

    async fn delete(&self, _id: &SessionId) -> Result<(), StoreError> {
        Ok(())
    }

    fn keeps_nothing(&self) -> bool {
        true
    }
}
