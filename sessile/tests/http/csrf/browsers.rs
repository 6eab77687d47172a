//! What browsers tell about the page that sent a request.

use actix_web::{
    App,
    test::{TestRequest, call_service, init_service},
};
use sessile::{CookieContentSecurity::Private, config::Loading};

use super::*;
use crate::{
    log::Log,
    serving_empty::serving_empty,
    setup::Memory,
    watched::{Fault, Operation},
};

const SHOP: &str = "https://shop.example";

/// The status of a form with a valid token that a browser sends to the shop with these headers.
async fn status(guard: CsrfGuard, headers: &[&str]) -> u16 {
    let setup = Setup::<Memory>::new(Private).await;
    let server = start_with(setup.builder().build(), guard);
    let (browser, token) = Browser::with_form(&server).await;
    let cookie = format!("Cookie: {}", browser.cookie);
    let own = ["Host: shop.example", &cookie, FORM];
    let form = format!("csrf_token={token}&article=apple");
    let headers = [&own[..], headers].concat();
    send_to(&server, "POST /", &headers, &form).await.status
}

#[tokio::test]
async fn a_browser_tells_which_page_sent_a_form() {
    for (expected, headers) in [
        (200, &[][..]),
        (
            200,
            &[
                "Sec-Fetch-Site: same-origin",
                "Origin: https://shop.example",
            ],
        ),
        (200, &["Sec-Fetch-Site: none"]),
        (200, &["Origin: https://shop.example"]),
        (200, &["Origin: http://shop.example"]),
        (
            403,
            &["Sec-Fetch-Site: cross-site", "Origin: https://evil.example"],
        ),
        (403, &["Sec-Fetch-Site: cross-site", "Origin: null"]),
        (403, &["Sec-Fetch-Site: cross-site"]),
        (
            403,
            &[
                "Sec-Fetch-Site: same-site",
                "Origin: https://blog.shop.example",
            ],
        ),
        // The header that scripts can't set decides.
        (
            403,
            &["Sec-Fetch-Site: cross-site", "Origin: https://shop.example"],
        ),
        (403, &["Sec-Fetch-Site: something-new"]),
        (403, &["Sec-Fetch-Site: "]),
        (403, &["Origin: https://evil.example"]),
        (403, &["Origin: https://shop.example.evil.example"]),
        (403, &["Origin: https://shop.example:8443"]),
        (403, &["Origin: null"]),
        (403, &["Origin: "]),
        (
            403,
            &["Origin: http://shop.example", "X-Forwarded-Proto: https"],
        ),
        (
            200,
            &["Origin: https://shop.example", "X-Forwarded-Proto: https"],
        ),
    ] {
        let status = status(CsrfGuard::new(), headers).await;
        assert_eq!(status, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn pages_of_an_allowed_origin_are_accepted() {
    let guard = || {
        CsrfGuard::new()
            .allow_origin("https://APP.example:443")
            .unwrap()
    };
    for (expected, headers) in [
        (
            200,
            &["Sec-Fetch-Site: cross-site", "Origin: https://app.example"][..],
        ),
        (200, &["Origin: https://app.example"]),
        (
            403,
            &["Sec-Fetch-Site: cross-site", "Origin: http://app.example"],
        ),
        (
            403,
            &["Sec-Fetch-Site: cross-site", "Origin: https://evil.example"],
        ),
        (403, &["Sec-Fetch-Site: cross-site"]),
    ] {
        assert_eq!(status(guard(), headers).await, expected, "{headers:?}");
    }
}

#[tokio::test]
async fn a_token_is_needed_even_from_the_same_origin_unless_the_application_trusts_the_header() {
    let setup = Setup::<Memory>::new(Private).await;
    let origin = format!("Origin: {SHOP}");
    for (guard, with_header, with_origin) in [
        (CsrfGuard::new(), 403, 403),
        (CsrfGuard::new().trust_fetch_metadata(), 200, 403),
    ] {
        let server = start_with(setup.builder().build(), guard);
        let own = ["Host: shop.example", "Sec-Fetch-Site: same-origin"];
        let reply = send_to(&server, "POST /body", &own, "").await;
        assert_eq!(reply.status, with_header);
        let own = ["Host: shop.example", &origin];
        let reply = send_to(&server, "POST /body", &own, "").await;
        assert_eq!(reply.status, with_origin);
        let own = ["Host: shop.example", "Sec-Fetch-Site: none"];
        let reply = send_to(&server, "POST /body", &own, "").await;
        assert_eq!(reply.status, 403);
    }
}

#[tokio::test]
async fn only_unsafe_methods_are_checked() {
    let setup = Setup::<Memory>::new(Private).await;
    let server = start(&setup);
    let forged = ["Sec-Fetch-Site: cross-site", "Origin: https://evil.example"];
    for (method, status) in [
        ("GET", 200),
        ("HEAD", 200),
        ("OPTIONS", 200),
        ("TRACE", 200),
        ("POST", 403),
        ("PUT", 403),
        ("PATCH", 403),
        ("DELETE", 403),
        ("LOCK", 403),
        ("post", 403),
    ] {
        let reply = send(&server, &format!("{method} /body"), &forged, "").await;
        assert_eq!(reply.status, status, "{method}");
    }
}

#[tokio::test]
async fn a_forged_request_needs_no_store() {
    let setup = Setup::<Memory>::new(Private).await;
    let sessions = setup.builder().loading(Loading::Lazy).build();
    let server = start_with(sessions, CsrfGuard::new());
    let (browser, token) = Browser::with_form(&server).await;
    setup.watch.seen();
    let forged = ["Sec-Fetch-Site: cross-site", FORM];
    let form = format!("csrf_token={token}&article=apple");
    let reply = browser.send("/", &forged, &form).await;
    reply.assert_failure(403);
    setup.assert_asked(&[]);
    // The guard loads a lazy session itself.
    let reply = browser.send("/", &[FORM], &form).await;
    assert_eq!((reply.status, &*reply.body), (200, "1 apple"));
}

#[tokio::test]
async fn a_request_without_a_store_is_not_called_forged() {
    let setup = Setup::<Memory>::new(Private).await;
    let server = start_with(serving_empty(setup.builder()).build(), CsrfGuard::new());
    let (mut browser, token) = Browser::with_form(&server).await;
    setup.watch.inject(Operation::Load, Fault::Fail);
    assert_eq!(browser.get("/").await.status, 200);
    setup.watch.inject(Operation::Load, Fault::Fail);
    assert_eq!(browser.status_with(&token).await, 503);
    setup.watch.heal();
    assert_eq!(browser.status_with(&token).await, 200);
}

#[actix_web::test]
async fn a_guard_without_a_session_middleware_refuses_and_logs_why() {
    let log = Log::of_warnings();
    let scope = web::scope("").wrap(CsrfGuard::new());
    let app = App::new().service(scope.configure(shop));
    let app = init_service(app).await;
    let request = TestRequest::post().to_request();
    assert_eq!(call_service(&app, request).await.status(), 403);
    let lines = log.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("CsrfGuard is not inside of a session middleware"));
}

#[actix_web::test]
async fn the_page_that_opens_a_socket_is_checked() {
    for (expected, headers) in [
        (
            403,
            &["Upgrade: websocket", "Sec-Fetch-Site: cross-site"][..],
        ),
        (403, &["Upgrade: WebSocket", "Sec-Fetch-Site: same-site"]),
        (
            403,
            &["Upgrade: h2c, websocket", "Origin: https://evil.example"],
        ),
        (200, &["Upgrade: websocket", "Sec-Fetch-Site: same-origin"]),
        (200, &["Upgrade: websocket", "Origin: https://shop.example"]),
        (
            200,
            &[
                "Upgrade: websocket",
                "Sec-Fetch-Site: cross-site",
                "Origin: https://partner.example",
            ],
        ),
        // Another client than a browser.
        (200, &["Upgrade: websocket"]),
        (200, &["Upgrade: h2c", "Sec-Fetch-Site: cross-site"]),
    ] {
        let setup = Setup::<Memory>::new(Private).await;
        let guard = CsrfGuard::new();
        let guard = guard.allow_origin("https://partner.example").unwrap();
        let app = App::new().route("/socket", web::get().to(HttpResponse::Ok));
        let app = init_service(app.wrap(guard).wrap(setup.builder().build())).await;
        let mut request = TestRequest::get().uri("/socket");
        for header in [&["Host: shop.example"], headers].concat() {
            request = request.insert_header(header.split_once(": ").unwrap());
        }
        let response = call_service(&app, request.to_request()).await;
        assert_eq!(response.status(), expected, "{headers:?}");
    }
}
