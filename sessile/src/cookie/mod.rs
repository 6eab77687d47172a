//! The wire: session keys sealed into `Set-Cookie`, and opened again from `Cookie`.

mod attributes;
mod header;
mod seal;

use std::{fmt, time::Duration};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::{config::CookieContentSecurity, key::SessionKey, legacy, settings::Settings};

use self::attributes::Attributes;

pub(crate) use self::header::Found;
pub use self::seal::{InvalidSealingKeyError, SealingKey};

/// The most bytes that name, value and attributes of a cookie may have together: the least that
/// every browser keeps (RFC 6265, section 6.1).
pub(crate) const MAX_COOKIE_LEN: usize = 4096;

/// What a cookie's value can't have as it is (RFC 6265bis, section 4.1.1), and the percent sign.
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
    accept_legacy: bool,
    key: SealingKey,
}

impl SessionCookie {
    /// Cookies as `settings` say, which were checked, sealed with `key`.
    pub(crate) fn new(key: SealingKey, settings: &Settings) -> Self {
        Self {
            attributes: Attributes::new(settings),
            security: settings.cookie_content_security,
            accept_legacy: settings.accept_legacy,
            key,
        }
    }

    /// Looks for the cookie in the `Cookie` headers of a request, without opening it.
    pub(crate) fn find<'a>(&self, headers: impl IntoIterator<Item = &'a [u8]>) -> Found<'a> {
        // Room for a value in which everything was percent-encoded on the way.
        header::find(headers, &self.attributes.name, 3 * MAX_COOKIE_LEN)
    }

    /// The session key in the cookie's `value`, if it is one of ours.
    pub(crate) fn open(&self, value: &str) -> Option<SessionKey> {
        let name = self.attributes.name.as_str();
        match self.security {
            CookieContentSecurity::Private => {
                let key = |content: &str| self.key_in(content);
                self.key.decrypt(name, value, key)
            }
            CookieContentSecurity::Signed => {
                let signed = self.key.verify(value)?;
                let content = signed
                    .strip_prefix(name)
                    .and_then(|rest| rest.strip_prefix('='));
                self.key_in(content.or_else(|| self.unbound(signed))?)
            }
        }
    }

    fn key_in(&self, content: &str) -> Option<SessionKey> {
        if !self.accept_legacy && legacy::is_state(content) {
            return None;
        }
        SessionKey::parse(content).ok()
    }

    /// The session key in the `Cookie` headers of a request.
    #[cfg(any(test, feature = "test-helpers"))]
    pub(crate) fn read<'a>(
        &self,
        headers: impl IntoIterator<Item = &'a [u8]>,
    ) -> Option<SessionKey> {
        match self.find(headers) {
            Found::Value(value) => self.open(&value),
            Found::Nothing | Found::Unusable(_) => None,
        }
    }

    /// The `Set-Cookie` that gives the browser `key`, for `max_age` or until it closes.
    pub(crate) fn issue(
        &self,
        key: &SessionKey,
        max_age: Option<Duration>,
    ) -> Result<SetCookie, CookieTooLargeError> {
        self.bounded(self.seal(key, max_age))
    }

    /// As [`issue`](Self::issue), for a key that came in a cookie with this `value`, which goes back as it
    /// is: to seal it anew would protect nothing better.
    pub(crate) fn issue_again(
        &self,
        value: &str,
        key: &SessionKey,
        max_age: Option<Duration>,
    ) -> Result<SetCookie, CookieTooLargeError> {
        if !self.is_of_todays_form(value) {
            return self.issue(key, max_age);
        }
        let push = |out: &mut String| match self.security {
            // Base64, or it would not have been opened.
            CookieContentSecurity::Private => out.push_str(value),
            CookieContentSecurity::Signed => escape(value, out),
        };
        self.bounded(self.set_cookie(value.len(), push, max_age))
    }

    fn bounded(&self, cookie: SetCookie) -> Result<SetCookie, CookieTooLargeError> {
        match cookie.0.len() {
            0..=MAX_COOKIE_LEN => Ok(cookie),
            len => Err(CookieTooLargeError {
                name: self.attributes.name.clone(),
                len,
            }),
        }
    }

    /// Whether a value that was opened is as it would be sealed today.
    fn is_of_todays_form(&self, value: &str) -> bool {
        let name = self.attributes.name.as_str();
        match self.security {
            CookieContentSecurity::Private => true,
            CookieContentSecurity::Signed => value
                .get(seal::DIGEST_TEXT_LEN..)
                .and_then(|signed| signed.strip_prefix(name))
                .is_some_and(|rest| rest.starts_with('=')),
        }
    }

    fn seal(&self, key: &SessionKey, max_age: Option<Duration>) -> SetCookie {
        let content = key.as_ref();
        match self.security {
            CookieContentSecurity::Private => {
                let sealed_len = seal::NONCE_LEN + content.len() + seal::TAG_LEN;
                let len = sealed_len.div_ceil(3) * 4;
                // Base64 has nothing in it that a cookie's value can't have.
                let seal = |out: &mut String| self.key.encrypt(&self.attributes.name, content, out);
                self.set_cookie(len, seal, max_age)
            }
            CookieContentSecurity::Signed => {
                let len = seal::DIGEST_TEXT_LEN + self.attributes.name.len() + 1 + content.len();
                let seal = |out: &mut String| self.sign(content, out);
                self.set_cookie(len, seal, max_age)
            }
        }
    }

    /// A signed jar does not bind a value to the cookie's name, so what is signed is the pair of
    /// both: `name=content`. A private jar binds it by itself.
    fn sign(&self, content: &str, out: &mut String) {
        let pair = [&self.attributes.name, "=", content];
        self.key.sign(&pair, out);
        for part in pair {
            escape(part, out);
        }
    }

    /// The `Set-Cookie` that makes the browser forget the cookie.
    pub(crate) fn removal(&self) -> SetCookie {
        self.set_cookie(0, |_| {}, Some(Duration::ZERO))
    }

    /// The one place where a `Set-Cookie` is put together; its value has about `value_len` bytes.
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

    /// What was signed without a name, as `actix-session` did. Nothing that is signed with one looks
    /// like it: that has the name and `=` in front, and no name begins with `{`.
    fn unbound<'a>(&self, signed: &'a str) -> Option<&'a str> {
        let is_legacy = legacy::is_key(signed) || legacy::is_state(signed);
        (self.accept_legacy && is_legacy).then_some(signed)
    }
}

/// Appends `text`, as it can stand in a cookie's value.
fn escape(text: &str, out: &mut String) {
    out.extend(utf8_percent_encode(text, ESCAPED));
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
/// Happens where the state itself travels in the cookie. Keep less in the session, or choose a
/// store that keeps it on the server.
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
