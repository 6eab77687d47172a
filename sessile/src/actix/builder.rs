//! [`SessionMiddlewareBuilder`]: the settings of a [`SessionMiddleware`].

mod lifetimes;

use std::{sync::Arc, time::Duration};

use actix_web::{HttpRequest, HttpResponse, cookie::SameSite};

use super::{SessionMiddleware, extensions::Slot, pages::Pages};
use crate::{
    clock::Clock,
    config::{
        self, Caching, CookieContentSecurity, KeyRing, Loading, Settings, StoreFailurePolicy,
        SupersededPolicy,
    },
    engine::{Limiter, SessionFailure, SessionManager},
    error::{AuthenticationError, SettingsError},
    storage::{SessionLimit, SessionStore, SubjectStore},
    telemetry,
};

/// Builds a [`SessionMiddleware`]. Each setting and its default are documented at [`Settings`].
///
/// ```
/// use std::time::Duration;
/// use actix_web::cookie::{Key, SameSite};
/// use sessile::{
///     SessionMiddleware,
///     config::{Loading, PersistentSession, time},
///     storage::MemorySessionStore,
/// };
///
/// let sessions = SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
///     .cookie_name("__Host-session".to_owned())
///     .cookie_same_site(SameSite::Strict)
///     .session_lifecycle(PersistentSession::default().session_ttl(time::Duration::days(14)))
///     .absolute_timeout(Some(Duration::from_secs(90 * 24 * 3600)))
///     .loading(Loading::Lazy)
///     .try_build();
/// assert!(sessions.is_ok());
/// ```
#[derive(Debug)]
#[must_use = "nothing is set up until `build` is called"]
pub struct SessionMiddlewareBuilder<Store> {
    store: Store,
    keys: KeyRing,
    settings: Settings,
    limiter: Option<Limiter<Store>>,
    slot: Slot,
    pages: Pages,
}

impl<Store: SessionStore> SessionMiddlewareBuilder<Store> {
    pub(super) fn new(store: Store, keys: KeyRing, settings: Settings) -> Self {
        Self {
            store,
            keys,
            settings,
            limiter: None,
            slot: Slot::unmarked(),
            pages: Pages::default(),
        }
    }

    /// The cookie's name. Default: `id`. See [`Settings::cookie_name`].
    pub fn cookie_name(mut self, name: String) -> Self {
        self.settings.cookie_name = name;
        self
    }

    /// Whether browsers may send the cookie over TLS only. Default: `true`. See
    /// [`Settings::cookie_secure`].
    pub fn cookie_secure(mut self, secure: bool) -> Self {
        self.settings.cookie_secure = secure;
        self
    }

    /// Whether browsers hide the cookie from scripts. Default: `true`. See [`Settings::cookie_http_only`].
    pub fn cookie_http_only(mut self, http_only: bool) -> Self {
        self.settings.cookie_http_only = http_only;
        self
    }

    /// Which requests from other sites have the cookie. Default: [`SameSite::Lax`]. See
    /// [`Settings::cookie_same_site`].
    pub fn cookie_same_site(mut self, same_site: SameSite) -> Self {
        self.settings.cookie_same_site = match same_site {
            SameSite::Strict => config::SameSite::Strict,
            SameSite::Lax => config::SameSite::Lax,
            SameSite::None => config::SameSite::None,
        };
        self
    }

    /// The path below which browsers send the cookie. Default: `/`. See [`Settings::cookie_path`].
    pub fn cookie_path(mut self, path: String) -> Self {
        self.settings.cookie_path = path;
        self
    }

    /// The domain below which browsers send the cookie. Default: `None`. See
    /// [`Settings::cookie_domain`].
    pub fn cookie_domain(mut self, domain: Option<String>) -> Self {
        self.settings.cookie_domain = domain;
        self
    }

    /// Whether a page that is embedded in several other sites gets a cookie in each of them. Default: `false`. See
    /// [`Settings::cookie_partitioned`].
    pub fn cookie_partitioned(mut self, partitioned: bool) -> Self {
        self.settings.cookie_partitioned = partitioned;
        self
    }

    /// A header that takes the cookie's place, for clients of an API. Default: `None`. See
    /// [`Settings::session_header`].
    pub fn session_header(mut self, name: Option<String>) -> Self {
        self.settings.session_header = name;
        self
    }

    /// Whether cookies work over plain HTTP, for development. Default: `false`. See [`Settings::allow_plain_http`].
    ///
    /// ```
    /// use actix_web::cookie::Key;
    /// use sessile::{SessionMiddleware, storage::MemorySessionStore};
    ///
    /// let sessions = SessionMiddleware::strict(MemorySessionStore::default(), Key::generate())
    ///     .allow_plain_http(cfg!(debug_assertions))
    ///     .try_build();
    /// assert!(sessions.is_ok());
    /// ```
    pub fn allow_plain_http(mut self, allow: bool) -> Self {
        self.settings.allow_plain_http = allow;
        self
    }

