//! Several session middlewares in one request, and code outside of all of them.

use actix_web::{
    App, Error, HttpResponse,
    body::{BoxBody, MessageBody},
    cookie::Key,
    dev::{Service as _, ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    test::{TestRequest, call_service, init_service},
    web::{self, ServiceConfig},
};
use serde_json::json;
use sessile::{
    CookieContentSecurity::Private,
    Session, SessionExt as _, SessionMiddleware,
    config::Loading,
    storage::{CookieSessionStore, MemorySessionStore, SessionStore},
};

use crate::{
    client::Server,
    log::Log,
    setup::{InCookie, Kind, Memory, Setup, Sqlite, in_time},
    watched::{
        Fault::Fail,
        Operation::{Create, Load, Update},
    },
};

/// Middleware that increments a value of this name before and after the inner service.
async fn count(
    name: &'static str,
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    request.get_session().update_or(name, 1, |n: u32| n + 1)?;
    let response = next.call(request).await?;
    response.get_session().update_or(name, 1, |n: u32| n + 1)?;
    Ok(response)
}

async fn handler(session: Session) -> actix_web::Result<HttpResponse> {
    session.update_or("handler", 1, |n: u32| n + 1)?;
    Ok(HttpResponse::Ok().json(session.entries()))
}

/// An application with `outer`, counting middleware, `inner` and a counting handler, from the outside in.
fn nested<A, B>(outer: SessionMiddleware<A>, inner: SessionMiddleware<B>) -> Server
where
    A: SessionStore,
    B: SessionStore,
{
    Server::start(outer, move |config| {
        let scope = web::scope("")
            .default_service(web::to(handler))
            .wrap(inner.clone())
            .wrap(from_fn(|request, next| count("between", request, next)));
        config.service(scope);
    })
}

async fn inner_instance_uses_outer_session<K: Kind>(loading: Loading) {
    let setup = Setup::<K>::new(Private).await;
    let shared = setup.builder().loading(loading).build();
    // A clone of the middleware, and another instance on a clone of the store.
    let another = setup.builder().loading(loading).build();
    for inner in [shared.clone(), another] {
        let server = nested(shared.clone(), inner);
        let reply = server.post("/").await;
        assert_eq!(reply.state(), json!({"between": 1, "handler": 1}));
        setup.assert_asked(&[Create]);
        let cookie = reply.cookie();
        let reply = server.post_as(&cookie, "/").await;
        assert_eq!(reply.state(), json!({"between": 3, "handler": 2}));
        setup.assert_asked(&[Load, Update]);
        let cookie = reply.cookie_or(&cookie);
        let stored = setup.start().get_as(&cookie, "/").await.state();
        assert_eq!(stored, json!({"between": 4, "handler": 2}));
        setup.watch.seen();
    }
}

#[tokio::test]
async fn an_inner_instance_for_the_same_cookie_uses_the_outer_session() {
    in_time(async {
        inner_instance_uses_outer_session::<Memory>(Loading::Eager).await;
        inner_instance_uses_outer_session::<Sqlite>(Loading::Eager).await;
        inner_instance_uses_outer_session::<InCookie>(Loading::Eager).await;
    })
    .await;
}

/// A renewal or purge in the handler is one of the outer session, and the response sets one cookie.
#[tokio::test]
async fn an_inner_instance_sends_no_cookie_of_its_own() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let middleware = setup.builder().build();
        let inner = middleware.clone();
        let server = Server::start(middleware, move |config: &mut ServiceConfig| {
            let renew = async |session: Session| {
                session.renew();
                ""
            };
            let purge = async |session: Session| {
                session.purge();
                ""
            };
            let scope = web::scope("")
                .route("/renew", web::post().to(renew))
                .route("/purge", web::post().to(purge))
                .wrap(inner.clone());
            config.service(scope);
        });
        let cookie = setup.start().get("/set:a:1").await.cookie();
        let renewed = server.post_as(&cookie, "/renew").await.cookie();
        assert_ne!(renewed, cookie);
        let purged = server.post_as(&renewed, "/purge").await;
        purged.assert_removes_cookie();
        let state = setup.start().get_as(&renewed, "/").await.state();
        assert_eq!(state, json!({}));
    })
    .await;
}

