//! The extractors for signed-in users.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{
    HttpResponse,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::StatusCode,
    middleware::{Next, from_fn},
    web,
};
use sessile::{
    CookieContentSecurity::Private,
    SessionExt as _,
    config::{Loading::Lazy, StoreFailurePolicy},
    error::AuthenticationError,
    extract::{RecentlyAuthenticated, SignedIn},
};

use crate::{
    client::{Reply, Server},
    script::{self, Props},
    setup::{Builder, Memory, Setup, in_time, pass},
    watched::{
        Fault::Fail,
        Operation::{Create, Load},
    },
};

async fn account(user: SignedIn) -> String {
    user.subject().to_owned()
}

async fn home(user: Option<SignedIn>) -> String {
    user.map_or("guest".to_owned(), |user| user.subject().to_owned())
}

async fn sensitive(RecentlyAuthenticated(user): RecentlyAuthenticated) -> String {
    user.subject().to_owned()
}

/// Serves pages with extractors, and scripts.
fn serve(setup: &Setup<Memory>, change: impl FnOnce(Builder<Memory>) -> Builder<Memory>) -> Server {
    let script = script::configure(Props {
        meeting: setup.meeting.clone(),
        handles: tokio::sync::mpsc::unbounded_channel().0,
    });
    Server::start(change(setup.builder()).build(), move |config| {
        config
            .route("/account", web::to(account))
            .route("/home", web::to(home))
            .route("/sensitive", web::to(sensitive))
            .configure(&script);
    })
}

/// The header of a 401 for a guest.
const CHALLENGE: &str = r#"Cookie realm="session""#;

/// Checks the opaque response to a request whose user is not authenticated.
#[track_caller]
fn assert_unauthenticated(reply: &Reply, challenge: &str) {
    reply.assert_failure(401);
    assert_eq!(reply.headers("www-authenticate"), [challenge]);
    assert_eq!(reply.headers("vary"), ["Cookie"]);
}

#[track_caller]
fn assert_page(reply: &Reply, body: &str) {
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (200, body),
        "{reply:?}"
    );
}

#[tokio::test]
async fn a_page_for_users_is_not_served_to_guests() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = serve(&setup, |builder| builder);
        for method in ["GET", "POST"] {
            let reply = server.send(method, "/account", &[]).await;
            assert_unauthenticated(&reply, CHALLENGE);
        }
        let guest = server.post("/set:a:1").await.cookie();
        assert_unauthenticated(&server.get_as(&guest, "/account").await, CHALLENGE);
        let user = server.post_as(&guest, "/sign_in:ferris").await.cookie();
        assert_page(&server.get_as(&user, "/account").await, "ferris");

        server
            .post_as(&user, "/purge")
            .await
            .assert_removes_cookie();
        assert_unauthenticated(&server.get_as(&user, "/account").await, CHALLENGE);
    })
    .await;
}

#[tokio::test]
async fn an_optional_user_is_for_pages_that_guests_see_as_well() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = serve(&setup, |builder| builder);
        assert_page(&server.get("/home").await, "guest");
        let user = server.post("/sign_in:ferris").await.cookie();
        let reply = server.get_as(&user, "/home").await;
        assert_page(&reply, "ferris");
        assert_eq!(reply.headers("cache-control"), ["private"]);
    })
    .await;
}

#[tokio::test]
async fn sensitive_pages_ask_for_a_recent_authentication() {
    in_time(async {
        for (setting, seconds) in [(None, 600), (Some(Duration::from_secs(60)), 60)] {
            let setup = Setup::<Memory>::new(Private).await;
            let server = serve(&setup, |builder| match setting {
                Some(max_age) => builder.recent_authentication(max_age),
                None => builder,
            });
            assert_unauthenticated(&server.get("/sensitive").await, CHALLENGE);
            let user = server.post("/sign_in:ferris").await.cookie();
            pass(&setup, seconds);
            assert_page(&server.get_as(&user, "/sensitive").await, "ferris");
            pass(&setup, 1);
            let challenge = format!(
                r#"Cookie realm="session", error="insufficient_user_authentication", max_age="{seconds}""#
            );
            let reply = server.get_as(&user, "/sensitive").await;
            assert_unauthenticated(&reply, &challenge);
            assert_page(&server.get_as(&user, "/account").await, "ferris");

            let renewed = server.post_as(&user, "/reauthenticate").await.cookie();
            assert_page(&server.get_as(&renewed, "/sensitive").await, "ferris");
        }
    })
    .await;
}

/// The page's requests that are in flight while the user signs in must not send the user to the login page.
#[tokio::test]
async fn a_request_with_the_cookie_from_before_the_sign_in_is_a_conflict() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = serve(&setup, |builder| {
            builder.on_unauthenticated(|_, _| HttpResponse::Found().finish())
        });
        let guest = server.post("/set:a:1").await.cookie();
        server.post_as(&guest, "/sign_in:ferris").await.cookie();
        for path in ["/account", "/sensitive"] {
            let reply = server.get_as(&guest, path).await;
            reply.assert_failure(409);
            assert_eq!(reply.headers("www-authenticate"), [""; 0]);
        }
        assert_page(&server.get_as(&guest, "/home").await, "guest");
        // After the grace period, the cookie names no session.
        pass(&setup, 60);
        assert_eq!(server.get_as(&guest, "/account").await.status, 302);
    })
    .await;
}

