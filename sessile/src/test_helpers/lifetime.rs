//! The requests that extend the life of a session.

use actix_web::{
    App, HttpResponse,
    cookie::{Cookie, time::Duration},
    dev::{Service, ServiceResponse},
    test::{TestRequest, init_service},
    web,
};

use super::{check::Check, key};
use crate::{
    CookieContentSecurity, Session, SessionMiddleware,
    config::{PersistentSession, TtlExtensionPolicy},
    storage::SessionStore,
};

const TTL: Duration = Duration::seconds(60);

const CHANGED: Check = Check::of(
    "a request that changes the session sets the cookie with the full `Max-Age`, each time",
);
const READ: Check =
    Check::of("under `OnStateChanges`, a request that does not change the session sets no cookie");
const TOUCHED: Check = Check::of(
    "under `OnEveryRequest`, a request that does not change the session sets the cookie with the full \
     `Max-Age`",
);

async fn change(session: Session) -> actix_web::Result<HttpResponse> {
    session.update_or("counter", 1, |n: i32| n + 1)?;
    Ok(HttpResponse::Ok().finish())
}

/// 404 if the session is not there.
async fn read(session: Session) -> actix_web::Result<HttpResponse> {
    Ok(match session.get::<i32>("counter")? {
        Some(_) => HttpResponse::Ok().finish(),
        None => HttpResponse::NotFound().finish(),
    })
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
            .route("/change", web::post().to(change))
            .route("/read", web::get().to(read)),
    )
    .await
}

/// The cookie that the response to this request sets, if it does.
async fn set_by(
    check: Check,
    app: &impl Service<actix_http::Request, Response = ServiceResponse, Error = actix_web::Error>,
    (by, request): (&str, TestRequest),
    cookie: Option<&Cookie<'static>>,
) -> Option<Cookie<'static>> {
    let request = match cookie {
        Some(cookie) => request.cookie(cookie.clone()),
        None => request,
    };
    let response = check.success(app, by, request.to_request()).await;
    let cookie = check.only(by, "id", response.response().cookies());
    cookie.map(Cookie::into_owned)
}

fn a_change() -> (&'static str, TestRequest) {
    ("`POST /change`", TestRequest::post().uri("/change"))
}

fn a_look() -> (&'static str, TestRequest) {
    ("`GET /read`", TestRequest::get().uri("/read"))
}

/// Changes the session; the cookie that this sets, which has the full `Max-Age`.
async fn changed(
    app: &impl Service<actix_http::Request, Response = ServiceResponse, Error = actix_web::Error>,
    cookie: Option<&Cookie<'static>>,
) -> Cookie<'static> {
    let set = set_by(CHANGED, app, a_change(), cookie).await;
    let set = CHANGED.wants_cookie("`POST /change`", set);
    CHANGED.wants_max_age("`POST /change`", &set, TTL);
    set
}

pub(super) async fn extended_on_changes(store: impl SessionStore, security: CookieContentSecurity) {
    let app = app(store, security, TtlExtensionPolicy::OnStateChanges).await;

    let first = changed(&app, None).await;
    let read = set_by(READ, &app, a_look(), Some(&first)).await;
    READ.wants_no_cookie("`GET /read`", read.as_ref());
    changed(&app, Some(&first)).await;
}

pub(super) async fn extended_on_every_request(
    store: impl SessionStore,
    security: CookieContentSecurity,
) {
    let app = app(store, security, TtlExtensionPolicy::OnEveryRequest).await;

    let first = changed(&app, None).await;
    let read = set_by(TOUCHED, &app, a_look(), Some(&first)).await;
    let read = TOUCHED.wants_cookie("`GET /read`", read);
    TOUCHED.wants_max_age("`GET /read`", &read, TTL);
}
