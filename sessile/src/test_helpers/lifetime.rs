//! What extends the life of a session.

use actix_web::{
    App, HttpResponse,
    cookie::{Cookie, time::Duration},
    dev::{Service, ServiceResponse},
    test::{TestRequest, call_service, init_service},
    web,
};

use super::{key, only};
use crate::{
    CookieContentSecurity, Session, SessionMiddleware,
    config::{PersistentSession, TtlExtensionPolicy},
    storage::SessionStore,
};

const TTL: Duration = Duration::seconds(60);

async fn change(session: Session) -> actix_web::Result<HttpResponse> {
    session.update_or("counter", 1, |n: i32| n + 1)?;
    Ok(HttpResponse::Ok().finish())
}

async fn read(session: Session) -> actix_web::Result<HttpResponse> {
    session.get::<i32>("counter")?.expect("the session is live");
    Ok(HttpResponse::Ok().finish())
}

async fn app(
    store: impl SessionStore,
    security: CookieContentSecurity,
    policy: TtlExtensionPolicy,
) -> impl Service<actix_http::Request, Response = ServiceResponse, Error = actix_web::Error> {
    let middleware = SessionMiddleware::builder(store, key())
        .cookie_content_security(security)
        .session_lifecycle(
            PersistentSession::default()
                .session_ttl(TTL)
                .session_ttl_extension_policy(policy),
        )
        .build();
    init_service(
        App::new()
            .wrap(middleware)
            .route("/change", web::to(change))
            .route("/read", web::to(read)),
    )
    .await
}

/// The cookie that the response to `path` sets, if it does.
async fn get(
    app: &impl Service<actix_http::Request, Response = ServiceResponse, Error = actix_web::Error>,
    path: &str,
    cookie: Option<Cookie<'static>>,
) -> Option<Cookie<'static>> {
    let mut request = TestRequest::get().uri(path);
    if let Some(cookie) = cookie {
        request = request.cookie(cookie);
    }
    let response = call_service(app, request.to_request()).await;
    assert!(response.status().is_success());
    only("id", response.response().cookies()).map(Cookie::into_owned)
}

pub(super) async fn extended_on_changes(store: impl SessionStore, security: CookieContentSecurity) {
    let app = app(store, security, TtlExtensionPolicy::OnStateChanges).await;

    let first = get(&app, "/change", None).await.expect("a session cookie");
    assert_eq!(first.max_age(), Some(TTL));
    assert_eq!(get(&app, "/read", Some(first.clone())).await, None);
    let again = get(&app, "/change", Some(first)).await;
    assert_eq!(again.expect("a session cookie").max_age(), Some(TTL));
}

pub(super) async fn extended_on_every_request(
    store: impl SessionStore,
    security: CookieContentSecurity,
) {
    let app = app(store, security, TtlExtensionPolicy::OnEveryRequest).await;

    let first = get(&app, "/change", None).await.expect("a session cookie");
    assert_eq!(first.max_age(), Some(TTL));
    let read = get(&app, "/read", Some(first)).await;
    assert_eq!(read.expect("the cookie again").max_age(), Some(TTL));
}
