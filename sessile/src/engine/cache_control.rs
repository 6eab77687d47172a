//! The headers that keep caches from serving one visitor's response to another visitor (RFC 9111).
//!
//! A response is private if the application used the session, which sets a mark in it, or if a handle of the session
//! still exists at the commit. The headers are a pure function of that, the cookie, and the handler's
//! `Cache-Control`.

use std::borrow::Cow;

use super::HeaderChanges;
use crate::{config::Caching, cookie::SetCookie};

/// How a response depends on its session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dependence {
    /// Whether the application read or changed the session, or may still do so.
    pub(super) is_used: bool,
    pub(super) is_signed_in: bool,
}

/// The changes to the headers of a response with this `Cache-Control`, to which this cookie is added.
pub(super) fn changes(
    caching: Caching,
    dependence: Dependence,
    cache_control: Option<&str>,
    set_cookie: Option<SetCookie>,
) -> HeaderChanges {
    let makes_private = dependence.is_used || set_cookie.is_some();
    if !makes_private || caching == Caching::Unchanged {
        return HeaderChanges {
            set_cookie,
            ..HeaderChanges::default()
        };
    }
    let is_stored = caching != Caching::NoStoreSignedIn || !dependence.is_signed_in;
    HeaderChanges {
        cache_control: match is_stored {
            true => private(cache_control, set_cookie.is_some()),
            false => Some(Cow::Borrowed("no-store")),
        },
        makes_private,
        set_cookie,
        retry_after: None,
    }
}

/// The `Cache-Control` that lets only the browser store the response, and no cache store the cookie. `None` if the
/// `current` value does so already.
///
/// A value that can't be parsed is replaced.
pub(super) fn private(current: Option<&str>, sets_cookie: bool) -> Option<Cow<'static, str>> {
    const PRIVATE: &str = "private";
    const NOT_THE_COOKIE: &str = "no-cache=\"Set-Cookie\"";
    let Some(directives) = current.and_then(directives) else {
        return Some(Cow::Borrowed(match sets_cookie {
            true => "private, no-cache=\"Set-Cookie\"",
            false => PRIVATE,
        }));
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
    let adds_no_cache = is_stored && sets_cookie && !has(&kept, "no-cache");
    if adds_private {
        kept.push(PRIVATE);
    }
    if adds_no_cache && !has(&kept, NOT_THE_COOKIE) {
        kept.push(NOT_THE_COOKIE);
    }
    let changes = removes || kept.len() > count;
    changes.then(|| match kept.is_empty() {
        true => Cow::Borrowed(PRIVATE),
        false => Cow::Owned(kept.join(", ")),
    })
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
mod tests {
    use super::*;

    #[track_caller]
    fn assert_private(handlers: Option<&str>, sets_cookie: bool, expected: Option<&str>) {
        let changed = private(handlers, sets_cookie);
        assert_eq!(changed.as_deref(), expected, "{handlers:?}");
        if let Some(changed) = changed {
            assert_eq!(private(Some(&changed), sets_cookie), None, "{changed}");
        }
    }

    #[test]
    fn a_response_that_used_its_session_is_private() {
        for (handlers, expected) in [
            ("public", "private"),
            ("public, max-age=3600", "max-age=3600, private"),
            ("max-age=3600", "max-age=3600, private"),
            ("Public , S-MaxAge=60,max-age=60", "max-age=60, private"),
            ("s-maxage = 60, immutable", "immutable, private"),
            ("s-maxage=\"60\"", "private"),
            ("no-cache", "no-cache, private"),
            (
                "must-revalidate, max-age=0",
                "must-revalidate, max-age=0, private",
            ),
            ("private=\"X-Foo, Bar\", max-age=5", "max-age=5, private"),
            (
                "no-store, must-understand",
                "no-store, must-understand, private",
            ),
            ("no-store, public", "no-store"),
            ("x=\"a, public\"", "x=\"a, public\", private"),
            ("x=\"\\\", public\"", "x=\"\\\", public\", private"),
            // Unknown directives that only resemble known ones.
            ("publicly, xprivate", "publicly, xprivate, private"),
        ] {
            assert_private(Some(handlers), false, Some(expected));
        }
        for already in [
            "private",
            "PRIVATE",
            "private, max-age=60",
            "no-store",
            "max-age=1,No-Store",
        ] {
            assert_private(Some(already), false, None);
        }
    }

    #[test]
    fn a_response_that_sets_the_cookie_keeps_it_out_of_caches() {
        const COOKIE: &str = "no-cache=\"Set-Cookie\"";
        for (handlers, expected) in [
            ("public", format!("private, {COOKIE}")),
            ("private", format!("private, {COOKIE}")),
            ("max-age=60", format!("max-age=60, private, {COOKIE}")),
            (
                "no-cache=\"X-Foo\"",
                format!("no-cache=\"X-Foo\", private, {COOKIE}"),
            ),
            ("no-cache", "no-cache, private".to_owned()),
        ] {
            assert_private(Some(handlers), true, Some(&expected));
        }
        for already in [
            "no-store",
            "private, no-cache",
            "private, No-Cache=\"set-cookie\"",
        ] {
            assert_private(Some(already), true, None);
        }
    }

    #[test]
    fn a_missing_or_malformed_value_is_replaced() {
        for handlers in [None, Some(""), Some(" , ,"), Some("max-age=60, x=\"public")] {
            assert_private(handlers, false, Some("private"));
            assert_private(handlers, true, Some("private, no-cache=\"Set-Cookie\""));
        }
    }

    fn of(caching: Caching, is_used: bool, is_signed_in: bool) -> HeaderChanges {
        let dependence = Dependence {
            is_used,
            is_signed_in,
        };
        changes(caching, dependence, Some("public"), None)
    }

    #[test]
    fn a_response_that_did_not_use_its_session_stays_as_it_is() {
        for caching in [
            Caching::Private,
            Caching::NoStoreSignedIn,
            Caching::Unchanged,
        ] {
            for is_signed_in in [false, true] {
                assert_eq!(of(caching, false, is_signed_in), HeaderChanges::default());
            }
        }
    }

    #[test]
    fn the_setting_decides_how_private_a_page_is() {
        let cache_control = |caching, is_signed_in| {
            let changes = of(caching, true, is_signed_in);
            assert_eq!(changes.makes_private, caching != Caching::Unchanged);
            changes.cache_control
        };
        assert_eq!(
            cache_control(Caching::Private, true).as_deref(),
            Some("private")
        );
        assert_eq!(
            cache_control(Caching::NoStoreSignedIn, false).as_deref(),
            Some("private")
        );
        assert_eq!(
            cache_control(Caching::NoStoreSignedIn, true).as_deref(),
            Some("no-store")
        );
        assert_eq!(cache_control(Caching::Unchanged, true), None);
    }
}
