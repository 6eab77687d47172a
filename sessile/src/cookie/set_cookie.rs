//! [`SetCookie`]: the header that gives the client its session.

use std::{borrow::Cow, fmt};

use super::MAX_COOKIE_LEN;

/// The header of a response that gives the client its session, ready to be sent: a `Set-Cookie`, or the header that
/// [`Settings::session_header`](crate::config::Settings::session_header) names. Its value is visible ASCII.
///
/// It carries the sealed session key, so its `Debug` is redacted.
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
/// let set_cookie = headers.set_cookie.expect("a new session has a cookie");
/// assert_eq!(set_cookie.header(), "Set-Cookie");
/// assert!(set_cookie.as_str().starts_with("id="));
/// assert_eq!(format!("{set_cookie:?}"), "SetCookie(..)");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SetCookie {
    header: Cow<'static, str>,
    value: String,
}

impl SetCookie {
    pub(super) const fn new(header: Cow<'static, str>, value: String) -> Self {
        Self { header, value }
    }

    /// The header's name. A response can have several `Set-Cookie` headers, so one is added; another header replaces
    /// those of its name.
    #[must_use]
    pub fn header(&self) -> &str {
        &self.header
    }

    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.value
    }
}

impl From<SetCookie> for String {
    fn from(cookie: SetCookie) -> Self {
        cookie.value
    }
}

impl fmt::Debug for SetCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SetCookie(..)")
    }
}

/// The session cookie would be larger than browsers keep, so it was not sent.
///
/// Happens only if the cookie carries the state. Keep less in the session, or choose a store that keeps it on
/// the server.
///
/// ```
/// # #[cfg(feature = "cookie-session")] {
/// use sessile::{
///     config::Settings,
///     engine::{SealingKey, SessionManager},
///     error::{CommitError, SessionSaveError},
///     storage::CookieSessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// # let store = CookieSessionStore::default();
/// let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
/// let session = manager.open([]).await?;
/// session.insert("letters", "x".repeat(5000))?;
/// match session.save().await {
///     Err(SessionSaveError::Commit(CommitError::CookieTooLarge(error))) => {
///         assert!(error.name == "id" && error.len > 5000);
///     }
///     _ => panic!("no cookie carries 5000 letters"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cookie `{name}` would have {len} bytes, {over} more than the {MAX_COOKIE_LEN} that browsers keep",
    over = len - MAX_COOKIE_LEN
)]
#[non_exhaustive]
pub struct CookieTooLargeError {
    /// The name of the cookie.
    pub name: String,
    /// The length of its name, value and attributes as they would be sent, in bytes.
    pub len: usize,
}
