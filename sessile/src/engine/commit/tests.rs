//! The cache headers of responses, tested as tables.

use super::*;

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
    for caching in [Caching::Private, Caching::Unchanged] {
        for (clear_site_data, has_ended, expected) in [
            (false, true, false),
            (true, false, false),
            (true, true, true),
        ] {
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
            assert_eq!(changes.clears_site_data, expected);
        }
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
    for (caching, is_signed_in, cache_control, varies) in [
        (Caching::Private, true, Some("private"), true),
        (Caching::NoStoreSignedIn, false, Some("private"), true),
        (Caching::NoStoreSignedIn, true, Some("no-store"), true),
        (Caching::Unchanged, true, None, false),
    ] {
        let changes = of(&with_caching(caching), true, is_signed_in);
        assert_eq!(changes.cache_control.as_deref(), cache_control);
        assert_eq!(changes.vary.is_some(), varies);
    }
}
