//! How long sessions live and how their cookies are protected: the settings that handlers never
//! see.
//!
//! [`SessionLifecycle`] sets how long a session lives. [`SessionLength`] is the type of early versions of
//! actix-session for the same setting.

use time::Duration;

#[cfg(feature = "actix")]
pub use crate::actix::SessionMiddlewareBuilder;

/// How long the state lives where nothing else was said: one day.
const DEFAULT_TTL: Duration = Duration::days(1);

/// How long a session lives, and whether the browser keeps its cookie across restarts.
///
/// Default: [`BrowserSession::default`].
///
/// ```
/// use sessile::config::{BrowserSession, PersistentSession, SessionLifecycle};
/// use time::Duration;
///
/// // The browser deletes it when it closes, the server after a day without changes.
/// let browser: SessionLifecycle = BrowserSession::default().into();
/// // Both keep it for a week after the last change.
/// let persistent: SessionLifecycle =
///     PersistentSession::default().session_ttl(Duration::weeks(1)).into();
///
/// assert!(matches!(browser, SessionLifecycle::BrowserSession(_)));
/// assert!(matches!(persistent, SessionLifecycle::PersistentSession(_)));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SessionLifecycle {
    /// The cookie has no `Max-Age`: the browser deletes it when it closes.
    BrowserSession(BrowserSession),
    /// The cookie has a `Max-Age`: the browser keeps it across restarts.
    PersistentSession(PersistentSession),
}

impl Default for SessionLifecycle {
    fn default() -> Self {
        Self::BrowserSession(BrowserSession::default())
    }
}

impl From<BrowserSession> for SessionLifecycle {
    fn from(session: BrowserSession) -> Self {
        Self::BrowserSession(session)
    }
}

impl From<PersistentSession> for SessionLifecycle {
    fn from(session: PersistentSession) -> Self {
        Self::PersistentSession(session)
    }
}

/// A session whose cookie the browser deletes when it closes.
///
/// Many browsers restore such cookies with the windows of the last run, so the server's own limit
/// is the one to rely on.
#[derive(Debug, Clone)]
pub struct BrowserSession {
    pub(crate) state_ttl: Duration,
    pub(crate) state_ttl_extension_policy: TtlExtensionPolicy,
}

impl BrowserSession {
    /// How long the server keeps the state after its life was last extended: the idle timeout.
    ///
    /// Default: one day. Must be more than zero.
    #[must_use]
    pub fn state_ttl(mut self, ttl: Duration) -> Self {
        self.state_ttl = ttl;
        self
    }

    /// What extends the life of the state.
    ///
    /// Default: [`TtlExtensionPolicy::OnStateChanges`].
    #[must_use]
    pub fn state_ttl_extension_policy(mut self, policy: TtlExtensionPolicy) -> Self {
        self.state_ttl_extension_policy = policy;
        self
    }
}

impl Default for BrowserSession {
    fn default() -> Self {
        Self {
            state_ttl: DEFAULT_TTL,
            state_ttl_extension_policy: TtlExtensionPolicy::default(),
        }
    }
}

/// A session that survives a restart of the browser.
#[derive(Debug, Clone)]
pub struct PersistentSession {
    pub(crate) session_ttl: Duration,
    pub(crate) session_ttl_extension_policy: TtlExtensionPolicy,
}

impl PersistentSession {
    /// How long the session lives after its life was last extended: the cookie's `Max-Age` and the
    /// idle timeout of the state.
    ///
    /// Default: one day. Must be more than zero. `Max-Age` is in whole seconds, rounded up;
    /// browsers keep no cookie longer than 400 days (RFC 6265bis, section 5.5).
    #[must_use]
    pub fn session_ttl(mut self, ttl: Duration) -> Self {
        self.session_ttl = ttl;
        self
    }

    /// What extends the life of the session.
    ///
    /// Default: [`TtlExtensionPolicy::OnStateChanges`].
    #[must_use]
    pub fn session_ttl_extension_policy(mut self, policy: TtlExtensionPolicy) -> Self {
        self.session_ttl_extension_policy = policy;
        self
    }
}

