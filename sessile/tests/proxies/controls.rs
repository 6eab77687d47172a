//! Control tests: the caches are on, and store no page that uses a session.

use crate::{
    headers::{CACHE_CONTROL, Headers},
    setup::{Proxy, Site, behind_each_proxy},
    uses::{Method, Use},
    visitor::{Visitor, is_hit, serial},
};

behind_each_proxy![
    a_public_page_of_no_session_is_served_from_the_cache_to_all_visitors,
    a_page_of_no_session_has_the_headers_that_its_handler_set,
    a_public_page_of_a_session_is_not_served_from_the_cache_even_to_its_visitor,
];

async fn visitors(site: &Site) -> [Visitor; 3] {
    [
        Visitor::signed_in(&site.application, "alice".to_owned()).await,
        Visitor::signed_in(&site.application, "bob".to_owned()).await,
        Visitor::guest("carol".to_owned()),
    ]
}

async fn a_public_page_of_no_session_is_served_from_the_cache_to_all_visitors(proxy: Proxy) {
    assert_caches(&Site::start(proxy)).await;
}

/// A public page that uses no session comes from the application once, and then from the cache.
pub(crate) async fn assert_caches(site: &Site) {
    let path = format!("/plain/{}", Headers::PUBLIC.path());
    let mut first = None;
    for visitor in visitors(site).await {
        let reply = visitor.request(&site.front, Method::Get, &path).await;
        assert_eq!(reply.body, "a page of no session");
        assert_eq!(is_hit(&reply), first.is_some(), "{reply:?}");
        assert_eq!(serial(&reply), *first.get_or_insert(serial(&reply)));
    }
}

async fn a_page_of_no_session_has_the_headers_that_its_handler_set(proxy: Proxy) {
    let site = Site::start(proxy);
    let [alice, bob, _] = visitors(&site).await;
    for (number, row) in CACHE_CONTROL.iter().enumerate() {
        let headers = Headers::numbered(number, 0, 0);
        let path = format!("/plain/{}", headers.path());
        let first = alice.request(&site.front, Method::Get, &path).await;
        assert_eq!(first.headers("cache-control"), row.lines, "{headers}");
        assert_eq!(first.headers("vary"), [""; 0], "{headers}");
        let second = bob.request(&site.front, Method::Get, &path).await;
        let kept = row.kept[usize::from(proxy == Proxy::Apache)];
        assert_eq!(is_hit(&second), kept, "{headers}: {second:?}");
    }
}

async fn a_public_page_of_a_session_is_not_served_from_the_cache_even_to_its_visitor(proxy: Proxy) {
    let site = Site::start(proxy);
    for kind in Use::ALL {
        let [alice, ..] = visitors(&site).await;
        let path = kind.path(Headers::PUBLIC);
        let mut serials = Vec::new();
        for _ in 0..3 {
            let reply = alice.request(&site.front, Method::Get, &path).await;
            assert!(!is_hit(&reply), "{kind}: {reply:?}");
            serials.push(serial(&reply));
        }
        assert!(serials.is_sorted_by(|a, b| a < b), "{kind}: {serials:?}");
    }
}