    /// How the content of the cookie is protected. Default: [`CookieContentSecurity::Private`]. See
    /// [`Settings::cookie_content_security`].
    pub fn cookie_content_security(mut self, security: CookieContentSecurity) -> Self {
        self.settings.cookie_content_security = security;
        self
    }

    /// When a request's session is loaded. Default: [`Loading::Eager`]. See
    /// [`Loading::Lazy`] for what the other setting saves and requires.
    pub fn loading(mut self, loading: Loading) -> Self {
        self.settings.loading = loading;
        self
    }

    /// How long a request waits for the store. Default: one second. See
    /// [`Settings::store_timeout`].
    pub fn store_timeout(mut self, timeout: Duration) -> Self {
        self.settings.store_timeout = timeout;
        self
    }

    /// The response to a request when the store fails. Default: an opaque 503. See
    /// [`Settings::on_store_failure`].
    pub fn on_store_failure(mut self, policy: StoreFailurePolicy) -> Self {
        self.settings.on_store_failure = policy;
        self
    }

    /// The maximum size of a state in bytes. Default: 1 MiB. See [`Settings::max_state_bytes`].
    pub fn max_state_bytes(mut self, bytes: usize) -> Self {
        self.settings.max_state_bytes = bytes;
        self
    }

    /// The response if the changes were not stored because another request had renewed or ended the
    /// session. Default: 409, unless the method is safe. See [`Settings::on_superseded`].
    pub fn on_superseded(mut self, policy: SupersededPolicy) -> Self {
        self.settings.on_superseded = policy;
        self
    }

    /// How long the session remembers the secret that a renewal replaced. Default: 30 seconds. See
    /// [`Settings::renewal_grace`].
    pub fn renewal_grace(mut self, grace: Duration) -> Self {
        self.settings.renewal_grace = grace;
        self
    }

    /// How far the clocks of the application's servers may differ. Default: 30 seconds. See
    /// [`Settings::clock_allowance`].
    pub fn clock_allowance(mut self, allowance: Duration) -> Self {
        self.settings.clock_allowance = allowance;
        self
    }

    /// The interval after which a new secret replaces the one in the cookie. Default: `None`, only renewals replace it.
    /// See [`Settings::rotation_interval`].
    pub fn rotation_interval(mut self, interval: Option<Duration>) -> Self {
        self.settings.rotation_interval = interval;
        self
    }

    /// The maximum number of sessions that a user can have at a time. Default: any number.
    ///
    /// The limit is exact, even if a user signs in many times at once. With each sign-in, the store reads the user's
    /// sessions.
    ///
    /// ```
    /// use actix_web::cookie::Key;
    /// use sessile::{SessionMiddleware, storage::{MemorySessionStore, SessionLimit}};
    ///
    /// let sessions = SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
    ///     .session_limit(SessionLimit::new(3).expect("more than zero"))
    ///     .try_build();
    /// assert!(sessions.is_ok());
    /// ```
    pub fn session_limit(mut self, limit: SessionLimit) -> Self
    where
        Store: SubjectStore,
    {
        self.limiter = Some(Limiter::new(limit));
        self
    }

    /// Renders the application's own page for a request that fails because of its session. Default: an empty body.
    /// The status is 409 if another request has ended or renewed the session, 503, or the status of
    /// [`on_store_failure`](Self::on_store_failure), if the store failed, and 500 otherwise, for example if the cookie
    /// would be too large.
    ///
    /// The page should have the [status](SessionFailure::status) of the failure. If it has a status of success, the
    /// middleware replaces that by the status of the failure. The middleware also adds the headers of the failure:
    /// `Cache-Control: no-store`, `Retry-After` with a 503, and the cookie if one is needed.
    ///
    /// The page is for failures of the session middleware and of the extractor. If a handler or an inner middleware
    /// returns an error, for example from [`load`](crate::Session::load) through `?`, the response is that of the
    /// error, unless the commit fails as well. If an inner middleware returned an error, no page can be rendered,
    /// because the request was dropped.
    ///
    /// ```
    /// use actix_web::{HttpResponse, cookie::Key, http::StatusCode};
    /// use sessile::{SessionMiddleware, storage::MemorySessionStore};
    ///
    /// let sessions = SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
    ///     .failure_page(|_request, failure| {
    ///         let status = StatusCode::from_u16(failure.status());
    ///         HttpResponse::build(status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE))
    ///             .body("Please try again.")
    ///     })
    ///     .try_build();
    /// assert!(sessions.is_ok());
    /// ```
    pub fn failure_page(
        mut self,
        render: impl Fn(&HttpRequest, &SessionFailure) -> HttpResponse + Send + Sync + 'static,
    ) -> Self {
        self.pages.failure = Some(Arc::new(render));
        self
    }

