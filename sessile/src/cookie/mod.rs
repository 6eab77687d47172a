//! Session keys and records, sealed into `Set-Cookie` and unsealed from `Cookie`.
//!
//! They can travel in a header of their own instead. Only `transport.rs` distinguishes the two; in all other code, such a
//! header is a cookie as well.

mod attributes;
mod content;
mod csrf;
mod key_ring;
mod seal;
mod set_cookie;
mod transport;

use std::{borrow::Cow, fmt, time::Duration};

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::{
    clock::Timestamp,
    config::{CookieContentSecurity, Settings},
    record::{DecodeError, Nonce, Secret, SecretDigest, id::SessionId},
};

use self::{key_ring::Keys, transport::Transport};

pub(crate) use self::{
    content::{Content, Unsealed},
    csrf::TokenContext,
    transport::{NamedCookies, Values},
};
pub use self::{
    key_ring::{InvalidSealingKeyError, KeyRing, KeyRingError},
    seal::SealingKey,
    set_cookie::{CookieTooLargeError, SetCookie},
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
    transport: Transport,
    security: CookieContentSecurity,
    accept_actix_session: bool,
    keys: KeyRing,
}

impl SessionCookie {
    /// Cookies as `settings` say, which were checked, sealed with the first of the `keys`.
    pub(crate) fn new(keys: KeyRing, settings: &Settings) -> Self {
        Self {
            transport: Transport::new(settings),
            security: settings.cookie_content_security,
            accept_actix_session: settings.accept_actix_session_cookies
                && settings.session_header.is_none(),
            keys,
        }
    }

    pub(crate) const fn keys(&self) -> &KeyRing {
        &self.keys
    }

    /// The name of the cookie, or of the header in its place.
    #[cfg(feature = "actix")]
    pub(crate) fn name(&self) -> &str {
        self.transport.name()
    }

    /// The name of the header in which clients send it.
    pub(crate) fn request_header(&self) -> Cow<'static, str> {
        self.transport.request_header()
    }

    /// Whether both have one name and are sealed with one key.
    #[cfg(feature = "actix")]
    pub(crate) fn is_interchangeable_with(&self, other: &Self) -> bool {
        self.is_named_as(other) && self.keys.seals_as(&other.keys)
    }

    /// Whether one replaces the other in a client.
    #[cfg(feature = "actix")]
    pub(crate) fn is_named_as(&self, other: &Self) -> bool {
        self.transport.sealed_name() == other.transport.sealed_name()
    }

    /// Looks for the cookies of our name in the [headers](Self::request_header) of a request, without unsealing them.
    pub(crate) fn find<'a>(&self, headers: impl IntoIterator<Item = &'a [u8]>) -> NamedCookies<'a> {
        self.transport.find(headers)
    }

    /// The content of the cookie with this `value`, if it was sealed with one of our keys for a cookie of our name;
    /// an error if it is a record that a later version of this crate has sealed.
    pub(crate) fn unseal(
        &self,
        value: &[u8],
        now: impl FnOnce() -> Timestamp,
    ) -> Option<Result<Unsealed, DecodeError>> {
        let of_actix_session = {
            let keys = self.keys.keys();
            if let Some(ours) = self.unseal_with(&keys.first, value) {
                return Some(ours);
            }
            let mut others = keys.others.iter();
            if let Some(ours) = others.find_map(|key| self.unseal_with(key, value)) {
                return Some(ours.map(|unsealed| Unsealed {
                    is_outdated: true,
                    ..unsealed
                }));
            }
            self.open_actix_session(&keys, value)?
        };
        // Calls the application's clock, so not under the lock of the keys.
        Content::of_actix_session(value, &of_actix_session, now).map(Ok)
    }

    fn unseal_with(&self, key: &SealingKey, value: &[u8]) -> Option<Result<Unsealed, DecodeError>> {
        let name = self.transport.sealed_name();
        match self.security {
            CookieContentSecurity::Private => key.decrypt(name, value, Content::from_bytes),
            CookieContentSecurity::Signed => key.verify(name, value).and_then(Content::from_text),
        }
    }

    fn open_actix_session(&self, keys: &Keys, value: &[u8]) -> Option<String> {
        let name = self.transport.sealed_name();
        let mut keys = keys.iter().filter(|_| self.accept_actix_session);
        keys.find_map(|key| key.open_actix_session(name, value, self.security))
    }

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
        let name = self.transport.sealed_name();
        let key = &self.keys.keys().first;
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

    /// A new secret of the session `id`, derived from `nonce`.
    pub(crate) fn new_secret(&self, id: &SessionId, nonce: &Nonce) -> Secret {
        self.keys.keys().first.rotated_secret(id, nonce)
    }

    /// The secret of the session `id` with this `digest` that was derived from `nonce`, if one of our keys derives it.
    pub(crate) fn derived_secret(
        &self,
        id: &SessionId,
        nonce: &Nonce,
        digest: &SecretDigest,
    ) -> Option<Secret> {
        let keys = self.keys.keys();
        let mut secrets = keys.iter().map(|key| key.rotated_secret(id, nonce));
        secrets.find(|secret| secret.digest() == *digest)
    }

    /// The `Set-Cookie` that makes the browser remove the cookie.
    pub(crate) fn removal(&self) -> SetCookie {
        self.transport.removal()
    }
}

impl fmt::Debug for SessionCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCookie")
            .field("name", &self.transport.name())
            .field("security", &self.security)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
