//! What an adapter and the engine exchange about a response: its head, the changes to its headers, and failures.

use std::{borrow::Cow, error::Error, fmt, time::Duration};

use crate::{
    config::Settings,
    cookie::SetCookie,
    error::{AuthenticationError, CommitError, OpenError, status::SERVICE_UNAVAILABLE},
};

/// The parts of a request and its response that
/// [`SessionManager::commit`](crate::engine::SessionManager::commit) needs.
///
/// ```
/// use sessile::engine::ResponseHead;
///
/// let head = ResponseHead::to("GET").with_status(404);
/// assert!(head.is_safe() && !ResponseHead::to("POST").is_safe());
/// assert_eq!(head.status(), 404);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct ResponseHead<'a> {
    method: &'a str,
    status: u16,
    pub(super) cache_control: Option<&'a str>,
    pub(super) holds_session: bool,
}

impl<'a> ResponseHead<'a> {
    /// A response with the status 200 and no `Cache-Control` to a request with this method.
    #[must_use]
    pub const fn to(method: &'a str) -> Self {
        Self {
            method,
            status: 200,
            cache_control: None,
            holds_session: false,
        }
    }

    /// The same with this status.
    #[must_use]
    pub const fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// The same with this `Cache-Control`: the values of all of its lines, joined with commas.
    #[must_use]
    pub const fn with_cache_control(mut self, cache_control: &'a str) -> Self {
        self.cache_control = Some(cache_control);
        self
    }

    /// The same, with whether handles of the session are left, for example in a body that is a stream. Such a response
    /// counts as one that used its session: see [`Caching`](crate::config::Caching).
    ///
    /// ```
    /// use sessile::{
    ///     config::Settings,
    ///     engine::{ResponseHead, SealingKey, SessionManager},
    ///     storage::MemorySessionStore,
    /// };
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// # let store = MemorySessionStore::default();
    /// # let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
    /// let session = manager.open([]).await?;
    /// let head = ResponseHead::to("GET").with_cache_control("public, max-age=60");
    /// let headers = manager.commit(&session, &head.with_session_held(true)).await?;
    /// assert_eq!(headers.cache_control.as_deref(), Some("max-age=60, private"));
    /// assert!(headers.should_remove("surrogate-control") && !headers.should_remove("expires"));
    /// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
    /// ```
    #[must_use]
    pub const fn with_session_held(mut self, holds_session: bool) -> Self {
        self.holds_session = holds_session;
        self
    }

    /// The status of the response.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// Whether the request's method is safe: the client did not ask for a change (RFC 9110, section 9.2.1).
    #[must_use]
    pub const fn is_safe(&self) -> bool {
        matches!(
            self.method.as_bytes(),
            b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE"
        )
    }
}

/// The headers that a response gets for its session.
///
/// ```
/// use sessile::{
///     config::Settings,
///     engine::{ResponseHead, SealingKey, SessionManager},
///     storage::MemorySessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let store = MemorySessionStore::default();
/// let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
/// let session = manager.open([]).await?;
/// session.insert("visits", 1)?;
/// let headers = manager.commit(&session, &ResponseHead::to("POST")).await?;
///
/// assert!(headers.set_cookie.is_some());
/// assert_eq!(headers.cache_control.as_deref(), Some("private, no-cache=\"Set-Cookie\""));
/// assert_eq!(headers.vary.as_deref(), Some("Cookie"));
/// assert!(headers.should_remove("cdn-cache-control"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeaderChanges {
    /// A `Set-Cookie` to append, or a header in its place.
    pub set_cookie: Option<SetCookie>,
    /// The value of `Cache-Control`, which replaces all lines of this header.
    pub cache_control: Option<Cow<'static, str>>,
    /// The header that `Vary` has to name, if the response has to be kept out of shared caches. Then the headers for which
    /// [`should_remove`](Self::should_remove) is true have to be removed.
    pub vary: Option<Cow<'static, str>>,
    /// Whether the response has to have a `Clear-Site-Data`: [`CLEAR_SITE_DATA`](Self::CLEAR_SITE_DATA), unless the
    /// application has set one.
    pub clears_site_data: bool,
    /// The value of a `Retry-After` to set.
    pub retry_after: Option<Duration>,
}

impl HeaderChanges {
    /// The value of `Clear-Site-Data`. The cookie is removed by its own header, and others are not the session's.
    pub const CLEAR_SITE_DATA: &'static str = "\"cache\", \"storage\"";

