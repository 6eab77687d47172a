//! One value, stored by one request and read by the next.

use actix_web::{
    App,
    cookie::time::Duration,
    test::{TestRequest, init_service, try_read_body_json},
    web,
};

use super::{check::Check, key};
use crate::{
    CookieContentSecurity, Session, SessionLength, SessionMiddleware, storage::SessionStore,
};

const ATTRIBUTES: Check =
    Check::of("the cookie of a new session has the name and the attributes that were configured");
const READ: Check = Check::of("a request with the cookie reads what the request before it stored");

async fn set(session: Session) -> actix_web::Result<&'static str> {
    session.insert("counter", 100)?;
    Ok("stored")
}

async fn read(session: Session) -> actix_web::Result<web::Json<Option<i32>>> {
    Ok(web::Json(session.get("counter")?))
}

pub(super) async fn basic(store: impl SessionStore, security: CookieContentSecurity) {
    const LENGTH: Duration = Duration::seconds(100);
    let middleware = SessionMiddleware::builder(store, key())
        .cookie_name("actix-test".to_owned())
        .cookie_path("/test/".to_owned())
        .cookie_domain(Some("localhost".to_owned()))
        .cookie_content_security(security)
        .session_length(SessionLength::Predetermined {
            max_session_length: Some(LENGTH),
        })
        .build();
    let app = init_service(
        App::new()
            .wrap(middleware)
            .route("/", web::to(set))
            .route("/test/", web::to(read)),
    )
    .await;

    let by = "`POST /`";
    let request = TestRequest::post().uri("/").to_request();
    let response = ATTRIBUTES.success(&app, by, request).await;
    let cookie = ATTRIBUTES.only(by, "actix-test", response.response().cookies());
    let cookie = ATTRIBUTES.wants_cookie(by, cookie);
    ATTRIBUTES.wants("its path", &cookie.path(), &Some("/test/"));
    ATTRIBUTES.wants("its domain", &cookie.domain(), &Some("localhost"));
    ATTRIBUTES.wants_max_age(by, &cookie, LENGTH);

    let by = "`GET /test/`";
    let request = TestRequest::with_uri("/test/").cookie(cookie).to_request();
    let response = READ.success(&app, by, request).await;
    let body = try_read_body_json::<Option<i32>, _>(response);
    let counter = READ.succeeds("reading the answer of `GET /test/`", body);
    READ.wants("what `GET /test/` reads", &counter.await, &Some(100));
}
