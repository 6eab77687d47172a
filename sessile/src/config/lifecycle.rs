//! How long a session lives: [`SessionLifecycle`], and [`SessionLength`], the type of early versions of actix-session
//! for the same setting.

use time::Duration;

/// The default idle timeout: one day.
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

impl SessionLifecycle {
    /// The idle timeout.
    pub(crate) const fn ttl(&self) -> Duration {
        match self {
            Self::BrowserSession(session) => session.state_ttl,
            Self::PersistentSession(session) => session.session_ttl,
        }
    }

    /// What extends the life of the session.
    pub(crate) const fn policy(&self) -> TtlExtensionPolicy {
        match self {
            Self::BrowserSession(session) => session.state_ttl_extension_policy,
            Self::PersistentSession(session) => session.session_ttl_extension_policy,
        }
    }
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
/// Many browsers restore such cookies together with the windows of the last run, so rely on the timeouts
/// of the server.
///
/// ```
/// use sessile::config::{
///     BrowserSession, SessionLifecycle, Settings, TtlExtensionPolicy, time::Duration,
/// };
///
/// let mut settings = Settings::default();
/// settings.lifecycle = BrowserSession::default()
///     .state_ttl(Duration::minutes(15))
///     .state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
///     .into();
/// assert!(matches!(settings.lifecycle, SessionLifecycle::BrowserSession(_)));
/// ```
#[derive(Debug, Clone)]
pub struct BrowserSession {
    pub(crate) state_ttl: Duration,
    pub(crate) state_ttl_extension_policy: TtlExtensionPolicy,
}

impl BrowserSession {
    /// The idle timeout: how long the server keeps the state after its life was last extended.
    ///
    /// Default: one day. It must be more than zero, and counts as 400 days if it is longer.
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
///
/// ```
/// use sessile::config::{
///     PersistentSession, SessionLifecycle, Settings, TtlExtensionPolicy, time::Duration,
/// };
///
/// let mut settings = Settings::default();
/// settings.lifecycle = PersistentSession::default()
///     .session_ttl(Duration::weeks(2))
///     .session_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
///     .into();
/// assert!(matches!(settings.lifecycle, SessionLifecycle::PersistentSession(_)));
/// ```
#[derive(Debug, Clone)]
pub struct PersistentSession {
    pub(crate) session_ttl: Duration,
    pub(crate) session_ttl_extension_policy: TtlExtensionPolicy,
}

impl PersistentSession {
    /// How long the session lives after its life was last extended: the cookie's `Max-Age` and the
    /// idle timeout of the state.
    ///
    /// Default: one day. It must be more than zero, and counts as 400 days if it is longer: browsers
    /// keep no cookie longer (RFC 6265bis, section 5.5). `Max-Age` is in whole seconds, rounded up.
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
///
/// The page [`guide::how_long_sessions_live`](crate::guide::how_long_sessions_live) compares both.
///
/// ```
/// use sessile::config::TtlExtensionPolicy;
///
/// assert_eq!(TtlExtensionPolicy::default(), TtlExtensionPolicy::OnStateChanges);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TtlExtensionPolicy {
    /// Every request with the session's cookie.
    ///
    /// A request that only reads costs a write to the store if a fraction of the idle timeout has
    /// passed since the last one: see
    /// [`Settings::touch_fraction`](crate::config::Settings::touch_fraction). A session in use never
    /// ends early. An unused session may end later by this fraction.
    OnEveryRequest,
    /// Only requests that change the state. A session that is only read ends although it is in use.
    ///
    /// A signed-in user who only reads costs one write in five minutes: see
    /// [`SessionInfo::used_at`](crate::engine::SessionInfo::used_at).
    #[default]
    OnStateChanges,
}

/// The start of the absolute timeout of a signed-in session. For a guest, it starts at the creation.
///
/// ```
/// use sessile::config::AbsoluteTimeoutFrom;
///
/// assert_eq!(AbsoluteTimeoutFrom::default(), AbsoluteTimeoutFrom::SignIn);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AbsoluteTimeoutFrom {
    /// The last [`sign_in`](crate::Session::sign_in).
    #[default]
    SignIn,
    /// The creation of the session, which may be long before the sign-in.
    Creation,
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