    /// Whether the header with this name, in lower case, has to be removed, because it lets a cache on the server's
    /// side store the response in spite of `Cache-Control` (RFC 9213).
    #[must_use]
    pub fn should_remove(&self, name: &str) -> bool {
        let is_for_server_side = || {
            name.ends_with("cdn-cache-control")
                || matches!(
                    name,
                    "surrogate-control"
                        | "x-accel-expires"
                        | "x-litespeed-cache-control"
                        | "edge-control"
                )
        };
        self.vary.is_some() && is_for_server_side()
    }

    /// The same for a response whose `Cache-Control` was not known at the commit.
    #[cfg(feature = "actix")]
    pub(crate) fn with_cache_control(self, cache_control: Option<&str>) -> Self {
        match self.cache_control.as_deref() {
            None | Some("no-store") => self,
            Some(_) => Self {
                cache_control: super::cache_control::private(
                    cache_control,
                    self.set_cookie.as_ref().map(SetCookie::header),
                ),
                ..self
            },
        }
    }

    /// The changes for a response with this status to a request whose session failed.
    pub(crate) fn of_failure(status: u16) -> Self {
        Self {
            cache_control: Some(Cow::Borrowed("no-store")),
            // No cache stores it, so it need not be another header that the session is in.
            vary: Some(Cow::Borrowed("Cookie")),
            retry_after: (status == SERVICE_UNAVAILABLE).then_some(RETRY_AFTER),
            ..Self::default()
        }
    }
}

/// A request failed because of its session. The adapter responds with this status and these headers.
///
/// `Display` and `Debug` contain no secrets, and are not sent to the client.
///
/// ```
/// use sessile::{
///     config::Settings,
///     engine::{ResponseHead, SealingKey, SessionManager},
///     storage::MemorySessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let manager = || SessionManager::new(MemorySessionStore::default(), SealingKey::generate(), Settings::default());
/// let (first, second) = (manager()?, manager()?);
/// let session = first.open([]).await?;
/// let failure = second.commit(&session, &ResponseHead::to("POST")).await.unwrap_err();
///
/// assert_eq!(failure.status(), 500);
/// assert_eq!(failure.headers().cache_control.as_deref(), Some("no-store"));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug)]
pub struct SessionFailure {
    cause: Cause,
    status: u16,
    /// Boxed, because failures are rare and every commit moves the result.
    headers: Box<HeaderChanges>,
}

#[derive(Debug)]
enum Cause {
    Open(OpenError),
    Commit(CommitError),
    #[cfg_attr(
        not(feature = "actix"),
        expect(dead_code, reason = "only the adapter has extractors")
    )]
    Authentication(AuthenticationError),
}

/// How long a client should wait before a retry.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl SessionFailure {
    pub(crate) fn open(cause: OpenError, settings: &Settings) -> Self {
        let status = settings.status_of(&cause);
        Self::new(Cause::Open(cause), status, None)
    }

    pub(crate) fn commit(
        cause: CommitError,
        settings: &Settings,
        cookie: Option<SetCookie>,
    ) -> Self {
        let status = settings.status_of(&cause);
        Self::new(Cause::Commit(cause), status, cookie)
    }

    /// The user is not authenticated as the request requires, for a reason for which signing in would not help.
    #[cfg(feature = "actix")]
    pub(crate) fn authentication(cause: AuthenticationError) -> Self {
        let status = crate::error::status::HttpStatus::http_status(&cause);
        Self::new(Cause::Authentication(cause), status, None)
    }

    fn new(cause: Cause, status: u16, set_cookie: Option<SetCookie>) -> Self {
        Self {
            cause,
            status,
            headers: Box::new(HeaderChanges {
                set_cookie,
                ..HeaderChanges::of_failure(status)
            }),
        }
    }

    /// The HTTP status of the response: 409 if another request renewed or ended the session, 503 (or the status of
    /// [`on_store_failure`](crate::config::Settings::on_store_failure)) if the store failed, 500 otherwise.
    #[must_use]
    pub const fn status(&self) -> u16 {
        self.status
    }

    /// The headers of the response.
    #[must_use]
    pub fn headers(&self) -> &HeaderChanges {
        &self.headers
    }
}

impl fmt::Display for SessionFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Cause::Open(error) => error.fmt(f),
            Cause::Commit(error) => error.fmt(f),
            Cause::Authentication(error) => error.fmt(f),
        }
    }
}

impl Error for SessionFailure {
    /// The [`OpenError`], [`CommitError`] or [`AuthenticationError`].
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.cause {
            Cause::Open(error) => Some(error),
            Cause::Commit(error) => Some(error),
            Cause::Authentication(error) => Some(error),
        }
    }
}