#[tokio::test]
async fn code_between_two_different_middlewares_sees_its_own_session_before_and_after() {
    in_time(async {
        let outer = Setup::<Memory>::new(Private).await;
        let inner = Setup::<InCookie>::new(Private).await;
        let named = inner.builder().cookie_name("inner".to_owned());
        let server = nested(outer.builder().build(), named.build());
        let reply = server.post("/").await;
        assert_eq!(reply.state(), json!({"handler": 1}));
        let cookies: Vec<_> = reply.headers("set-cookie");
        let cookie_of = |name: &str| {
            let cookie = cookies.iter().find(|it| it.starts_with(name)).unwrap();
            cookie.split(';').next().unwrap().to_owned()
        };
        assert_eq!(cookies.len(), 2);
        let stored = outer.start().get_as(&cookie_of("id="), "/").await.state();
        assert_eq!(stored, json!({"between": 2}));
        let named = inner.builder().cookie_name("inner".to_owned());
        let sealed = inner.start_with(named);
        let sealed = sealed.get_as(&cookie_of("inner="), "/").await.state();
        assert_eq!(sealed, json!({"handler": 1}));
    })
    .await;
}

/// A middleware, another one inside of it, and the first one again.
#[tokio::test]
async fn an_instance_for_the_same_cookie_finds_the_session_behind_another_one() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let other = Setup::<Memory>::new(Private).await;
        let outer = setup.builder().build();
        let inner = outer.clone();
        let middle = other.builder().cookie_name("other".to_owned()).build();
        let server = Server::start(outer, move |config| {
            let innermost = web::resource("/")
                .to(handler)
                .wrap(from_fn(|request, next| count("inside", request, next)))
                .wrap(inner.clone());
            let scope = web::scope("")
                .service(innermost)
                .wrap(from_fn(|request, next| count("middle", request, next)))
                .wrap(middle.clone())
                .wrap(from_fn(|request, next| count("outside", request, next)));
            config.service(scope);
        });
        let reply = server.post("/").await;
        assert_eq!(
            reply.state(),
            json!({"outside": 1, "inside": 1, "handler": 1})
        );
        setup.assert_asked(&[Create]);
        let cookies = reply.headers("set-cookie");
        let [of_middle, of_outer] = cookies[..] else {
            panic!("two cookies: {cookies:?}");
        };
        let pair = |cookie: &str| cookie.split(';').next().unwrap().to_owned();
        let stored = setup.start().get_as(&pair(of_outer), "/").await.state();
        assert_eq!(stored, json!({"outside": 2, "inside": 2, "handler": 1}));
        let named = other.builder().cookie_name("other".to_owned());
        let stored = other.start_with(named).get_as(&pair(of_middle), "/").await;
        assert_eq!(stored.state(), json!({"middle": 2}));
    })
    .await;
}

/// Otherwise, the client would believe that the user is signed out.
#[tokio::test]
async fn a_handle_of_a_session_that_could_not_be_opened_takes_no_changes() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let cookie = setup.start().get("/set:a:1").await.cookie();
        let inner = setup.builder().build();
        let server = Server::start_bare(move |config| {
            let resource = web::resource("/").to(handler).wrap(inner.clone());
            config.service(resource.wrap(from_fn(
                |request: ServiceRequest, next: Next<BoxBody>| async move {
                    let (kept, session) = (request.request().clone(), request.get_session());
                    let failed = next.call(request).await.is_err();
                    let body = format!("{failed} {}", session.try_purge().is_err());
                    Ok::<_, Error>(ServiceResponse::new(kept, HttpResponse::Ok().body(body)))
                },
            )));
        });
        setup.watch.inject(Load, Fail);
        assert_eq!(server.post_as(&cookie, "/").await.body, "true true");
    })
    .await;
}

/// The handler in the inner middleware fails, and code between the middlewares handles the response.
#[tokio::test]
async fn code_between_sees_its_own_session_after_the_inner_one_failed() {
    in_time(async {
        let outer = Setup::<Memory>::new(Private).await;
        let inner = Setup::<Memory>::new(Private).await;
        let named = inner.builder().cookie_name("inner".to_owned());
        let named = named.max_state_bytes(4).build();
        let server = nested(outer.builder().build(), named);
        let reply = server.post("/").await;
        assert_eq!(reply.status, 500);
        let cookie = reply.cookie();
        let stored = outer.start().get_as(&cookie, "/").await.state();
        assert_eq!(stored, json!({"between": 2}));
    })
    .await;
}

