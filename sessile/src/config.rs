//! How long sessions live and how their cookies are protected: the settings that handlers never
//! see.
//!
//! Two ways to say how long a session lives are kept side by side: [`SessionLifecycle`], today's,
//! and [`SessionLength`], that of older programs. Both end up the same.

use time::Duration;

#[cfg(feature = "actix")]
pub use crate::actix::SessionMiddlewareBuilder;

/// How long the state lives where nothing else was said: one day.
const DEFAULT_TTL: Duration = Duration::days(1);

/// How long a session lives, and who forgets it first: the browser or the server.
///
/// Default: [`BrowserSession::default`].
///
/// ```
/// use sessile::config::{BrowserSession, PersistentSession, SessionLifecycle};
/// use time::Duration;
///
/// // Forgotten by the browser when it closes, by the server after a day without changes.
/// let browser: SessionLifecycle = BrowserSession::default().into();
/// // Kept by both for a week after the last change.
/// let persistent: SessionLifecycle =
///     PersistentSession::default().session_ttl(Duration::weeks(1)).into();
///
/// assert!(matches!(browser, SessionLifecycle::BrowserSession(_)));
/// assert!(matches!(persistent, SessionLifecycle::PersistentSession(_)));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SessionLifecycle {
    /// The cookie has no `Max-Age`: the browser forgets it when it closes.
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

/// A session that the browser forgets when it closes.
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

/// How long a session lives, as older programs say it; today's way is [`SessionLifecycle`].
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
/// Either way a cookie that was changed, or made for another cookie name, is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CookieContentSecurity {
    /// Encrypted and authenticated (AES-256-GCM): the client can't read it.
    Private,
    /// Authenticated (HMAC-SHA256): the client can read it. With a store whose key is the state,
    /// that is everything the session holds.
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

/// When a request's session is loaded.
///
/// Default: [`BeforeTheHandler`](Self::BeforeTheHandler).
///
/// With [`OnDemand`](Self::OnDemand), an argument of type `Session` loads it before the handler
/// runs. Elsewhere it has to be loaded before it is read or written:
///
/// ```
/// use sessile::{
///     ReadError, SealingKey, SessionManager, Settings, config::Loading,
///     storage::MemorySessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let mut settings = Settings::default();
/// settings.loading = Loading::OnDemand;
/// let store = MemorySessionStore::default();
/// let manager = SessionManager::new(store, SealingKey::generate(), settings)?;
/// # let session = manager.open([]).await?;
/// # session.insert("user", "ferris")?;
/// # let set_cookie = manager.commit(&session).await?.expect("a new session has a cookie");
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
    /// Before the handler and whatever is around it, so that everybody who asks for the session can
    /// read and write it at once.
    ///
    /// Each request that comes with a session's cookie costs opening the cookie and a look at the
    /// store, whether it uses the session or not.
    #[default]
    BeforeTheHandler,
    /// When somebody asks for it: an argument of type `Session`, or
    /// [`Session::load`](crate::Session::load).
    ///
    /// A request that does neither costs next to nothing: its cookie isn't opened, and the store
    /// isn't asked, nor written to. In exchange:
    ///
    /// - What `SessionExt::get_session` gives has to be loaded before it is used. Until then reading
    ///   and writing values is an error, or has no effect, which is logged. Only
    ///   [`purge`](crate::Session::purge) and [`renew`](crate::Session::renew) need no loading: the
    ///   end of the request does that for them.
    /// - Guards can't wait. They see a session only if middleware further out has loaded it.
    /// - Under [`OnEveryRequest`](TtlExtensionPolicy::OnEveryRequest), a request extends a session's
    ///   life only if it loads it.
    OnDemand,
}

/// What a request is answered when the store can't be reached or doesn't answer in time.
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
    /// The stored session is neither overwritten nor ended, and no cookie is sent. For sites whose
    /// pages are worth serving to nobody in particular. Changes that were made to a session that
    /// *could* be loaded, and then can't be stored, are still answered with 503: an answer would
    /// acknowledge what was lost.
    ServeEmpty,
}

impl StoreFailurePolicy {
    /// The HTTP status that a failing store is answered with.
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
