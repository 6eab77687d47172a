//! One value, stored by one request and read by the next.

use actix_web::{
    App,
    cookie::time::Duration,
    test::{TestRequest, call_and_read_body_json, call_service, init_service},
    web,
};

use super::{key, only};
use crate::{
    CookieContentSecurity, Session, SessionLength, SessionMiddleware, storage::SessionStore,
};

async fn set(session: Session) -> actix_web::Result<&'static str> {
    session.insert("counter", 100)?;
    Ok("stored")
}

async fn read(session: Session) -> actix_web::Result<web::Json<Option<i32>>> {
    Ok(web::Json(session.get("counter")?))
}

pub(super) async fn basic(store: impl SessionStore, security: CookieContentSecurity) {
    let middleware = SessionMiddleware::builder(store, key())
        .cookie_name("actix-test".to_owned())
        .cookie_path("/test/".to_owned())
        .cookie_domain(Some("localhost".to_owned()))
        .cookie_content_security(security)
        .session_length(SessionLength::Predetermined {
            max_session_length: Some(Duration::seconds(100)),
        })
        .build();
    let app = init_service(
        App::new()
            .wrap(middleware)
            .route("/", web::to(set))
            .route("/test/", web::to(read)),
    )
    .await;

    let response = call_service(&app, TestRequest::get().uri("/").to_request()).await;
    let cookie = only("actix-test", response.response().cookies()).expect("a session cookie");
    assert_eq!(cookie.path(), Some("/test/"));
    assert_eq!(cookie.domain(), Some("localhost"));
    assert_eq!(cookie.max_age(), Some(Duration::seconds(100)));

    let request = TestRequest::with_uri("/test/").cookie(cookie).to_request();
    let counter: Option<i32> = call_and_read_body_json(&app, request).await;
    assert_eq!(counter, Some(100));
}
