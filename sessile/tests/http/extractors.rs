//! All code of one request gets the same session.

use actix_web::{
    HttpRequest, HttpResponse,
    dev::Service as _,
    guard::GuardContext,
    http::header::{HeaderName, HeaderValue},
    web,
};
use serde_json::json;
use sessile::{CookieContentSecurity::Private, Session, SessionExt, SessionStatus};

use crate::{
    client::Server,
    script::{self, Props},
    setup::{InCookie, Memory, Setup},
    watched::Operation::{Create, Load, Update},
};

/// Appends `place` to the list in the session of the places that used it.
fn look(session: &Session, place: &str) {
    let mut places: Vec<String> = session.get("places").unwrap().unwrap_or_default();
    places.push(place.to_owned());
    session.insert("places", places).unwrap();
}

fn looked_from_a_guard(context: &GuardContext<'_>) -> bool {
    look(&context.get_session(), "GuardContext");
    true
}

async fn handler(session: Session, request: HttpRequest) -> HttpResponse {
    look(&session, "extractor");
    look(&request.get_session(), "HttpRequest");
    HttpResponse::Ok().json(session.entries())
}

#[tokio::test]
async fn all_ways_to_get_the_session_return_the_same_one() {
    let setup = Setup::<Memory>::new(Private).await;
    let server = Server::start(setup.builder().build(), |config| {
        let route = web::get().guard(looked_from_a_guard).to(handler);
        let scope = web::scope("")
            .route("/", route)
            .wrap_fn(|request, service| {
                look(&request.get_session(), "ServiceRequest");
                let response = service.call(request);
                async {
                    let response = response.await?;
                    look(&response.get_session(), "ServiceResponse");
                    Ok(response)
                }
            });
        config.service(scope);
    });
    let reply = server.get("/").await;
    let so_far = ["ServiceRequest", "GuardContext", "extractor", "HttpRequest"];
    assert_eq!(reply.state(), json!({ "places": so_far }));
    assert_eq!(setup.watch.seen(), [Create]);
    let all = [&so_far[..], &["ServiceResponse"]].concat();
    let stored = setup.start().get_as(&reply.cookie(), "/").await;
    assert_eq!(stored.state(), json!({ "places": all }));
}

#[tokio::test]
async fn guards_see_the_stored_session() {
    let setup = Setup::<Memory>::new(Private).await;
    let server = Server::start(setup.builder().build(), |config| {
        let signed_in = |context: &GuardContext<'_>| context.get_session().contains_key("user");
        let login = |session: Session| async move {
            session.insert("user", "ferris")?;
            Ok::<_, actix_web::Error>("welcome")
        };
        config
            .route("/", web::get().guard(signed_in).to(async || "secret"))
            .default_service(web::to(login));
    });
    let login = server.get("/").await;
    assert_eq!(login.body, "welcome");
    assert_eq!(server.get_as(&login.cookie(), "/").await.body, "secret");
}

#[tokio::test]
async fn outer_middleware_sees_the_changes_of_the_handler() {
    let setup = Setup::<Memory>::new(Private).await;
    let inner = setup.builder().build();
    let server = Server::start_bare(move |config| {
        let scope = web::scope("")
            .default_service(web::to(|session: Session| async move {
                session.insert("a", 1)?;
                Ok::<_, actix_web::Error>("")
            }))
            .wrap(inner.clone())
            .wrap_fn(|request, service| {
                let response = service.call(request);
                async {
                    let mut response = response.await?;
                    let session = response.get_session();
                    assert_eq!(session.status(), SessionStatus::Changed);
                    assert!(session.insert("late", 1).is_err());
                    let seen: i32 = session.get("a")?.unwrap_or_default();
                    let name = HeaderName::from_static("x-seen");
                    response.headers_mut().insert(name, HeaderValue::from(seen));
                    Ok(response)
                }
            });
        config.service(scope);
    });
    let reply = server.get("/").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.headers("x-seen"), ["1"]);
}

