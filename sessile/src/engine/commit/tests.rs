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
