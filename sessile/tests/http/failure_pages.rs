//! The application's page for requests whose session fails.

use actix_web::{HttpResponse, http::StatusCode};
use sessile::{
    CookieContentSecurity::Private,
    config::{Loading::Lazy, StoreFailurePolicy},
};

use crate::{
    client::Reply,
    setup::{Builder, Memory, Setup, in_time},
    watched::{
        CAUSE,
        Fault::Fail,
        Operation::{Create, Delete, Load, Update},
    },
};

/// A page that shows the request's path and the failure.
fn with_page(builder: Builder<Memory>) -> Builder<Memory> {
    builder.failure_page(|request, failure| {
        let text = format!("{} {}", request.path(), failure.status());
        HttpResponse::build(StatusCode::from_u16(failure.status()).unwrap())
            .insert_header(("x-own", "1"))
            .insert_header(("cache-control", "public"))
            .body(text)
    })
}

/// Checks that the response is the page, with the headers of the failure.
#[track_caller]
fn assert_page(reply: &Reply, path: &str, status: u16) {
    assert_eq!(reply.status, status, "{reply:?}");
    assert_eq!(reply.body, format!("{path} {status}"));
    assert_eq!(reply.headers("x-own"), ["1"]);
    reply.assert_failure_headers();
    assert!(!reply.all_text().contains(CAUSE));
}

#[tokio::test]
async fn the_page_is_served_if_the_store_fails() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = setup.start_with(with_page(setup.builder()));
        let cookie = server.get("/set:a:1").await.cookie();
        for (operation, path) in [
            (Load, "/"),
            (Update, "/set:b:2"),
            (Update, "/renew"),
            (Delete, "/purge"),
        ] {
            setup.watch.inject(operation, Fail);
            for method in ["GET", "POST"] {
                let reply = server.send(method, path, &[cookie.as_bytes()]).await;
                assert_page(&reply, path, 503);
                reply.assert_sets_no_cookie();
            }
        }
        setup.watch.inject(Create, Fail);
        assert_page(&server.post("/set:a:1").await, "/set:a:1", 503);
        let path = "/restart/set:b:2";
        let reply = server.post_as(&cookie, path).await;
        assert_page(&reply, path, 503);
        reply.assert_removes_cookie();
    })
    .await;
}

#[tokio::test]
async fn the_page_may_say_when_to_try_again() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        for (own, expected) in [(Some("30"), "30"), (None, "1")] {
            let builder = setup.builder().failure_page(move |_, _| {
                let mut page = HttpResponse::ServiceUnavailable();
                if let Some(seconds) = own {
                    page.insert_header(("retry-after", seconds));
                }
                page.finish()
            });
            let server = setup.start_with(builder);
            let cookie = server.get("/set:a:1").await.cookie();
            setup.watch.inject(Load, Fail);
            let reply = server.get_as(&cookie, "/").await;
            assert_eq!(reply.headers("retry-after"), [expected]);
            setup.watch.heal();
        }
    })
    .await;
}

#[tokio::test]
async fn the_page_gets_the_configured_status() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let respond = StoreFailurePolicy::Respond { status: 500 };
        let builder = with_page(setup.builder()).on_store_failure(respond);
        let server = setup.start_with(builder);
        let cookie = server.get("/set:a:1").await.cookie();
        setup.watch.inject(Load, Fail);
        assert_page(&server.get_as(&cookie, "/").await, "/", 500);
    })
    .await;
}

#[tokio::test]
async fn the_page_is_served_for_a_superseded_change() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = setup.start_with(with_page(setup.builder()));
        let old = server.get("/set:a:1").await.cookie();
        server.post_as(&old, "/renew").await;
        let reply = server.post_as(&old, "/set:b:2").await;
        assert_page(&reply, "/set:b:2", 409);
        reply.assert_sets_no_cookie();
        assert_eq!(server.get_as(&old, "/set:b:2").await.status, 200);
    })
    .await;
}

#[tokio::test]
async fn the_page_is_served_if_the_extractor_cannot_load_the_session() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = setup.start_with(with_page(setup.builder().loading(Lazy)));
        let cookie = server.get("/set:a:1").await.cookie();
        setup.watch.inject(Load, Fail);
        for path in ["/", "/set:b:2", "/handle/purge", "/handle/renew"] {
            let reply = server.post_as(&cookie, path).await;
            assert_page(&reply, path, 503);
            reply.assert_sets_no_cookie();
        }
        setup.watch.heal();
        server.post_as(&cookie, "/renew").await;
        let reply = server.post_as(&cookie, "/set:b:2").await;
        assert_page(&reply, "/set:b:2", 409);
    })
    .await;
}

#[tokio::test]
async fn other_responses_are_unchanged() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = setup.start_with(with_page(setup.builder()));
        let failed = server.get("/set:a:1/fail").await;
        assert_eq!((failed.status, failed.headers("x-own").len()), (418, 0));
        // The page is not rendered for errors that a handler returns.
        let cookie = failed.cookie();
        server.post_as(&cookie, "/renew").await;
        let reply = server.get_as(&cookie, "/set:b:2/save").await;
        assert_eq!((reply.status, reply.headers("x-own").len()), (409, 0));
    })
    .await;
}

#[tokio::test]
async fn the_page_never_has_a_status_of_success() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let builder = setup.builder().failure_page(|_, failure| {
            let status = if failure.status() == 409 { 303 } else { 200 };
            HttpResponse::build(StatusCode::from_u16(status).unwrap()).body("Sorry")
        });
        let server = setup.start_with(builder);
        let cookie = server.get("/set:a:1").await.cookie();
        setup.watch.inject(Update, Fail);
        let reply = server.post_as(&cookie, "/set:a:2").await;
        assert_eq!((reply.status, reply.body.as_str()), (503, "Sorry"));
        reply.assert_failure_headers();
        setup.watch.heal();
        // A redirect is the application's choice.
        server.post_as(&cookie, "/renew").await;
        assert_eq!(server.post_as(&cookie, "/set:a:2").await.status, 303);
    })
    .await;
}
