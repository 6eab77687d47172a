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

fn of(policy: &ResponsePolicy, is_used: bool, is_signed_in: bool) -> HeaderChanges {
    let dependence = Dependence {
        is_used,
        is_signed_in,
        has_ended: false,
    };
    policy.changes(dependence, Some("public"), None)
}

const fn with_caching(caching: Caching) -> ResponsePolicy {
    ResponsePolicy {
        caching,
        clear_site_data: false,
        request_header: Cow::Borrowed("Cookie"),
    }
}

#[test]
fn only_a_response_that_ends_the_session_clears_site_data() {
    for (caching, clear_site_data, has_ended) in [Caching::Private, Caching::Unchanged]
        .into_iter()
        .flat_map(|it| [(it, false, true), (it, true, false), (it, true, true)])
    {
        let policy = ResponsePolicy {
            clear_site_data,
            ..with_caching(caching)
        };
        let dependence = Dependence {
            is_used: true,
            is_signed_in: false,
            has_ended,
        };
        let changes = policy.changes(dependence, None, None);
        assert_eq!(changes.clears_site_data, clear_site_data && has_ended);
    }
}

#[test]
fn a_private_response_varies_by_the_header_of_the_session() {
    for header in ["Cookie", "X-Session"] {
        let policy = ResponsePolicy {
            request_header: header.into(),
            ..with_caching(Caching::Private)
        };
        assert_eq!(of(&policy, true, false).vary.as_deref(), Some(header));
    }
}

#[test]
fn a_response_that_did_not_use_its_session_stays_as_it_is() {
    for caching in [
        Caching::Private,
        Caching::NoStoreSignedIn,
        Caching::Unchanged,
    ] {
        for is_signed_in in [false, true] {
            let changes = of(&with_caching(caching), false, is_signed_in);
            assert_eq!(changes, HeaderChanges::default());
        }
    }
}

#[test]
fn the_setting_decides_how_private_a_page_is() {
    let cache_control = |caching, is_signed_in| {
        let changes = of(&with_caching(caching), true, is_signed_in);
        assert_eq!(changes.vary.is_some(), caching != Caching::Unchanged);
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
