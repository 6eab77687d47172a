//! [`SetCookie`]: the header that gives the client its session.

use std::{borrow::Cow, fmt, time::Duration};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use super::{Content, SealingKey, SessionCookie};
use crate::{clock::Timestamp, config::CookieContentSecurity};

/// The maximum length of the name, value and attributes of a cookie together: the minimum that every browser
/// keeps (RFC 6265, section 6.1).
pub(crate) const MAX_COOKIE_LEN: usize = 4096;

/// The characters that a cookie's value can't contain (RFC 6265bis, section 4.1.1), and the percent sign.
pub(super) const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b',')
    .add(b';')
    .add(b'\\')
    .add(b'%');

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

impl SessionCookie {
    /// The `Set-Cookie` that gives the browser `content`, for `max_age` or until it closes.
    pub(crate) fn issue(
        &self,
        content: &Content,
        issued_at: Timestamp,
        max_age: Option<Duration>,
    ) -> Result<SetCookie, CookieTooLargeError> {
        let cookie = self.seal(content, issued_at, max_age);
        match cookie.as_str().len() {
            0..=MAX_COOKIE_LEN => Ok(cookie),
            len => Err(CookieTooLargeError {
                name: self.transport.name().to_owned(),
                len,
            }),
        }
    }

    fn seal(
        &self,
        content: &Content,
        issued_at: Timestamp,
        max_age: Option<Duration>,
    ) -> SetCookie {
        let name = &*self.sealed_name;
        let key = &self.keys.read().first;
        match self.security {
            CookieContentSecurity::Private => {
                let (head, tail) = content.to_bytes(issued_at);
                let len = SealingKey::encrypted_len(head.len() + tail.len());
                // Base64 has nothing in it that a cookie's value can't have.
                let parts = [&head, tail.as_bytes()];
                self.transport
                    .compose(len, |out| key.encrypt(name, parts, out), max_age)
            }
            CookieContentSecurity::Signed => {
                let text = content.to_text(issued_at);
                let seal = |out: &mut String| {
                    key.sign(name, &text, out);
                    out.extend(utf8_percent_encode(&text, ESCAPED));
                };
                self.transport
                    .compose(SealingKey::SIGNATURE_LEN + text.len(), seal, max_age)
            }
        }
    }

    /// The `Set-Cookie` that makes the browser remove the cookie.
    pub(crate) fn removal(&self) -> SetCookie {
        self.transport.removal()
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
