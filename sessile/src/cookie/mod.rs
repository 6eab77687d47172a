//! Session keys and records, sealed into `Set-Cookie` and unsealed from `Cookie`.
//!
//! This file reads the cookies of requests, and `set_cookie.rs` makes those of responses. They can travel in a header of
//! their own instead: see `transport.rs`. In all other code, such a header is a cookie as well.

mod attributes;
mod content;
mod csrf;
mod key_ring;
mod rotation;
mod seal;
mod set_cookie;
mod transport;

use std::{borrow::Cow, fmt};

use memchr::{memchr, memchr_iter};
use percent_encoding::percent_decode;
use smallvec::SmallVec;

use crate::{
    clock::Timestamp,
    config::{CookieContentSecurity, Settings},
    record::DecodeError,
    telemetry::RejectReason,
};

use self::{seal::Keys, transport::Transport};

pub(crate) use self::{
    content::{Content, Unsealed},
    csrf::TokenContext,
    seal::SharedKeys,
    set_cookie::MAX_COOKIE_LEN,
};
pub use self::{
    key_ring::{InvalidSealingKeyError, KeyRing, KeyRingError},
    seal::SealingKey,
    set_cookie::{CookieTooLargeError, SetCookie},
};

/// Makes the session cookies of one middleware, and reads them.
pub(crate) struct SessionCookie {
    transport: Transport,
    /// The name that the seal includes.
    sealed_name: String,
    security: CookieContentSecurity,
    accept_actix_session: bool,
    keys: SharedKeys,
}

impl SessionCookie {
    /// Cookies as `settings` say, which were checked, sealed with the first of the `keys`.
    pub(crate) fn new(keys: KeyRing, settings: &Settings) -> Self {
        let transport = Transport::new(settings);
        Self {
            sealed_name: transport.sealed_name(),
            transport,
            security: settings.cookie_content_security,
            accept_actix_session: settings.accept_actix_session_cookies
                && settings.session_header.is_none(),
            keys: keys.keys,
        }
    }

    pub(crate) const fn keys(&self) -> &SharedKeys {
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
        self.sealed_name == other.sealed_name
    }

    /// Looks for the cookies of our name in the [headers](Self::request_header) of a request, without unsealing them.
    pub(crate) fn find<'a>(&self, headers: impl IntoIterator<Item = &'a [u8]>) -> NamedCookies<'a> {
        match &self.transport {
            Transport::Cookie(attributes) => find_named(headers, &attributes.name),
            Transport::Header { .. } => find_bare(headers),
        }
    }

    /// The content of the cookie with this `value`, if it was sealed with one of our keys for a cookie of our name;
    /// an error if it is a record that a later version of this crate has sealed.
    pub(crate) fn unseal(
        &self,
        value: &[u8],
        now: impl FnOnce() -> Timestamp,
    ) -> Option<Result<Unsealed, DecodeError>> {
        let of_actix_session = {
            let keys = self.keys.read();
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
        let name = &*self.sealed_name;
        match self.security {
            CookieContentSecurity::Private => key.decrypt(name, value, Content::from_bytes),
            CookieContentSecurity::Signed => key.verify(name, value).and_then(Content::from_text),
        }
    }

    fn open_actix_session(&self, keys: &Keys, value: &[u8]) -> Option<String> {
        let name = &*self.sealed_name;
        let mut keys = keys.iter().filter(|_| self.accept_actix_session);
        keys.find_map(|key| key.open_actix_session(name, value, self.security))
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

/// The maximum number of values of a request that are looked at; later ones are ignored. Browsers keep fewer cookies of one
/// domain. Through HTTP/2, a client can send many thousands at almost no cost.
const MAX_VALUES: usize = 256;

/// Room for a value in which everything was percent-encoded on the way.
const MAX_VALUE_LEN: usize = 3 * MAX_COOKIE_LEN;

/// The values of cookies.
pub(crate) type Values<'a> = SmallVec<[Cow<'a, [u8]>; 1]>;

/// The cookies of one name in a request's `Cookie` headers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NamedCookies<'a> {
    /// No cookie has the name.
    Nothing,
    /// These values, in their order, with quotes removed and percent-encoding undone. At least one, at most [`MAX_VALUES`].
    Values(Values<'a>),
    /// Only values that can't be our cookie, for this reason.
    Unusable(RejectReason),
}

/// Looks for the cookies called `name` in all `headers`.
///
/// Other cookies may contain anything. There can be several of one name: a page on a sibling domain or another
/// path can set a second one (RFC 6265bis, section 8.6).
fn find_named<'a>(headers: impl IntoIterator<Item = &'a [u8]>, name: &str) -> NamedCookies<'a> {
    find_in(headers, b';', |pair| value_under(name.as_bytes(), pair))
}

/// The values in `headers` that have nothing but values. A proxy may have joined several lines with commas (RFC 9110,
/// section 5.3).
fn find_bare<'a>(headers: impl IntoIterator<Item = &'a [u8]>) -> NamedCookies<'a> {
    find_in(headers, b',', |part| Some(part.trim_ascii()))
}

/// What `value_of` finds in the parts of all `headers`.
fn find_in<'a>(
    headers: impl IntoIterator<Item = &'a [u8]>,
    separator: u8,
    value_of: impl Fn(&'a [u8]) -> Option<&'a [u8]>,
) -> NamedCookies<'a> {
    let mut values = SmallVec::new();
    let mut unusable = None;
    for header in headers {
        let mut start = 0;
        for end in memchr_iter(separator, header).chain([header.len()]) {
            if let Some(value) = value_of(&header[start..end]) {
                match usable(value) {
                    Ok(_) if values.len() == MAX_VALUES => break,
                    Ok(value) => values.push(value),
                    Err(reason) => unusable = Some(reason),
                }
            }
            start = end + 1;
        }
    }
    match unusable {
        _ if !values.is_empty() => NamedCookies::Values(values),
        Some(reason) => NamedCookies::Unusable(reason),
        None => NamedCookies::Nothing,
    }
}

fn usable(value: &[u8]) -> Result<Cow<'_, [u8]>, RejectReason> {
    match value.len() {
        0 => Err(RejectReason::Empty),
        1..=MAX_VALUE_LEN => Ok(decoded(value)),
        _ => Err(RejectReason::TooLong),
    }
}

fn value_under<'a>(name: &[u8], pair: &'a [u8]) -> Option<&'a [u8]> {
    let rest = pair.trim_ascii_start().strip_prefix(name)?;
    let value = rest.trim_ascii_start().strip_prefix(b"=")?;
    Some(unquoted(value.trim_ascii()))
}

fn unquoted(value: &[u8]) -> &[u8] {
    match value {
        [b'"', inner @ .., b'"'] => inner,
        _ => value,
    }
}

/// Undoes percent-encoding, which most values do not have.
fn decoded(value: &[u8]) -> Cow<'_, [u8]> {
    match memchr(b'%', value) {
        None => Cow::Borrowed(value),
        Some(_) => percent_decode(value).into(),
    }
}

#[cfg(test)]
mod tests;
