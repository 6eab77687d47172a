//! [`Transport`]: how sealed contents travel between the server and its clients.

use std::{borrow::Cow, time::Duration};

use super::{SetCookie, attributes::Attributes};
use crate::config::Settings;

/// Where the requests and responses carry the sealed content.
pub(super) enum Transport {
    /// In `Cookie` and `Set-Cookie`.
    Cookie(Attributes),
    /// In a header that the application names.
    Header { name: String },
}

impl Transport {
    /// As `settings` say, which were checked.
    pub(super) fn new(settings: &Settings) -> Self {
        match &settings.session_header {
            None => Self::Cookie(Attributes::new(settings)),
            Some(name) => Self::Header { name: name.clone() },
        }
    }

    /// The name of the cookie or of the header.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Cookie(attributes) => &attributes.name,
            Self::Header { name } => name,
        }
    }

    /// The name that the seal includes.
    ///
    /// The name of a header gets a colon. No cookie has such a name, so nothing that was sealed for a cookie is
    /// accepted in the header, and vice versa.
    pub(super) fn sealed_name(&self) -> String {
        match self {
            Self::Cookie(attributes) => attributes.name.clone(),
            Self::Header { name } => name.to_ascii_lowercase() + ":",
        }
    }

    /// The name of the requests' header.
    pub(super) fn request_header(&self) -> Cow<'static, str> {
        match self {
            Self::Cookie(_) => Cow::Borrowed("Cookie"),
            Self::Header { name } => Cow::Owned(name.clone()),
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
            Self::Header { name } => SetCookie::new(name.clone().into(), String::new()),
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
            Self::Header { name } => {
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
