//! Two session middlewares in one request, of which the inner one returns an error, or is dropped.

use std::{pin::pin, time::Duration};

use actix_web::{
    App, Error, HttpResponse,
    body::BoxBody,
    cookie::Key,
    dev::{ServiceRequest, ServiceResponse},
    error::ErrorImATeapot,
    middleware::{Next, from_fn},
    test::{TestRequest, call_service, init_service, read_body_json},
    web,
};
use serde_json::{Value, json};
use sessile::{SessionExt as _, SessionMiddleware, storage::MemorySessionStore};
use tokio::time::timeout;

/// Code inside of the inner middleware, which sets a value and fails.
async fn fails(
    request: ServiceRequest,
    _: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request.get_session().insert("inside", 1)?;
    Err(ErrorImATeapot("failed"))
}

/// Code inside of the inner middleware, which sets a value and never answers.
async fn hangs(
    request: ServiceRequest,
    _: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    request.get_session().insert("inside", 1)?;
    std::future::pending().await
}

/// Code between the middlewares, which keeps the request and shows its session after the inner one has ended.
async fn between(
    request: ServiceRequest,
    next: Next<BoxBody>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let kept = request.request().clone();
    kept.get_session().insert("before", 1)?;
    {
        let inner = pin!(next.call(request));
        let ended = timeout(Duration::ZERO, inner).await;
        assert!(ended.is_err() || ended.unwrap().is_err());
    }
    kept.get_session().insert("after", 1)?;
    let entries = kept.get_session().entries();
    let response = HttpResponse::Ok().json(entries);
    Ok(ServiceResponse::new(kept, response))
}

fn middleware(cookie: &str) -> SessionMiddleware<MemorySessionStore> {
    SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
        .cookie_name(cookie.to_owned())
        .build()
}

/// What code between the middlewares sees afterwards. The innermost middleware comes first.
macro_rules! shown_between {
    ($inside:expr, $inner:expr, $($outer:expr),+) => {{
        let resource = web::resource("/")
            .to(HttpResponse::Ok)
            .wrap(from_fn($inside))
            .wrap($inner)
            .wrap(from_fn(between));
        let app = init_service(App::new().service(resource$(.wrap($outer))+)).await;
        let response = call_service(&app, TestRequest::post().to_request()).await;
        assert!(response.headers().contains_key("set-cookie"));
        read_body_json::<Value, _>(response).await
    }};
}

#[actix_web::test]
async fn code_between_sees_its_own_session_after_an_error_of_the_inner_middleware() {
    let shown = shown_between!(fails, middleware("inner"), middleware("outer"));
    assert_eq!(shown, json!({"before": 1, "after": 1}));
}

#[actix_web::test]
async fn code_between_sees_its_own_session_after_it_dropped_the_inner_middleware() {
    let shown = shown_between!(hangs, middleware("inner"), middleware("outer"));
    assert_eq!(shown, json!({"before": 1, "after": 1}));
}

/// The inner middleware uses the session of the outermost one, which the one in the middle has replaced.
#[actix_web::test]
async fn code_between_sees_its_own_session_after_an_error_behind_the_outermost_session() {
    let outermost = middleware("outer");
    let shown = shown_between!(
        fails,
        outermost.clone(),
        middleware("middle"),
        outermost.clone()
    );
    assert_eq!(shown, json!({"before": 1, "after": 1}));
    let shown = shown_between!(
        hangs,
        outermost.clone(),
        middleware("middle"),
        outermost.clone()
    );
    assert_eq!(shown, json!({"before": 1, "after": 1}));
}
