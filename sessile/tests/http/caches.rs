//! The cache headers of responses. `tests/proxies` checks them with real caches.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    HttpRequest, HttpResponse, HttpResponseBuilder,
    body::{BodySize, MessageBody},
    cookie::Cookie,
    dev::ServiceResponse,
    error::InternalError,
    guard::GuardContext,
    http::{
        StatusCode,
        header::{self, HeaderValue},
    },
    web::{self, Bytes, ServiceConfig},
};
use serde_json::json;
use sessile::{CookieContentSecurity::Private, Session, SessionExt as _, config::Caching};

use crate::{
    client::{Reply, Server},
    setup::{Kind, Memory, Setup, in_time, on_every_store, persistent},
    watched::{Fault, Operation},
};

on_every_store![
    a_response_that_sets_the_cookie_is_private_and_the_cookie_not_stored,
    a_response_that_read_its_session_is_private,
    a_response_that_did_not_use_its_session_stays_as_it_is,
    the_handlers_headers_are_kept_as_far_as_they_are_private,
];

const BOTH: &str = "private, no-cache=\"Set-Cookie\"";

#[track_caller]
fn assert_caching(reply: &Reply, cache_control: &[&str], vary: &[&str]) {
    assert_eq!(reply.headers("cache-control"), cache_control, "{reply:?}");
    assert_eq!(reply.headers("vary"), vary, "{reply:?}");
}

#[track_caller]
fn assert_private(reply: &Reply) {
    assert_caching(reply, &["private"], &["Cookie"]);
}

async fn a_response_that_sets_the_cookie_is_private_and_the_cookie_not_stored<K: Kind>(
    setup: &Setup<K>,
) {
    let server = setup.start_with(persistent(setup));
    let first = server.get("/set:a:1").await;
    let changed = server.get_as(&first.cookie(), "/set:a:2").await;
    let renewed = server.get_as(&changed.cookie(), "/renew").await;
    let purged = server.get_as(&renewed.cookie(), "/purge").await;
    for with_cookie in [first, changed, renewed, purged] {
        assert_eq!(with_cookie.headers("set-cookie").len(), 1);
        assert_caching(&with_cookie, &[BOTH], &["Cookie"]);
    }
}

/// This also holds without a session: with a cookie, the page would be different.
async fn a_response_that_read_its_session_is_private<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let cookie = server.get("/set:a:1").await.cookie();
    for reply in [
        server.get("/").await,
        server.get_as("id=planted", "/").await,
        server.get_as(&cookie, "/").await,
        server.get_as(&cookie, "/handle/number:a").await,
        server.send("HEAD", "/", &[cookie.as_bytes()]).await,
    ] {
        reply.assert_sets_no_cookie();
        assert_private(&reply);
    }
}

async fn a_response_that_did_not_use_its_session_stays_as_it_is<K: Kind>(setup: &Setup<K>) {
    let server = Server::start(setup.builder().build(), pages);
    let cookie = setup.start().get("/set:a:1").await.cookie();
    for path in ["/public", "/takes_it_only"] {
        let reply = server.get_as(&cookie, path).await;
        assert_eq!(reply.headers("surrogate-control"), ["max-age=60"]);
        assert_caching(&reply, &["public, max-age=60"], &[]);
    }
}

async fn the_handlers_headers_are_kept_as_far_as_they_are_private<K: Kind>(setup: &Setup<K>) {
    let server = setup.start();
    let reply = server
        .get("/set:a:1/header:cache-control:no-store/header:vary:Accept")
        .await;
    assert_caching(&reply, &["no-store"], &["Accept", "Cookie"]);
    let cookie = reply.cookie();
    let reply = server.get("/set:a:1/header:vary:cookie").await;
    assert_caching(&reply, &[BOTH], &["cookie"]);
    for (handlers, sent) in [
        ("private", "private"),
        ("max-age=60", "max-age=60, private"),
        ("public, s-maxage=60", "private"),
    ] {
        let path = format!("/header:cache-control:{}", handlers.replace(' ', ""));
        let reply = server.get_as(&cookie, &path).await;
        assert_caching(&reply, &[sent], &["Cookie"]);
    }
}

