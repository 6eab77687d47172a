//! The headers, as tables.

use super::*;

#[track_caller]
fn assert_private(handlers: Option<&str>, sets_cookie: bool, expected: Option<&str>) {
    let sets_cookie = sets_cookie.then_some("Set-Cookie");
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

#[test]
fn a_response_that_sets_another_header_keeps_that_one_out_of_caches() {
    for (handlers, expected) in [
        (None, "private, no-cache=\"X-Session\""),
        (
            Some("no-cache=\"Set-Cookie\""),
            "no-cache=\"Set-Cookie\", private, no-cache=\"X-Session\"",
        ),
    ] {
        let changed = private(handlers, Some("X-Session"));
        assert_eq!(changed.as_deref(), Some(expected));
        assert_eq!(private(changed.as_deref(), Some("X-Session")), None);
    }
}