/// Outer middleware that takes the handle before the session is opened, as actix-identity does if it is registered in
/// the order that actix-session allowed.
async fn outer(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let session = request.get_session();
    session.insert("outer", 1)?;
    session.update_or("a", 10, |n: u32| n + 1)?;
    let response = next.call(request).await?;
    // The handle is of the request's session, which was committed with the response.
    assert_eq!(session.get("handler")?, Some(1));
    assert_eq!(response.get_session().id(), session.id());
    assert!(session.insert("late", 1).is_err());
    Ok(response)
}

async fn early_handle_becomes_the_session<K: Kind>(loading: Loading) {
    let setup = Setup::<K>::new(Private).await;
    let inner = setup.builder().loading(loading).build();
    let server = Server::start_bare(move |config| {
        let scope = web::scope("")
            .default_service(web::to(handler))
            .wrap(inner.clone())
            .wrap(from_fn(outer));
        config.service(scope);
    });
    let fresh = server.post("/").await;
    let first = json!({"a": 10, "outer": 1, "handler": 1});
    assert_eq!(fresh.state(), first);
    let scripts = setup.start();
    assert_eq!(scripts.get_as(&fresh.cookie(), "/").await.state(), first);

    let cookie = scripts.get("/set:a:1/set:b:2").await.cookie();
    setup.watch.seen();
    let reply = server.post_as(&cookie, "/").await;
    let merged = json!({"a": 2, "b": 2, "outer": 1, "handler": 1});
    assert_eq!(reply.state(), merged);
    setup.assert_asked(&[Load, Update]);
    let cookie = reply.cookie_or(&cookie);
    assert_eq!(scripts.get_as(&cookie, "/").await.state(), merged);
}

#[tokio::test]
async fn a_handle_that_outer_middleware_took_becomes_the_session() {
    in_time(async {
        for loading in [Loading::Eager, Loading::Lazy] {
            early_handle_becomes_the_session::<Memory>(loading).await;
            early_handle_becomes_the_session::<InCookie>(loading).await;
        }
        early_handle_becomes_the_session::<Sqlite>(Loading::Eager).await;
    })
    .await;
}

type Change = fn(&Session);

/// Serves a page that shows the session. Outer middleware first makes `change` to the session.
fn with_early(setup: &Setup<Memory>, loading: Loading, change: Change) -> Server {
    let inner = setup
        .builder()
        .loading(loading)
        .max_state_bytes(100)
        .build();
    Server::start_bare(move |config| {
        let scope = web::scope("")
            .default_service(web::to(|session: Session| async move {
                HttpResponse::Ok().json(session.entries())
            }))
            .wrap(inner.clone())
            .wrap_fn(move |request, service| {
                change(&request.get_session());
                service.call(request)
            });
        config.service(scope);
    })
}

#[tokio::test]
async fn changes_from_before_the_session_was_opened_are_applied_to_it() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let scripts = setup.start();
        let nothing: Change = |session| assert_eq!(session.get::<u32>("a").unwrap(), None);
        let changes: [(Change, serde_json::Value); 5] = [
            (nothing, json!({"a": 1})),
            (Session::clear, json!({})),
            (Session::purge, json!({})),
            (Session::renew, json!({"a": 1})),
            (
                |session| {
                    session.insert("b", 2).unwrap();
                    session.remove("b");
                },
                json!({"a": 1}),
            ),
        ];
        for loading in [Loading::Eager, Loading::Lazy] {
            for (change, left) in &changes {
                let cookie = scripts.get("/set:a:1").await.cookie();
                let server = with_early(&setup, loading, *change);
                let reply = server.post_as(&cookie, "/").await;
                assert_eq!(reply.state(), *left);
                let after = reply.cookie_or(&cookie);
                assert_eq!(scripts.get_as(&after, "/").await.state(), *left);
            }
        }
    })
    .await;
}

/// A change that does not fit is an error: it must not be lost silently.
#[tokio::test]
async fn a_change_that_cannot_be_applied_to_the_opened_session_fails_the_request() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let scripts = setup.start();
        let changes: [Change; 3] = [
            // The stored value is a string.
            |session| session.update_or("a", 1, |n: u32| n + 1).unwrap(),
            |session| {
                session
                    .update_or("a", "1".to_owned(), |_| panic!("a bug"))
                    .unwrap()
            },
            // Without the stored values, the state would be small enough.
            |session| session.insert("b", "x".repeat(90)).unwrap(),
        ];
        for change in changes {
            let cookie = scripts.get("/set:a:text/fill:c:20").await.cookie();
            let server = with_early(&setup, Loading::Eager, change);
            server.post_as(&cookie, "/").await.assert_failure(500);
            let kept = json!({"a": "text", "c": "x".repeat(20)});
            assert_eq!(scripts.get_as(&cookie, "/").await.state(), kept);
        }
    })
    .await;
}

