//! Session keys and records, sealed into `Set-Cookie` and unsealed from `Cookie`.

mod attributes;
mod content;
mod header;
mod seal;

use std::{fmt, time::Duration};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::{
    clock::Timestamp,
    config::{CookieContentSecurity, Settings},
    record::{
        DecodeError, Nonce,
        id::{Secret, SecretDigest, SessionId},
    },
};

use self::attributes::Attributes;

pub use self::seal::{InvalidSealingKeyError, SealingKey};
pub(crate) use self::{
    content::{Content, Unsealed},
    header::{NamedCookies, Values},
};

/// The maximum length of the name, value and attributes of a cookie together: the minimum that every browser
/// keeps (RFC 6265, section 6.1).
pub(crate) const MAX_COOKIE_LEN: usize = 4096;

/// The characters that a cookie's value can't contain (RFC 6265bis, section 4.1.1), and the percent sign.
const ESCAPED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b',')
    .add(b';')
    .add(b'\\')
    .add(b'%');

/// Makes the session cookies of one middleware, and reads them.
pub(crate) struct SessionCookie {
    attributes: Attributes,
    security: CookieContentSecurity,
    accept_actix_session: bool,
    key: SealingKey,
}

impl SessionCookie {
    /// Cookies as `settings` say, which were checked, sealed with `key`.
    pub(crate) fn new(key: SealingKey, settings: &Settings) -> Self {
        Self {
            attributes: Attributes::new(settings),
            security: settings.cookie_content_security,
            accept_actix_session: settings.accept_actix_session_cookies,
            key,
        }
    }

    #[cfg(feature = "actix")]
    pub(crate) fn name(&self) -> &str {
        &self.attributes.name
    }

    /// Whether both are sealed with the same key.
    #[cfg(feature = "actix")]
    pub(crate) fn has_key_of(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Looks for the cookies of our name in the `Cookie` headers of a request, without unsealing them.
    pub(crate) fn find<'a>(&self, headers: impl IntoIterator<Item = &'a [u8]>) -> NamedCookies<'a> {
        // Room for a value in which everything was percent-encoded on the way.
        header::find(headers, &self.attributes.name, 3 * MAX_COOKIE_LEN)
    }

    /// The content of the cookie with this `value`, if it was sealed with our key for a cookie of our name;
    /// an error if it is a record that a later version of this crate has sealed.
    pub(crate) fn unseal(
        &self,
        value: &[u8],
        now: impl FnOnce() -> Timestamp,
    ) -> Option<Result<Unsealed, DecodeError>> {
        let name = self.attributes.name.as_str();
        let ours = match self.security {
            CookieContentSecurity::Private => self.key.decrypt(name, value, Content::from_bytes),
            CookieContentSecurity::Signed => {
                let content = self.key.verify(name, value);
                content.and_then(Content::from_text)
            }
        };
        ours.or_else(|| self.of_actix_session(value, now).map(Ok))
    }

    fn of_actix_session(&self, value: &[u8], now: impl FnOnce() -> Timestamp) -> Option<Unsealed> {
        if !self.accept_actix_session {
            return None;
        }
        let name = &self.attributes.name;
        let content = self.key.open_actix_session(name, value, self.security)?;
        Content::of_actix_session(&content, now)
    }

    /// The `Set-Cookie` that gives the browser `content`, for `max_age` or until it closes.
    pub(crate) fn issue(
        &self,
        content: &Content,
        issued_at: Timestamp,
        max_age: Option<Duration>,
    ) -> Result<SetCookie, CookieTooLargeError> {
        let cookie = self.seal(content, issued_at, max_age);
        match cookie.0.len() {
            0..=MAX_COOKIE_LEN => Ok(cookie),
            len => Err(CookieTooLargeError {
                name: self.attributes.name.clone(),
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
        let name = &self.attributes.name;
        match self.security {
            CookieContentSecurity::Private => {
                let (head, tail) = content.to_bytes(issued_at);
                let len = SealingKey::encrypted_len(head.len() + tail.len());
                // Base64 has nothing in it that a cookie's value can't have.
                let parts = [&head, tail.as_bytes()];
                self.set_cookie(len, |out| self.key.encrypt(name, parts, out), max_age)
            }
            CookieContentSecurity::Signed => {
                let text = content.to_text(issued_at);
                let seal = |out: &mut String| {
                    self.key.sign(name, &text, out);
                    out.extend(utf8_percent_encode(&text, ESCAPED));
                };
                self.set_cookie(SealingKey::SIGNATURE_LEN + text.len(), seal, max_age)
            }
        }
    }

    /// A new secret of the session `id`, derived from `nonce`.
    pub(crate) fn new_secret(&self, id: &SessionId, nonce: &Nonce) -> Secret {
        self.key.rotated_secret(id, nonce)
    }

    /// The secret of the session `id` with this `digest` that was derived from `nonce`, if one of our keys derives it.
    pub(crate) fn derived_secret(
        &self,
        id: &SessionId,
        nonce: &Nonce,
        digest: &SecretDigest,
    ) -> Option<Secret> {
        let mut secrets = self.all_keys().map(|key| key.rotated_secret(id, nonce));
        secrets.find(|secret| secret.digest() == *digest)
    }

    /// The keys that cookies of ours may have been sealed with.
    fn all_keys(&self) -> impl Iterator<Item = &SealingKey> {
        std::iter::once(&self.key)
    }

    /// The `Set-Cookie` that makes the browser remove the cookie.
    pub(crate) fn removal(&self) -> SetCookie {
        /// For clients that know no `Max-Age` (RFC 6265bis, section 5.7).
        const EXPIRES: &str = "; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        let mut cookie = self.set_cookie(EXPIRES.len(), |_| {}, Some(Duration::ZERO));
        cookie.0.push_str(EXPIRES);
        cookie
    }

    /// Composes a `Set-Cookie`. Its value has about `value_len` bytes.
    fn set_cookie(
        &self,
        value_len: usize,
        push_value: impl FnOnce(&mut String),
        max_age: Option<Duration>,
    ) -> SetCookie {
        let Attributes { name, suffix } = &self.attributes;
        let mut digits = itoa::Buffer::new();
        let max_age = max_age.map(|max_age| {
            let seconds = max_age.as_secs() + u64::from(max_age.subsec_nanos() > 0);
            ["; Max-Age=", digits.format(seconds)]
        });
        let max_age_len = max_age.map_or(0, |parts| parts.iter().map(|part| part.len()).sum());
        let len = name.len() + 1 + value_len + suffix.len() + max_age_len;
        let mut cookie = String::with_capacity(len);
        cookie.extend([name, "="]);
        push_value(&mut cookie);
        cookie.push_str(suffix);
        cookie.extend(max_age.into_iter().flatten());
        SetCookie(cookie)
    }
}

impl fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCookie")
            .field("name", &self.attributes.name)
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

/// The value of a `Set-Cookie` header, ready to be sent: visible ASCII.
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
/// assert!(set_cookie.as_str().starts_with("id="));
/// assert_eq!(format!("{set_cookie:?}"), "SetCookie(..)");
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SetCookie(String);

impl SetCookie {
    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<SetCookie> for String {
    fn from(cookie: SetCookie) -> Self {
        cookie.0
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

#[cfg(test)]
mod tests;