impl Default for PersistentSession {
    fn default() -> Self {
        Self {
            session_ttl: DEFAULT_TTL,
            session_ttl_extension_policy: TtlExtensionPolicy::default(),
        }
    }
}

/// What extends the life of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TtlExtensionPolicy {
    /// Every request that comes with the session's cookie.
    ///
    /// Costs a write to the store now and then on requests that only read: once in a fraction of
    /// the lifetime (see [`Settings::touch_fraction`](crate::Settings::touch_fraction)). A session
    /// that is used never ends early; one that is left alone may live longer by that fraction.
    OnEveryRequest,
    /// Only requests that change the state. A session that is only read ends while it is used.
    #[default]
    OnStateChanges,
}

/// How long a session lives, in the type of early versions of actix-session. New programs use
/// [`SessionLifecycle`].
///
/// ```
/// use sessile::{SessionLength, config::SessionLifecycle};
/// use time::Duration;
///
/// let length = SessionLength::Predetermined { max_session_length: Some(Duration::hours(8)) };
/// assert!(matches!(length.into(), SessionLifecycle::PersistentSession(_)));
/// ```
#[derive(Debug, Clone)]
pub enum SessionLength {
    /// The same as [`BrowserSession`].
    BrowserSession {
        /// The same as [`BrowserSession::state_ttl`]; `None` means one day.
        state_ttl: Option<Duration>,
    },
    /// The same as [`PersistentSession`].
    Predetermined {
        /// The same as [`PersistentSession::session_ttl`]; `None` means one day.
        max_session_length: Option<Duration>,
    },
}

impl From<SessionLength> for SessionLifecycle {
    fn from(length: SessionLength) -> Self {
        match length {
            SessionLength::BrowserSession { state_ttl } => BrowserSession::default()
                .state_ttl(state_ttl.unwrap_or(DEFAULT_TTL))
                .into(),
            SessionLength::Predetermined { max_session_length } => PersistentSession::default()
                .session_ttl(max_session_length.unwrap_or(DEFAULT_TTL))
                .into(),
        }
    }
}

/// How the content of the cookie is protected.
///
/// With both, a cookie that was changed, or sealed for another cookie name, is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieContentSecurity {
    /// Encrypted and authenticated (AES-128-GCM-SIV): the client can't read it.
    Private,
    /// Authenticated (HMAC-SHA256): the client can read it. With `CookieSessionStore`, that is everything
    /// the session holds.
    Signed,
}

/// Which requests from other sites bring the cookie (RFC 6265bis, section 5.6.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SameSite {
    /// None.
    Strict,
    /// Those that open a page: links and forms that use `GET`.
    Lax,
    /// All. Browsers take such a cookie only with `Secure`.
    None,
}

/// The response if the changes of a request were not stored because another request had renewed or ended
/// the session.
///
/// A request with a safe method (RFC 9110, section 9.2.1: `GET`, `HEAD`, `OPTIONS`, `TRACE`) did not ask for
/// a change, so its response is served in both cases, without the change. The drop is logged and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SupersededPolicy {
    /// 409 with an empty body, so that no lost change is acknowledged.
    #[default]
    Refuse,
    /// The handler's response. The client believes that its changes were stored.
    Ignore,
}

/// What the responses that depend on a session tell caches (RFC 9111).
///
/// A response depends on its session if the handler read or changed the session, if its body still holds a
/// handle of the session, or if it sets the cookie. Without these headers, a cache between the browser and the server
/// may serve one visitor's page, or cookie, to another visitor. All other responses stay as they are.
///
/// ```
/// use sessile::{Settings, config::Caching};
///
/// let mut settings = Settings::default();
/// assert_eq!(settings.caching, Caching::Private);
/// settings.caching = Caching::Unchanged;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Caching {
    /// Only the browser may store them. They get `Vary: Cookie`, and `private` is added to their `Cache-Control`,
    /// with `no-cache="Set-Cookie"` where they set the cookie. Directives and headers that let shared caches store
    /// them are removed: `public`, `s-maxage`, `CDN-Cache-Control`, `Surrogate-Control`, `X-Accel-Expires` and similar.
    #[default]
    Private,
    /// As [`Private`](Self::Private), and the pages of users who are signed in are not stored at all: `no-store`
    /// (OWASP ASVS 5.0, 14.3.2). The browser then loads them again when the user goes back.
    ///
    /// A user is signed in to a session whose record has a [subject](crate::Record::subject). This version has no
    /// function that sets one, so for now an application sets `Cache-Control: no-store` itself, which is kept.
    NoStoreSignedIn,
    /// The application sets these headers itself, on every response that depends on a session.
    Unchanged,
}