/// A page that all caches may store.
fn public(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response
        .insert_header((header::CACHE_CONTROL, "public, max-age=60"))
        .insert_header(("Surrogate-Control", "max-age=60"));
    response
}

fn reads(context: &GuardContext<'_>) -> bool {
    context.get_session().contains_key("a")
}

/// A body that reads the session when it is sent, which is after the commit.
struct LateBody(Option<Session>);

impl MessageBody for LateBody {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Infallible>>> {
        let session = self.0.take();
        Poll::Ready(session.map(|session| Ok(format!("{:?}", session.entries()).into())))
    }
}

async fn stream(session: Session) -> HttpResponse {
    public(StatusCode::OK).body(LateBody(Some(session)))
}

fn pages(config: &mut ServiceConfig) {
    config
        .route(
            "/public",
            web::get().to(async || public(StatusCode::OK).finish()),
        )
        .route(
            "/takes_it_only",
            web::get().to(async |_: Session| public(StatusCode::OK).finish()),
        )
        .route(
            "/guarded",
            web::get()
                .guard(reads)
                .to(async || public(StatusCode::OK).finish()),
        )
        .route(
            "/guarded",
            web::get().to(async || public(StatusCode::NOT_FOUND).finish()),
        )
        .route("/stream", web::get().to(stream))
        .route(
            "/status/{status}",
            web::get().to(async |session: Session, status: web::Path<u16>| {
                let _ = session.entries();
                public(StatusCode::from_u16(*status).unwrap()).finish()
            }),
        )
        .route(
            "/two_lines",
            web::get().to(async |request: HttpRequest| {
                assert!(request.get_session().id().is_none());
                let mut response = HttpResponse::Ok();
                for value in ["public", "s-maxage=60", "max-age=60"] {
                    response.append_header((header::CACHE_CONTROL, value));
                }
                for name in [
                    "CDN-Cache-Control",
                    "Cloudflare-CDN-Cache-Control",
                    "X-Accel-Expires",
                    "Edge-Control",
                ] {
                    response.insert_header((name, "max-age=60"));
                }
                response
                    .insert_header((header::EXPIRES, "Fri, 01 Jan 2100 00:00:00 GMT"))
                    .finish()
            }),
        )
        .route(
            "/not_ascii",
            web::get().to(async |session: Session| {
                let _ = session.entries();
                let not_ascii = HeaderValue::from_bytes(b"public, x=\"\xe9\"").unwrap();
                HttpResponse::Ok()
                    .append_header((header::CACHE_CONTROL, "private, max-age=60"))
                    .append_header((header::CACHE_CONTROL, not_ascii))
                    .finish()
            }),
        )
        .route(
            "/own_cookie",
            web::get().to(async |session: Session| {
                session.insert("a", 2)?;
                let own = Cookie::new("id", "the handler's");
                Ok::<_, actix_web::Error>(HttpResponse::Ok().cookie(own).finish())
            }),
        );
}

/// Serves `pages`, with the cookie of a session `{"a": 1}`.
async fn serving_pages(caching: Caching) -> (Setup<Memory>, Server, String) {
    let setup = Setup::<Memory>::new(Private).await;
    let server = Server::start(setup.builder().caching(caching).build(), pages);
    let cookie = setup.start().get("/set:a:1").await.cookie();
    (setup, server, cookie)
}

#[tokio::test]
async fn a_guard_and_a_body_that_is_still_to_be_sent_use_the_session_as_well() {
    in_time(async {
        let (_setup, server, cookie) = serving_pages(Caching::Private).await;
        for (path, cookie, status) in [
            ("/guarded", cookie.as_str(), 200),
            ("/guarded", "", 404),
            ("/stream", &cookie, 200),
            ("/stream", "", 200),
        ] {
            let reply = server.get_as(cookie, path).await;
            assert_eq!(reply.status, status, "{path}");
            assert_caching(&reply, &["max-age=60, private"], &["Cookie"]);
        }
    })
    .await;
}