#[tokio::test]
async fn the_application_may_redirect_to_its_login_page() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = serve(&setup, |builder| {
            builder.on_unauthenticated(|request, error| {
                let page = match error {
                    AuthenticationError::NotSignedIn => "/login",
                    AuthenticationError::NotRecent { .. } => "/confirm",
                    _ => panic!("{error}"),
                };
                let to = format!("{page}?next={}", request.path());
                HttpResponse::SeeOther()
                    .insert_header(("location", to))
                    .insert_header(("cache-control", "public"))
                    .finish()
            })
        });
        let assert_redirect = |reply: &Reply, location| {
            assert_eq!(reply.status, 303, "{reply:?}");
            assert_eq!(reply.headers("location"), [location]);
            assert_eq!(reply.headers("www-authenticate"), [""; 0]);
            reply.assert_failure_headers();
        };
        let login = "/login?next=/account";
        assert_redirect(&server.get("/account").await, login);
        let user = server.post("/sign_in:ferris").await.cookie();
        pass(&setup, 601);
        let reply = server.get_as(&user, "/sensitive").await;
        assert_redirect(&reply, "/confirm?next=/sensitive");
        assert_page(&server.get("/home").await, "guest");
    })
    .await;
}

#[tokio::test]
async fn a_login_page_in_place_of_the_page_is_no_success() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        for (header, expected) in [(None, CHALLENGE), (Some("Bearer"), "Bearer")] {
            let server = serve(&setup, |builder| {
                builder.on_unauthenticated(move |_, _| {
                    let mut page = HttpResponse::Ok();
                    if let Some(challenge) = header {
                        page.insert_header(("www-authenticate", challenge));
                    }
                    page.body("Please sign in.")
                })
            });
            let reply = server.post("/account").await;
            assert_eq!((reply.status, &*reply.body), (401, "Please sign in."));
            assert_eq!(reply.headers("www-authenticate"), [expected]);
            reply.assert_failure_headers();
        }
    })
    .await;
}

/// Without its store, the application does not know whether the user is signed in.
#[tokio::test]
async fn a_page_for_users_fails_if_the_store_does() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = serve(&setup, |builder| {
            builder
                .on_store_failure(StoreFailurePolicy::ServeEmpty)
                .on_unauthenticated(|_, _| HttpResponse::Found().finish())
                .failure_page(|_, failure| {
                    let status = StatusCode::from_u16(failure.status()).unwrap();
                    HttpResponse::build(status).body("Please try again.")
                })
        });
        let user = server.post("/sign_in:ferris").await.cookie();
        setup.watch.inject(Load, Fail);
        let reply = server.get_as(&user, "/account").await;
        assert_eq!((reply.status, &*reply.body), (503, "Please try again."));
        reply.assert_failure_headers();
        assert_page(&server.get_as(&user, "/home").await, "guest");
    })
    .await;
}

#[tokio::test]
async fn the_extractors_load_lazy_sessions() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let server = serve(&setup, |builder| builder.loading(Lazy));
        let user = server.post("/sign_in:ferris").await.cookie();
        assert_eq!(setup.watch.seen(), [Create, Load]);
        assert_page(&server.get_as(&user, "/account").await, "ferris");
        assert_page(&server.get_as(&user, "/home").await, "ferris");
        assert_page(&server.get_as(&user, "/sensitive").await, "ferris");
        assert_eq!(setup.watch.seen(), [Load; 3]);
        assert_unauthenticated(&server.get("/account").await, CHALLENGE);
        assert_eq!(setup.watch.seen(), []);

        setup.watch.inject(Load, Fail);
        server.get_as(&user, "/account").await.assert_failure(503);
        assert_page(&server.get_as(&user, "/home").await, "guest");
    })
    .await;
}

#[tokio::test]
async fn without_a_session_middleware_no_user_is_signed_in() {
    in_time(async {
        let server = Server::start_bare(|config| {
            config.route("/account", web::to(account));
        });
        assert_unauthenticated(&server.get("/account").await, CHALLENGE);
    })
    .await;
}

#[tokio::test]
async fn the_login_page_is_rendered_only_where_it_is_the_response() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let rendered = Arc::new(AtomicUsize::new(0));
        let server = serve(&setup, |builder| {
            let rendered = Arc::clone(&rendered);
            builder.on_unauthenticated(move |request, _| {
                rendered.fetch_add(1, Ordering::SeqCst);
                let kept = request.get_session().insert("return_to", request.path());
                kept.unwrap();
                HttpResponse::Found().finish()
            })
        });
        // It takes `Option<SignedIn>`.
        let reply = server.get("/home").await;
        assert_page(&reply, "guest");
        reply.assert_sets_no_cookie();
        assert_eq!(rendered.load(Ordering::SeqCst), 0);
        assert_eq!(setup.watch.seen(), []);
        let reply = server.get("/account").await;
        assert_eq!(reply.status, 302);
        let reply = server.get_as(&reply.cookie(), "/").await;
        assert_eq!(reply.state()["return_to"], "/account");
        assert_eq!(rendered.load(Ordering::SeqCst), 1);
    })
    .await;
}

/// The router changes the request after that.
#[tokio::test]
async fn a_middleware_may_keep_the_error_while_it_calls_the_next_service() {
    async fn keep(
        user: Result<SignedIn, actix_web::Error>,
        request: ServiceRequest,
        next: Next<impl MessageBody>,
    ) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
        let response = next.call(request).await?;
        user.map(|_| response)
    }
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let builder = setup
            .builder()
            .on_unauthenticated(|_, _| HttpResponse::Found().finish());
        let server = Server::start(builder.build(), |config| {
            let home = web::get().to(home);
            config.service(web::scope("").route("/home", home).wrap(from_fn(keep)));
        });
        assert_eq!(server.get("/home").await.status, 302);
    })
    .await;
}
