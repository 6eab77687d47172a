//! [`CookieSessionStore`]: the record itself travels in the cookie.

use std::time::Duration;

use super::{
    CreateOutcome, Freshness, Loaded, SessionId, SessionStore, StoreError, SubjectDigest,
    UpdateOutcome, Version,
};
use crate::record::Record;

/// Keeps nothing: the engine seals the record itself into the cookie, with the time at which it ends.
///
/// Costs no round trip and no memory. In exchange:
///
/// - The server can't take a session back. `purge` and `renew` change what this browser holds; a
///   copy of the old cookie is good until it ends. Keep the time to live short.
/// - Concurrent requests can't be merged: each starts from the cookie that it came with, and the
///   browser keeps the cookie that arrives last.
/// - All that a session holds has to fit into 4096 bytes with the cookie's name and attributes,
///   after sealing: about 2,800 bytes of JSON. More is a typed error, not a cookie that browsers drop.
/// - Under [`Signed`](crate::CookieContentSecurity::Signed) the client can read the state.
/// - What actix-session left in a browser is a session as well. It has no end of its own: see
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