/// A cache updates a stored page with the headers of a 304 (RFC 9111, section 4.3.4), and stores some statuses without
/// being told to (RFC 9110, section 15.1).
#[tokio::test]
async fn the_status_of_the_response_makes_no_difference() {
    in_time(async {
        let (_setup, server, cookie) = serving_pages(Caching::Private).await;
        for status in [101, 204, 206, 301, 302, 304, 400, 404, 410, 500, 501] {
            let reply = server.get_as(&cookie, &format!("/status/{status}")).await;
            assert_eq!(reply.status, status);
            assert_caching(&reply, &["max-age=60, private"], &["Cookie"]);
        }
    })
    .await;
}

#[tokio::test]
async fn no_other_header_lets_a_shared_cache_store_the_page() {
    in_time(async {
        let (_setup, server, _) = serving_pages(Caching::Private).await;
        let reply = server.get("/two_lines").await;
        assert_caching(&reply, &["max-age=60, private"], &["Cookie"]);
        for name in [
            "cdn-cache-control",
            "cloudflare-cdn-cache-control",
            "x-accel-expires",
            "edge-control",
        ] {
            assert_eq!(reply.headers(name), [""; 0], "{name}");
        }
        // This one is for the browser.
        assert_eq!(reply.headers("expires").len(), 1);
        // A value that is not text is replaced.
        assert_private(&server.get("/not_ascii").await);
    })
    .await;
}

#[tokio::test]
async fn an_application_can_set_these_headers_itself() {
    in_time(async {
        let (setup, server, cookie) = serving_pages(Caching::Unchanged).await;
        let reply = server.get_as(&cookie, "/status/200").await;
        assert_caching(&reply, &["public, max-age=60"], &[]);
        assert_eq!(reply.headers("surrogate-control"), ["max-age=60"]);
        let own = server.get("/own_cookie").await;
        assert_caching(&own, &[], &[]);
        setup.watch.inject(Operation::Load, Fault::Fail);
        let reply = server.get_as(&cookie, "/status/200").await;
        reply.assert_failure(503);
    })
    .await;
}

/// `manager::caching` tests the pages of users who are signed in.
#[tokio::test]
async fn no_store_signed_in_lets_browsers_store_the_pages_of_guests() {
    in_time(async {
        let (_setup, server, cookie) = serving_pages(Caching::NoStoreSignedIn).await;
        let reply = server.get_as(&cookie, "/status/200").await;
        assert_caching(&reply, &["max-age=60, private"], &["Cookie"]);
    })
    .await;
}

/// The last `Set-Cookie` of a name, path and domain counts (RFC 6265bis, section 5.7), which is the session's.
#[tokio::test]
async fn the_session_cookie_follows_a_cookie_of_the_same_name_that_the_handler_sets() {
    in_time(async {
        let (setup, server, cookie) = serving_pages(Caching::Private).await;
        let reply = server.get("/own_cookie").await;
        let [own, session] = reply.headers("set-cookie")[..] else {
            panic!("two cookies: {reply:?}");
        };
        assert!(own.starts_with("id=the handler's"), "{own}");
        let session = session.split(';').next().unwrap();
        let state = setup.start().get_as(session, "/").await.state();
        assert_eq!(state, json!({"a": 2}));
        // If the session has no cookie to send, the handler's cookie is the only one.
        let reply = server.get_as(&cookie, "/own_cookie").await;
        assert_eq!(reply.headers("set-cookie").len(), 1);
    })
    .await;
}

/// The headers are added to the response of an inner middleware's error.
#[tokio::test]
async fn the_cache_control_of_an_error_is_kept_as_far_as_it_is_private() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        for (of_error, expected) in [
            ("no-store", "no-store"),
            ("public, max-age=60", "max-age=60, private"),
        ] {
            let server = Server::start(setup.builder().build(), move |config| {
                let scope = web::scope("").default_service(web::to(HttpResponse::Ok));
                config.service(scope.wrap_fn(move |request, _| {
                    let _ = request.get_session().contains_key("user");
                    let response = HttpResponse::Forbidden()
                        .insert_header((header::CACHE_CONTROL, of_error))
                        .finish();
                    let error = InternalError::from_response("refused", response);
                    async { Err::<ServiceResponse, _>(error.into()) }
                }));
            });
            let reply = server.get("/").await;
            assert_eq!(reply.status, 403);
            assert_caching(&reply, &[expected], &["Cookie"]);
        }
    })
    .await;
}
