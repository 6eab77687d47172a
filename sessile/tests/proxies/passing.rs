//! Cookies pass through the proxies unchanged.

use actix_web::cookie::Key;
use sessile::{SessionMiddleware, storage::CookieSessionStore};

use crate::{
    app::VISITOR,
    headers::Headers,
    setup::{Proxy, Site, behind_each_proxy},
    uses::{Method, Use},
    visitor::Visitor,
};

behind_each_proxy![
    the_attributes_of_the_cookie_pass,
    a_cookie_of_4_kb_passes,
    one_of_several_cookies_is_found,
    a_client_that_speaks_http_1_0_has_a_session,
];

async fn the_attributes_of_the_cookie_pass(proxy: Proxy) {
    let site = Site::start(proxy);
    let alice = Visitor::guest("alice".to_owned());
    let mut attributes = Vec::new();
    for server in [&site.application, &site.front] {
        let reply = alice.request(server, Method::Get, "/sign-in").await;
        let (_, rest) = reply.only_set_cookie().split_once("; ").unwrap();
        attributes.push(rest.to_owned());
    }
    assert_eq!(attributes[0], attributes[1]);
    assert!(
        attributes[1].split("; ").any(|it| it == "Secure"),
        "{attributes:?}"
    );
}

/// Browsers take cookies of 4096 bytes, attributes included.
async fn a_cookie_of_4_kb_passes(proxy: Proxy) {
    let store = CookieSessionStore::default();
    let builder = SessionMiddleware::builder(store, Key::generate());
    let site = Site::start_with(proxy, builder);
    let mut alice = Visitor::guest("alice".to_owned());
    let length = largest_filling(&site, &alice).await;
    let path = format!("/fill/{length}");
    let filled = alice.request(&site.front, Method::Get, &path).await;
    let (theme, session): (Vec<_>, Vec<_>) = filled
        .headers("set-cookie")
        .into_iter()
        .partition(|cookie| cookie.starts_with("theme="));
    assert_eq!(theme, ["theme=dark; Path=/"], "{filled:?}");
    let [session] = session[..] else {
        panic!("one session cookie: {filled:?}");
    };
    assert!(session.len() > 4000, "{} bytes", session.len());
    alice.cookie = session.split(';').next().map(str::to_owned);
    let reply = alice.request(&site.front, Method::Get, "/filling").await;
    assert_eq!(reply.body, length.to_string());
}

/// How many bytes nearly fill a cookie.
async fn largest_filling(site: &Site, visitor: &Visitor) -> usize {
    for length in (2000..3000).rev().step_by(16) {
        let path = format!("/fill/{length}");
        let reply = visitor.request(&site.application, Method::Get, &path).await;
        if reply.status == 200 {
            return length;
        }
    }
    panic!("no state fits into a cookie");
}

async fn one_of_several_cookies_is_found(proxy: Proxy) {
    let site = Site::start(proxy);
    let mut alice = Visitor::signed_in(&site.application, "alice".to_owned()).await;
    let own = alice.cookie.clone().unwrap();
    let unverifiable =
        Visitor::signed_in(&Site::start(proxy).application, "alice".to_owned()).await;
    let foreign = unverifiable.cookie.unwrap();
    for cookies in [
        format!("theme=dark; {own}; language=de"),
        format!("{foreign}; {own}"),
        format!("{own}; {foreign}; {own}"),
    ] {
        alice.cookie = Some(cookies);
        alice.check_session(&site.front).await.unwrap();
    }
}

/// nginx speaks HTTP/1.0 to the application in all tests.
async fn a_client_that_speaks_http_1_0_has_a_session(proxy: Proxy) {
    let site = Site::start(proxy);
    let alice = Visitor::signed_in(&site.application, "alice".to_owned()).await;
    let bob = Visitor::signed_in(&site.application, "bob".to_owned()).await;
    for visitor in [&alice, &bob] {
        let cookie = visitor.cookie.as_ref().unwrap();
        let pages = [Use::Read, Use::Stream].map(|kind| kind.path(Headers::PUBLIC));
        for path in pages {
            let request = format!("GET {path} HTTP/1.0\r\nCookie: {cookie}\r\n\r\n");
            let reply = site.front.exchange(request.as_bytes()).await;
            assert_eq!(reply.body, visitor.page(), "{path}: {reply:?}");
        }
    }
    let mut carol = Visitor::guest("carol".to_owned());
    let path = Use::StartSession.path(Headers::PUBLIC);
    let request = format!("GET {path} HTTP/1.0\r\n{VISITOR}: carol\r\n\r\n");
    let reply = site.front.exchange(request.as_bytes()).await;
    carol.note(Use::StartSession);
    carol.cookie = Some(reply.cookie());
    carol.check_session(&site.front).await.unwrap();
}
