//! Route guards, which see a request before its handler is chosen.

use actix_web::{
    App, HttpResponse,
    guard::GuardContext,
    http::StatusCode,
    test::{TestRequest, call_service, init_service},
    web,
};

use super::{key, only};
use crate::{
    CookieContentSecurity, Session, SessionExt as _, SessionMiddleware, storage::SessionStore,
};

fn signed_in(ctx: &GuardContext<'_>) -> bool {
    ctx.get_session().contains_key("user")
}

async fn sign_in(session: Session) -> actix_web::Result<HttpResponse> {
    session.insert("user", "ferris")?;
    Ok(HttpResponse::Ok().finish())
}

pub(super) async fn see_the_session(store: impl SessionStore, security: CookieContentSecurity) {
    let middleware = SessionMiddleware::builder(store, key())
        .cookie_content_security(security)
        .build();
    let app = init_service(
        App::new()
            .wrap(middleware)
            .route("/sign-in", web::to(sign_in))
            .route("/account", web::get().guard(signed_in).to(HttpResponse::Ok))
            .route("/account", web::get().to(HttpResponse::Forbidden)),
    )
    .await;

    let account = TestRequest::get().uri("/account");
    let response = call_service(&app, account.to_request()).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);

    let sign_in = TestRequest::get().uri("/sign-in");
    let response = call_service(&app, sign_in.to_request()).await;
    let cookie = only("id", response.response().cookies()).expect("a session cookie");

    let account = TestRequest::get().uri("/account").cookie(cookie);
    let response = call_service(&app, account.to_request()).await;
    assert_eq!(response.status(), StatusCode::OK);
}
