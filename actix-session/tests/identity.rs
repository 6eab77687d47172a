//! Tests of a program that depends on `actix-identity`, with the packages of this folder in place of actix-session.
//!
//! `cargo xtask suites` runs these tests, in a workspace that patches both packages.

use actix_identity::{Identity, IdentityMiddleware};
use actix_session::{Session, SessionMiddleware, storage::MemorySessionStore};
use actix_web::{
    App, HttpMessage, HttpRequest, HttpResponse,
    cookie::Key,
    test::{TestRequest, call_and_read_body, call_service, init_service},
    web,
};

async fn sign_in(request: HttpRequest) -> HttpResponse {
    Identity::login(&request.extensions(), "ferris".to_owned()).unwrap();
    HttpResponse::Ok().finish()
}

async fn sign_out(identity: Identity) -> HttpResponse {
    identity.logout();
    HttpResponse::Ok().finish()
}

/// The user, and the number of values in the session.
async fn user(identity: Option<Identity>, session: Session) -> String {
    let user = identity.map(|identity| identity.id().unwrap());
    format!("{user:?} {}", session.entries().len())
}

#[actix_web::test]
async fn an_identity_is_part_of_the_session() {
    let sessions = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
    let app = init_service(
        App::new()
            .wrap(IdentityMiddleware::default())
            .wrap(sessions)
            .route("/", web::get().to(user))
            .route("/sign-in", web::post().to(sign_in))
            .route("/sign-out", web::post().to(sign_out)),
    )
    .await;

    let response = call_service(&app, TestRequest::post().uri("/sign-in").to_request()).await;
    let cookie = response.response().cookies().next().unwrap();
    let request = TestRequest::get().cookie(cookie.clone()).to_request();
    assert_eq!(
        call_and_read_body(&app, request).await,
        "Some(\"ferris\") 1"
    );

    let request = TestRequest::post().uri("/sign-out").cookie(cookie.clone());
    let response = call_service(&app, request.to_request()).await;
    assert!(response.status().is_success());
    let request = TestRequest::get().cookie(cookie).to_request();
    assert_eq!(call_and_read_body(&app, request).await, "None 0");
}

#[test]
fn both_packages_export_the_types_of_sessile() {
    let session: Session = sessile::Session::new();
    let session: actix_session_0_10::Session = session;

    assert!(session.entries().is_empty());
}