/// Outer middleware gets the session before it is opened.
#[tokio::test]
async fn a_restart_by_outer_middleware_ends_the_session() {
    for purges_first in [false, true] {
        let setup = Setup::<Memory>::new(Private).await;
        let with_session = setup.start();
        let cookie = with_session.get("/set:user:ferris").await.cookie();
        let inner = setup.builder().build();
        let server = Server::start_bare(move |config| {
            let scope = web::scope("")
                .default_service(web::to(|session: Session| async move {
                    HttpResponse::Ok().json(session.entries())
                }))
                .wrap(inner.clone())
                .wrap_fn(move |request, service| {
                    let session = request.get_session();
                    session.insert("lost", 1).unwrap();
                    if purges_first {
                        session.purge();
                    }
                    session.restart().unwrap();
                    session.insert("message", "Goodbye!").unwrap();
                    service.call(request)
                });
            config.service(scope);
        });
        let reply = server.post_as(&cookie, "/").await;
        let goodbye = json!({"message": "Goodbye!"});
        assert_eq!(reply.state(), goodbye);
        let of = async |cookie: &str| with_session.get_as(cookie, "/").await.state();
        assert_eq!(of(&reply.cookie()).await, goodbye);
        assert_eq!(of(&cookie).await, json!({}));
    }
}

#[tokio::test]
async fn without_a_middleware_the_session_is_empty_and_not_stored() {
    let setup = Setup::<Memory>::new(Private).await;
    let with_session = setup.start();
    let cookie = with_session.get("/set:a:1").await.cookie();
    setup.watch.seen();
    let bare = Server::start_bare(|config| {
        config.default_service(web::to(
            |session: Session, request: HttpRequest| async move {
                let before = session.entries();
                session.insert("b", 2)?;
                // The request still shares it.
                assert_eq!(request.get_session().get("b")?, Some(2));
                assert!(session.save().await.is_err());
                session.renew();
                Ok::<_, actix_web::Error>(HttpResponse::Ok().json(before))
            },
        ));
    });
    for _ in 0..2 {
        let reply = bare.get_as(&cookie, "/").await;
        assert_eq!(reply.state(), json!({}));
        reply.assert_sets_no_cookie();
    }
    assert_eq!(setup.watch.seen(), []);
    assert_eq!(
        with_session.get_as(&cookie, "/").await.state(),
        json!({"a": 1})
    );
}

#[tokio::test]
async fn code_sees_the_session_of_the_innermost_middleware() {
    let outer = Setup::<Memory>::new(Private).await;
    let inner = Setup::<InCookie>::new(Private).await;
    let nested = inner.builder().cookie_name("inner".to_owned()).build();
    let (handles, _) = tokio::sync::mpsc::unbounded_channel();
    let props = Props {
        meeting: tokio::sync::Barrier::new(1).into(),
        handles,
    };
    let server = Server::start(outer.builder().build(), move |config| {
        let scope = web::scope("/in")
            .configure(script::configure(props.clone()))
            .wrap(nested.clone());
        config
            .service(scope)
            .configure(script::configure(props.clone()));
    });

    // The path of the scope is one of the steps.
    let outside = server.get("/set:a:1").await.cookie();
    assert!(outside.starts_with("id="));
    assert_eq!(outer.watch.seen(), [Create]);
    let inside = server.get_as(&outside, "/in/set:b:2").await;
    assert_eq!(inside.state(), json!({"b": 2}));
    let inside = inside.cookie();
    assert!(inside.starts_with("inner="));
    assert_eq!(outer.watch.seen(), [Load]);

    let both = format!("{outside}; {inside}");
    assert_eq!(server.get_as(&both, "/").await.state(), json!({"a": 1}));
    assert_eq!(server.get_as(&both, "/in").await.state(), json!({"b": 2}));
    outer.watch.seen();
    let purged = server.get_as(&both, "/in/purge").await;
    purged.assert_removes_cookie();
    assert_eq!(purged.set_cookie().name(), "inner");
    assert_eq!(
        server.get_as(&both, "/set:a:2").await.state(),
        json!({"a": 2})
    );
    assert_eq!(outer.watch.seen(), [Load, Load, Update]);
}

/// As with actix-session, an application can implement the trait, and use it as an object.
#[actix_web::test]
async fn an_application_can_implement_the_trait() {
    struct Context(HttpRequest);

    impl SessionExt for Context {
        fn get_session(&self) -> Session {
            self.0.get_session()
        }
    }

    let context = Context(actix_web::test::TestRequest::default().to_http_request());
    let object: &dyn SessionExt = &context;
    object.get_session().insert("n", 1).unwrap();
    assert_eq!(context.get_session().get("n").unwrap(), Some(1));
    assert!(context.get_session_of::<()>().is_none());
}
