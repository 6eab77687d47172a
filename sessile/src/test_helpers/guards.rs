//! Route guards, which run before the handler of a request is chosen.

use actix_web::{
    App, HttpResponse,
    guard::GuardContext,
    http::StatusCode,
    test::{TestRequest, init_service},
    web,
};

use super::{check::Check, key};
use crate::{
    CookieContentSecurity, Session, SessionExt as _, SessionMiddleware, storage::SessionStore,
};

const SEEN: Check = Check::of("a route guard sees the session of its request");

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
            .route("/sign-in", web::post().to(sign_in))
            .route("/account", web::get().guard(signed_in).to(HttpResponse::Ok))
            .route("/account", web::get().to(HttpResponse::Forbidden)),
    )
    .await;

    let account = TestRequest::get().uri("/account");
    let by = "`GET /account` without a session";
    let response = SEEN.answer(&app, by, account.to_request()).await;
    let status = |by: &str| format!("the status of {by}");
    SEEN.wants(&status(by), &response.status(), &StatusCode::FORBIDDEN);

    let by = "`POST /sign-in`";
    let sign_in = TestRequest::post().uri("/sign-in").to_request();
    let response = SEEN.success(&app, by, sign_in).await;
    let cookie = SEEN.only(by, "id", response.response().cookies());
    let cookie = SEEN.wants_cookie(by, cookie);

    let account = TestRequest::get().uri("/account").cookie(cookie);
    let by = "`GET /account` with the session that `POST /sign-in` stored";
    let response = SEEN.answer(&app, by, account.to_request()).await;
    SEEN.wants(&status(by), &response.status(), &StatusCode::OK);
}