    /// Renders the application's own response if [`SignedIn`](crate::extract::SignedIn) or
    /// [`RecentlyAuthenticated`](crate::extract::RecentlyAuthenticated) refuses a request: for example a redirect to the
    /// login page. Default: 401 with an empty body.
    ///
    /// The error is [`NotSignedIn`](AuthenticationError::NotSignedIn) or
    /// [`NotRecent`](AuthenticationError::NotRecent). In all other cases, signing in would not help:
    /// [`failure_page`](Self::failure_page) renders those responses. If the page has a status of success, the
    /// middleware replaces it by 401. It adds `Cache-Control: no-store`, and to a 401 the header `WWW-Authenticate`
    /// unless the page has one. A page is rendered only where it is the response: not for `Option<SignedIn>`, except in
    /// middleware that runs before the request is routed.
    ///
    /// It has no effect on a middleware with a [`marker`](Self::marker), whose extractor refuses no request.
    ///
    /// ```
    /// use actix_web::{HttpResponse, cookie::Key};
    /// use sessile::{SessionMiddleware, error::AuthenticationError, storage::MemorySessionStore};
    ///
    /// let sessions = SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
    ///     .on_unauthenticated(|_request, error| {
    ///         let page = match error {
    ///             AuthenticationError::NotRecent { .. } => "/confirm-password",
    ///             _ => "/login",
    ///         };
    ///         HttpResponse::SeeOther().insert_header(("Location", page)).finish()
    ///     })
    ///     .try_build();
    /// assert!(sessions.is_ok());
    /// ```
    pub fn on_unauthenticated(
        mut self,
        render: impl Fn(&HttpRequest, &AuthenticationError) -> HttpResponse + Send + Sync + 'static,
    ) -> Self {
        self.pages.unauthenticated = Some(Arc::new(render));
        self
    }

    /// The cache headers of responses that depend on a session. Default: [`Caching::Private`], which lets only the
    /// browser store them. See [`Settings::caching`].
    pub fn caching(mut self, caching: Caching) -> Self {
        self.settings.caching = caching;
        self
    }

    /// Whether signing out makes the browser clear the site's cache and storage. Default: `false`. See
    /// [`Settings::clear_site_data`].
    pub fn clear_site_data(mut self, clear: bool) -> Self {
        self.settings.clear_site_data = clear;
        self
    }

    /// Whether the cookies of actix-session are accepted. Default: `true`. See
    /// [`Settings::accept_actix_session_cookies`] for the risks.
    pub fn accept_actix_session_cookies(mut self, accept: bool) -> Self {
        self.settings.accept_actix_session_cookies = accept;
        self
    }

    /// A marker for the session of this middleware: handlers take it as [`SessionOf<M>`](crate::extract::SessionOf)
    /// instead of [`Session`](crate::Session). So one request can have several sessions. Default: none.
    ///
    /// Give each middleware its own cookie name. If outer code takes a session before the middleware runs, that
    /// session has no marker.
    pub fn marker<M: 'static>(mut self) -> Self {
        self.slot = Slot::of::<M>();
        self
    }

    /// The clock of the engine. Default: that of the operating system. See [`Settings::clock`].
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.settings = self.settings.clock(clock);
        self
    }

    /// The middleware.
    ///
    /// # Panics
    ///
    /// If the settings are invalid: for example a cookie that no browser accepts, or a duration that is not
    /// positive. [`try_build`](Self::try_build) returns
    /// an error instead.
    #[must_use]
    #[track_caller]
    pub fn build(self) -> SessionMiddleware<Store> {
        match self.try_build() {
            Ok(middleware) => middleware,
            Err(error) => panic!(
                "invalid session settings: {}",
                telemetry::with_causes(&error)
            ),
        }
    }

    /// The middleware, or an error if the settings are invalid.
    ///
    /// ```
    /// use actix_web::cookie::Key;
    /// use sessile::{SessionMiddleware, storage::MemorySessionStore};
    ///
    /// let built = SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
    ///     .cookie_name("__Host-id".to_owned())
    ///     .cookie_domain(Some("example.org".to_owned()))
    ///     .try_build();
    /// assert!(built.is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// If the settings are invalid: for example a cookie that no browser accepts, or a duration that is not
    /// positive.
    pub fn try_build(self) -> Result<SessionMiddleware<Store>, SettingsError> {
        let manager = SessionManager::with(self.store, self.keys, self.settings, self.limiter)?;
        Ok(SessionMiddleware::from_parts(
            manager, self.slot, self.pages,
        ))
    }
}
