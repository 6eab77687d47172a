//! [`SessionManager`]: the one road between a request's cookie and the store.

mod commit;
mod decide;
mod turns;

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use self::turns::Turns;
use crate::{
    clock::{SharedClock, Timestamp},
    config::{Loading, StoreFailurePolicy},
    cookie::{Found, SealingKey, SessionCookie, SetCookie},
    failure::{CommitError, OpenError},
    key::SessionKey,
    lifetime::Lifetime,
    session::{Backend, BoxFuture, Session, SessionSaveError, live::Live},
    settings::{Settings, SettingsError},
    storage::{Loaded, SessionStore, StoreErrorKind},
    telemetry, timeout,
};

/// Opens the session that a request's cookie names, and commits it when the request is done.
///
/// This is all of the engine that an adapter to a web framework needs; `SessionMiddleware` is the
/// one for Actix Web. Cloning shares the store.
///
/// ```
/// use sessile::{SealingKey, SessionManager, Settings, storage::MemorySessionStore};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let manager = SessionManager::new(
///     MemorySessionStore::default(),
///     SealingKey::generate(),
///     Settings::default(),
/// )?;
///
/// // The first request comes without a cookie, and its handler writes.
/// let session = manager.open([]).await?;
/// session.insert("visits", 1)?;
/// let set_cookie = manager.commit(&session).await?.expect("a new session has a cookie");
///
/// // The browser sends back what it was given.
/// let cookie = set_cookie.as_str().split(';').next().unwrap();
/// let session = manager.open([cookie.as_bytes()]).await?;
/// assert_eq!(session.get("visits")?, Some(1));
///
/// // It was only read, so there is nothing to tell the browser.
/// assert!(manager.commit(&session).await?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
pub struct SessionManager<S>(Arc<Inner<S>>);

struct Inner<S> {
    store: S,
    cookie: SessionCookie,
    lifetime: Lifetime,
    loading: Loading,
    store_timeout: Duration,
    on_store_failure: StoreFailurePolicy,
    max_state_bytes: usize,
    turns: Turns,
    clock: SharedClock,
}

impl<S: SessionStore> SessionManager<S> {
    /// A manager for the sessions in `store`, whose cookies are sealed with `key`.
    ///
    /// # Errors
    ///
    /// When `settings` ask for a cookie that no browser takes, for a duration that is not positive,
    /// or for something else that makes no sense.
    pub fn new(store: S, key: SealingKey, settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self(Arc::new(Inner {
            store,
            cookie: SessionCookie::new(key, &settings),
            lifetime: Lifetime::new(
                &settings.lifecycle,
                settings.absolute_timeout,
                settings.touch_fraction,
            ),
            loading: settings.loading,
            store_timeout: settings.store_timeout.unsigned_abs(),
            on_store_failure: settings.on_store_failure,
            max_state_bytes: settings.max_state_bytes,
            turns: Turns::default(),
            clock: settings.clock,
        })))
    }

    /// The session that the `Cookie` headers of a request name, or an empty one.
    ///
    /// Whatever a client puts there is no error: a cookie that isn't ours, or names no live
    /// session, opens an empty session.
    ///
    /// Under [`Loading::OnDemand`] the cookie is only noted: [`Session::load`] does the rest.
    ///
    /// # Errors
    ///
    /// When the store fails or does not answer in time, unless
    /// [`ServeEmpty`](StoreFailurePolicy::ServeEmpty) was chosen.
    pub async fn open<'h>(
        &self,
        cookie_headers: impl IntoIterator<Item = &'h [u8]>,
    ) -> Result<Session, OpenError> {
        match self.0.cookie.find(cookie_headers) {
            Found::Nothing => Ok(self.session(Live::new(false))),
            Found::Unusable(reason) => {
                telemetry::cookie_rejected(reason);
                Ok(self.session(Live::new(true)))
            }
            Found::Value(cookie) => match self.0.loading {
                Loading::OnDemand => Ok(self.session(Live::unopened(&cookie))),
                Loading::BeforeTheHandler => {
                    // Filled where it is: to hand it on takes longer than that.
                    let session = self.session(Live::new(true));
                    self.0.open(&session, &cookie).await?;
                    Ok(session)
                }
            },
        }
    }

    fn session(&self, live: Live) -> Session {
        let backend = Arc::clone(&self.0) as Arc<dyn Backend>;
        Session::with(live, self.0.max_state_bytes, Some(backend))
    }

    /// Stores what the request did to its session, and says what to tell the browser: the value of
    /// a `Set-Cookie` header, or nothing.
    ///
    /// The session takes no writes after it.
    ///
    /// # Errors
    ///
    /// When the changes could not be stored, or the cookie would be too large. Nothing may be
    /// acknowledged to the client then.
    pub async fn commit(&self, session: &Session) -> Result<Option<SetCookie>, CommitError> {
        if self.0.closes_untouched(session) {
            return Ok(None);
        }
        let committed = self.0.commit(session).await;
        session.close();
        committed.inspect_err(|error| telemetry::request_failed("commit", error))
    }

    /// The cookie of what was [saved](Session::save) during a request whose commit then failed: it
    /// goes out with the error, since the browser's old cookie may name nothing any more.
    ///
    /// Nothing if no cookie is due.
    #[must_use]
    pub fn due_cookie(&self, session: &Session) -> Option<SetCookie> {
        self.0.due_cookie(session)
    }

    /// The HTTP status that a failing store is to be answered with, as
    /// [`Settings::on_store_failure`] says.
    #[must_use]
    pub fn failure_status(&self) -> u16 {
        self.0.on_store_failure.status()
    }
}