/// When a request's session is loaded.
///
/// Default: [`Eager`](Self::Eager).
///
/// Under [`Lazy`](Self::Lazy), an argument of type `Session` loads the session before the handler runs.
/// Other code has to load it before it reads or writes values:
///
/// ```
/// use sessile::{
///     ReadError, SealingKey, SessionManager, Settings, config::Loading,
///     storage::MemorySessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut settings = Settings::default();
/// settings.loading = Loading::Lazy;
/// let store = MemorySessionStore::default();
/// let manager = SessionManager::new(store, SealingKey::generate(), settings)?;
/// # let session = manager.open([]).await?;
/// # session.insert("user", "ferris")?;
/// # let headers = manager.commit(&session, &sessile::ResponseHead::to("POST")).await?;
/// # let set_cookie = headers.set_cookie.expect("a new session has a cookie");
/// # let cookie = set_cookie.as_str().split(';').next().unwrap();
///
/// let session = manager.open([cookie.as_bytes()]).await?;
/// assert!(!session.is_loaded());
/// assert_eq!(session.get::<String>("user").unwrap_err().source, ReadError::NotLoaded);
///
/// session.load().await?;
/// assert_eq!(session.get("user")?, Some("ferris".to_owned()));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Loading {
    /// The session middleware loads the session, so guards, inner middleware and handlers can read and write
    /// it.
    ///
    /// Each request with a session's cookie costs unsealing the cookie and one load, even if it does not
    /// use the session.
    #[default]
    Eager,
    /// A handler's argument of type `Session` loads the session, or a call of
    /// [`Session::load`](crate::Session::load).
    ///
    /// A request with neither costs almost nothing: its cookie is not unsealed, and the store is not used.
    /// In exchange:
    ///
    /// - A session from `SessionExt::get_session` has to be loaded before its values are read or written.
    ///   Until then, such a call returns an error, or has no effect, which is logged. Only
    ///   [`purge`](crate::Session::purge), [`renew`](crate::Session::renew) and
    ///   [`restart`](crate::Session::restart) need no loading: the commit loads the session for them.
    /// - Guards can't load. They see a session only if outer middleware has loaded it.
    /// - Under [`OnEveryRequest`](TtlExtensionPolicy::OnEveryRequest), a request extends a session's
    ///   life only if it loads it.
    Lazy,
}

/// The response to a request when the store can't be reached or doesn't answer in time.
///
/// Default: [`Respond`](Self::Respond) with 503.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreFailurePolicy {
    /// An opaque response with this HTTP status and an empty body.
    Respond {
        /// The status code, 400 to 599.
        status: u16,
    },
    /// The handler runs with an empty session, and what it writes there is not kept.
    ///
    /// The stored session is neither overwritten nor ended, and no cookie is sent. This is for sites whose
    /// pages are useful without a session. If a session was loaded and its changes can't be stored, the
    /// response is still 503, so that no lost change is acknowledged.
    ServeEmpty,
}

impl StoreFailurePolicy {
    /// The HTTP status of the answer if the store fails.
    pub(crate) const fn status(self) -> u16 {
        match self {
            Self::Respond { status } => status,
            Self::ServeEmpty => 503,
        }
    }
}

impl Default for StoreFailurePolicy {
    fn default() -> Self {
        Self::Respond { status: 503 }
    }
}