#[tokio::test]
async fn a_store_that_fails_while_an_early_session_is_opened_fails_the_request() {
    in_time(async {
        let setup = Setup::<Memory>::new(Private).await;
        let cookie = setup.start().get("/set:a:1").await.cookie();
        let server = with_early(&setup, Loading::Eager, |session| {
            session.insert("b", 1).unwrap()
        });
        setup.watch.inject(Load, Fail);
        server.post_as(&cookie, "/").await.assert_failure(503);
    })
    .await;
}

/// Outer code takes the session after it has called the middleware, and before the middleware runs.
#[actix_web::test]
async fn a_handle_that_was_taken_after_the_call_becomes_the_session() {
    let sessions = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
    let resource = web::resource("/")
        .route(web::get().to(handler))
        .wrap(sessions)
        .wrap_fn(|request, service| {
            let taken = request.request().clone();
            let calling = service.call(request);
            async move {
                taken.get_session().insert("early", 1).unwrap();
                drop(taken);
                calling.await
            }
        });
    let app = init_service(App::new().service(resource)).await;
    let response = call_service(&app, TestRequest::default().to_request()).await;
    let entries: serde_json::Value = actix_web::test::read_body_json(response).await;
    assert_eq!(entries, json!({"early": 1, "handler": 1}));
}

#[actix_web::test]
async fn a_change_without_a_session_middleware_logs_one_warning() {
    let log = Log::of_warnings();
    let changes: [Change; 7] = [
        |session| session.insert("a", 1).unwrap(),
        |session| session.update_or("a", 1, |n: u32| n).unwrap(),
        |session| drop(session.remove("a")),
        Session::clear,
        Session::renew,
        Session::purge,
        |session| session.restart().unwrap(),
    ];
    for change in changes {
        let handler = move |session: Session| async move {
            assert_eq!(session.get::<u32>("a").unwrap(), None);
            change(&session);
            let _ = session.insert("b", 1);
            HttpResponse::Ok().finish()
        };
        let app = App::new().default_service(web::to(handler));
        let app = init_service(app).await;
        call_service(&app, TestRequest::post().to_request()).await;
        let lines = log.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("no session middleware"), "{lines:?}");
    }
}

#[actix_web::test]
async fn sessions_that_are_only_read_or_have_a_middleware_log_no_warning() {
    let log = Log::of_warnings();
    let read = web::to(|session: Session| async move {
        assert!(session.entries().is_empty());
        HttpResponse::Ok().finish()
    });
    let app = init_service(App::new().default_service(read)).await;
    call_service(&app, TestRequest::post().to_request()).await;

    let middleware = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
    let app = App::new()
        .wrap(middleware)
        .default_service(web::to(handler));
    let app = init_service(app).await;
    let response = call_service(&app, TestRequest::post().to_request()).await;
    assert!(response.headers().contains_key("set-cookie"));
    assert_eq!(log.lines(), [""; 0]);
}

#[actix_web::test]
async fn two_middlewares_with_one_cookie_and_different_stores_log_one_warning() {
    let log = Log::of_warnings();
    let key = Key::generate();
    let outer = SessionMiddleware::new(MemorySessionStore::default(), key.clone());
    let inner = SessionMiddleware::new(CookieSessionStore::default(), key);
    let other_key = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
    let scope = web::scope("/other").default_service(web::to(handler));
    let marked = SessionMiddleware::builder(MemorySessionStore::default(), Key::generate());
    let marked = marked.marker::<u8>().build();
    let marked_scope = web::scope("/marked").default_service(web::to(handler));
    let app = App::new()
        .service(scope.wrap(other_key))
        .service(marked_scope.wrap(marked))
        .service(web::scope("").default_service(web::to(handler)).wrap(inner))
        .wrap(outer);
    let app = init_service(app).await;
    for path in ["/other", "/marked", "/"] {
        for _ in 0..2 {
            let request = TestRequest::post().uri(path).to_request();
            let response = call_service(&app, request).await;
            assert_eq!(response.status(), 200);
        }
        let lines = log.lines();
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].contains("different stores"), "{lines:?}");
    }
}
