//! [`Transport`]: how sealed contents travel between the server and its clients. A client can send any bytes in the headers.

use std::{borrow::Cow, time::Duration};

use memchr::{memchr, memchr_iter};
use percent_encoding::percent_decode;
use smallvec::SmallVec;

use super::{MAX_COOKIE_LEN, SetCookie, attributes::Attributes};
use crate::{config::Settings, telemetry::RejectReason};

/// Where the requests and responses carry the sealed content.
pub(super) enum Transport {
    /// In `Cookie` and `Set-Cookie`.
    Cookie(Attributes),
    /// In a header that the application names.
    Header {
        name: String,
        /// The name with a colon. No cookie has such a name, so nothing that was sealed for a cookie is accepted in the
        /// header, and vice versa.
        sealed_name: String,
    },
}

/// The maximum number of values of a request that are looked at; later ones are ignored. Browsers keep fewer cookies of one
/// domain. Through HTTP/2, a client can send many thousands at almost no cost.
const MAX_VALUES: usize = 256;

/// Room for a value in which everything was percent-encoded on the way.
const MAX_VALUE_LEN: usize = 3 * MAX_COOKIE_LEN;

impl Transport {
    /// As `settings` say, which were checked.
    pub(super) fn new(settings: &Settings) -> Self {
        match &settings.session_header {
            None => Self::Cookie(Attributes::new(settings)),
            Some(name) => Self::Header {
                name: name.clone(),
                sealed_name: name.to_ascii_lowercase() + ":",
            },
        }
    }

    /// The name of the cookie or of the header.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Cookie(attributes) => &attributes.name,
            Self::Header { name, .. } => name,
        }
    }

    /// The name that the seal includes.
    pub(super) fn sealed_name(&self) -> &str {
        match self {
            Self::Cookie(attributes) => &attributes.name,
            Self::Header { sealed_name, .. } => sealed_name,
        }
    }

    /// The name of the requests' header.
    pub(super) fn request_header(&self) -> Cow<'static, str> {
        match self {
            Self::Cookie(_) => Cow::Borrowed("Cookie"),
            Self::Header { name, .. } => Cow::Owned(name.clone()),
        }
    }

    /// The values in these headers of a request.
    pub(super) fn find<'a>(&self, headers: impl IntoIterator<Item = &'a [u8]>) -> NamedCookies<'a> {
        match self {
            Self::Cookie(attributes) => find_named(headers, &attributes.name, MAX_VALUE_LEN),
            Self::Header { .. } => find_bare(headers, MAX_VALUE_LEN),
        }
    }

    /// The header of a response that removes the value from the client.
    pub(super) fn removal(&self) -> SetCookie {
        /// For clients that know no `Max-Age` (RFC 6265bis, section 5.7).
        const EXPIRES: &str = "; Expires=Thu, 01 Jan 1970 00:00:00 GMT";
        match self {
            Self::Cookie(attributes) => {
                let max_age = Some(Duration::ZERO);
                let mut cookie = attributes.with_value(EXPIRES.len(), |_| {}, max_age);
                cookie.push_str(EXPIRES);
                set_cookie(cookie)
            }
            Self::Header { name, .. } => SetCookie::new(name.clone().into(), String::new()),
        }
    }

    /// The header of a response that gives the client a value of about `value_len` bytes. A cookie is kept for `max_age`,
    /// or until the browser closes.
    pub(super) fn compose(
        &self,
        value_len: usize,
        push_value: impl FnOnce(&mut String),
        max_age: Option<Duration>,
    ) -> SetCookie {
        match self {
            Self::Cookie(attributes) => {
                set_cookie(attributes.with_value(value_len, push_value, max_age))
            }
            Self::Header { name, .. } => {
                let mut value = String::with_capacity(value_len);
                push_value(&mut value);
                SetCookie::new(name.clone().into(), value)
            }
        }
    }
}

const fn set_cookie(value: String) -> SetCookie {
    SetCookie::new(Cow::Borrowed("Set-Cookie"), value)
}

/// The values of cookies.
pub(crate) type Values<'a> = SmallVec<[Cow<'a, [u8]>; 1]>;

/// The cookies of one name in a request's `Cookie` headers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NamedCookies<'a> {
    /// Nothing.
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
fn find_named<'a>(
    headers: impl IntoIterator<Item = &'a [u8]>,
    name: &str,
    max_len: usize,
) -> NamedCookies<'a> {
    find_in(headers, b';', max_len, |pair| {
        value_under(name.as_bytes(), pair)
    })
}

/// The values in `headers` that have nothing but values. A proxy may have joined several lines with commas (RFC 9110,
/// section 5.3).
fn find_bare<'a>(headers: impl IntoIterator<Item = &'a [u8]>, max_len: usize) -> NamedCookies<'a> {
    find_in(headers, b',', max_len, |part| Some(part.trim_ascii()))
}

/// What `value_of` finds in the parts of all `headers`.
fn find_in<'a>(
    headers: impl IntoIterator<Item = &'a [u8]>,
    separator: u8,
    max_len: usize,
    value_of: impl Fn(&'a [u8]) -> Option<&'a [u8]>,
) -> NamedCookies<'a> {
    let mut values = SmallVec::new();
    let mut unusable = None;
    for header in headers {
        let mut start = 0;
        for end in memchr_iter(separator, header).chain([header.len()]) {
            if let Some(value) = value_of(&header[start..end]) {
                match usable(value, max_len) {
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

fn usable(value: &[u8], max_len: usize) -> Result<Cow<'_, [u8]>, RejectReason> {
    match value.len() {
        0 => Err(RejectReason::Empty),
        len if len > max_len => Err(RejectReason::TooLong),
        _ => Ok(decoded(value)),
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
