//! The headers that keep caches from serving one visitor's response to another visitor (RFC 9111).
//!
//! A response is private if the application used the session, which sets a mark in it, or if a handle of the session
//! still exists at the commit. The headers are a pure function of that, the cookie, and the handler's
//! `Cache-Control`.

use std::borrow::Cow;

use super::HeaderChanges;
use crate::{
    config::{Caching, Settings},
    cookie::SetCookie,
};

/// How a response depends on its session.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Dependence {
    /// Whether the application read or changed the session, or may still do so.
    pub(super) is_used: bool,
    pub(super) is_signed_in: bool,
    /// Whether the request has ended its session.
    pub(super) has_ended: bool,
}

/// What the application chose for the headers of responses.
#[derive(Debug)]
pub(super) struct ResponsePolicy {
    caching: Caching,
    clear_site_data: bool,
    /// The header of the requests that names their session.
    pub(super) request_header: Cow<'static, str>,
}

impl ResponsePolicy {
    pub(super) fn new(settings: &Settings, request_header: Cow<'static, str>) -> Self {
        Self {
            caching: settings.caching,
            clear_site_data: settings.clear_site_data,
            request_header,
        }
    }

    /// The changes to the headers of a response with this `Cache-Control`, to which this cookie is added.
    pub(super) fn changes(
        &self,
        dependence: Dependence,
        cache_control: Option<&str>,
        set_cookie: Option<SetCookie>,
    ) -> HeaderChanges {
        let clears_site_data = self.clear_site_data && dependence.has_ended;
        let is_private = dependence.is_used || set_cookie.is_some();
        if !is_private || self.caching == Caching::Unchanged {
            return HeaderChanges {
                set_cookie,
                clears_site_data,
                ..HeaderChanges::default()
            };
        }
        let is_stored = self.caching != Caching::NoStoreSignedIn || !dependence.is_signed_in;
        HeaderChanges {
            cache_control: match is_stored {
                true => private(cache_control, set_cookie.as_ref().map(SetCookie::header)),
                false => Some(Cow::Borrowed("no-store")),
            },
            vary: Some(self.request_header.clone()),
            set_cookie,
            clears_site_data,
            retry_after: None,
        }
    }
}

/// The `Cache-Control` that lets only the browser store the response, and no cache store the header `sets` that has the
/// cookie. `None` if the `current` value does so already.
///
/// A value that can't be parsed is replaced.
pub(super) fn private(current: Option<&str>, sets: Option<&str>) -> Option<Cow<'static, str>> {
    const PRIVATE: &str = "private";
    let Some(directives) = current.and_then(directives) else {
        return Some(match sets {
            None => Cow::Borrowed(PRIVATE),
            Some("Set-Cookie") => Cow::Borrowed("private, no-cache=\"Set-Cookie\""),
            Some(header) => Cow::Owned(format!("private, {}", no_cache(header))),
        });
    };
    let count = directives.len();
    let mut kept: Vec<&str> = directives
        .into_iter()
        .filter(|it| !is_for_shared_caches(it))
        .collect();
    let removes = kept.len() < count;
    let has = |kept: &[&str], name| kept.iter().any(|it| it.eq_ignore_ascii_case(name));
    // Beside `must-understand`, a cache that understands the status ignores `no-store` (section 5.2.2.3).
    let is_stored = !has(&kept, "no-store") || has(&kept, "must-understand");
    let adds_private = is_stored && !has(&kept, PRIVATE);
    let no_cache = sets
        .filter(|_| is_stored && !has(&kept, "no-cache"))
        .map(no_cache);
    if adds_private {
        kept.push(PRIVATE);
    }
    if let Some(no_cache) = no_cache.as_deref().filter(|it| !has(&kept, it)) {
        kept.push(no_cache);
    }
    let changes = removes || kept.len() > count;
    changes.then(|| match kept.is_empty() {
        true => Cow::Borrowed(PRIVATE),
        false => Cow::Owned(kept.join(", ")),
    })
}

/// The directive that keeps this header out of caches.
fn no_cache(header: &str) -> String {
    format!("no-cache=\"{header}\"")
}

/// Whether a directive allows shared caches to store the response. A `private` with field names does so, because it
/// protects only these fields.
fn is_for_shared_caches(directive: &str) -> bool {
    let (name, argument) = match directive.split_once('=') {
        Some((name, argument)) => (name.trim_end(), Some(argument)),
        None => (directive, None),
    };
    name.eq_ignore_ascii_case("public")
        || name.eq_ignore_ascii_case("s-maxage")
        || (name.eq_ignore_ascii_case("private") && argument.is_some())
}

/// The directives of a `Cache-Control`, which are separated by commas outside of quotes. `None` if there are none, or
/// if a quote is not closed.
fn directives(value: &str) -> Option<Vec<&str>> {
    let mut directives = Vec::new();
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if is_quoted => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b',' if !is_quoted => {
                directives.push(&value[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    directives.push(&value[start..]);
    let directives = directives.into_iter().map(str::trim);
    let directives: Vec<_> = directives.filter(|it| !it.is_empty()).collect();
    (!is_quoted && !directives.is_empty()).then_some(directives)
}

#[cfg(test)]
mod tests;