impl<S: SessionStore> Inner<S> {
    /// Fills a new session with what the cookie with this value names.
    async fn open(&self, session: &Session, cookie: &str) -> Result<(), OpenError> {
        match self.find(cookie).await {
            Ok(found) => session.live().open(cookie, found),
            Err(error) if self.goes_on_without(&error) => session.live().detach(),
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn find(&self, cookie: &str) -> Result<Option<(SessionKey, Loaded)>, OpenError> {
        let Some(key) = self.cookie.open(cookie) else {
            telemetry::cookie_rejected("failed verification");
            return Ok(None);
        };
        let loaded = self.load(&key).await?;
        Ok(loaded.map(|loaded| (key, loaded)))
    }

    fn goes_on_without(&self, error: &OpenError) -> bool {
        telemetry::request_failed("open", error);
        self.on_store_failure == StoreFailurePolicy::ServeEmpty
    }

    /// The live session under `key`.
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, OpenError> {
        let loading = pin!(self.store.load(key));
        let loaded = timeout::within(self.store_timeout, loading)
            .await
            .map_err(|after| OpenError::Timeout { after })?;
        match loaded {
            Ok(Some(loaded)) if self.lifetime.is_over(&loaded.record, self.clock.now()) => {
                telemetry::session_not_found("its time is over");
                Ok(None)
            }
            Ok(Some(loaded)) => Ok(Some(loaded)),
            Ok(None) => {
                telemetry::session_not_found("not in the store");
                Ok(None)
            }
            Err(error) if error.kind() == StoreErrorKind::Corrupt => {
                // Served as no session, and its key is never written to again.
                telemetry::record_corrupt(&error);
                Ok(None)
            }
            Err(error) => Err(error.into()),
        }
    }
}

impl<S: SessionStore> Backend for Inner<S> {
    fn ends_at(&self, created_at: Timestamp, touched_at: Timestamp) -> Timestamp {
        self.lifetime.ends_at(created_at, touched_at)
    }

    fn store_timeout(&self) -> Duration {
        self.store_timeout
    }

    fn find<'a>(
        &'a self,
        cookie: &'a str,
    ) -> BoxFuture<'a, Result<Option<(SessionKey, Loaded)>, OpenError>> {
        Box::pin(self.find(cookie))
    }

    fn goes_on_without(&self, error: &OpenError) -> bool {
        self.goes_on_without(error)
    }

    #[cfg(feature = "actix")]
    fn failure_status(&self) -> u16 {
        self.on_store_failure.status()
    }

    fn save<'a>(&'a self, session: &'a Session) -> BoxFuture<'a, Result<(), SessionSaveError>> {
        Box::pin(self.save(session))
    }

    fn load<'a>(&'a self, key: &'a SessionKey) -> BoxFuture<'a, Result<Option<Loaded>, OpenError>> {
        Box::pin(self.load(key))
    }
}

impl<S> Clone for SessionManager<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S> fmt::Debug for SessionManager<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionManager")
            .field("cookie", &self.0.cookie)
            .field("lifetime", &self.0.lifetime)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
