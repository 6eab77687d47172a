//! The helpers for tests of applications.

use std::time::Duration;

use actix_web::{
    App, HttpResponse, Result,
    body::BoxBody,
    dev::{Service, ServiceRequest, ServiceResponse},
    error::ErrorImATeapot,
    guard::GuardContext,
    http::StatusCode,
    middleware::{Next, from_fn},
    test::{TestRequest, call_and_read_body, call_service, init_service, read_body},
    web,
};
use sessile::{
    Session, SessionExt as _, SessionMiddleware,
    clock::ManualClock,
    config::Persistence,
    storage::MemorySessionStore,
    test_helpers::{TestClient, TestRequestExt as _, key, session_of},
};

type Sessions = SessionMiddleware<MemorySessionStore>;

async fn count(session: Session) -> Result<String> {
    session.update_or("n", 1, |n: u32| n + 1)?;
    Ok(session.get::<u32>("n")?.unwrap_or(0).to_string())
}

async fn show(session: Session) -> Result<String> {
    Ok(session.get::<u32>("n")?.unwrap_or(0).to_string())
}

async fn sign_out(session: Session) -> &'static str {
    session.sign_out();
    ""
}

async fn remember(session: Session) -> Result<&'static str> {
    session.set_persistence(Some(Persistence::remembered(Duration::from_secs(60))))?;
    session.insert("n", 7)?;
    Ok("")
}

/// Another request ends the session while this one changes it.
async fn lose(
    session: Session,
    sessions: web::Data<sessile::Sessions<MemorySessionStore>>,
) -> Result<&'static str> {
    session.insert("n", 1)?;
    if let Some(id) = session.id() {
        sessions.end_by_id(&id).await.unwrap();
    }
    Ok("")
}

async fn app(
    sessions: &Sessions,
) -> impl Service<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>
+ use<> {
    let is_counting = |ctx: &GuardContext<'_>| ctx.get_session().contains_key("n");
    init_service(
        App::new()
            .app_data(web::Data::new(sessions.sessions()))
            .wrap(sessions.clone())
            .route("/", web::post().to(count))
            .route("/", web::get().to(show))
            .route(
                "/guarded",
                web::get().guard(is_counting).to(HttpResponse::Ok),
            )
            .route("/sign-out", web::post().to(sign_out))
            .route("/remember", web::post().to(remember))
            .route("/lose", web::post().to(lose)),
    )
    .await
}

fn sessions(clock: &ManualClock) -> Sessions {
    let store = MemorySessionStore::builder().clock(clock.clone()).build();
    SessionMiddleware::builder(store, key())
        .clock(clock.clone())
        .build()
}

async fn client() -> (
    TestClient<
        impl Service<actix_http::Request, Response = ServiceResponse<BoxBody>, Error = actix_web::Error>,
    >,
    Sessions,
    ManualClock,
) {
    let clock = ManualClock::default();
    let sessions = sessions(&clock);
    let app = app(&sessions).await;
    (TestClient::new(app, clock.clone()), sessions, clock)
}

#[actix_web::test]
async fn handlers_and_guards_see_the_session_of_a_request() {
    let sessions = sessions(&ManualClock::default());
    let app = app(&sessions).await;
    let with_n = async |uri| {
        let request = TestRequest::get()
            .uri(uri)
            .insert_header(("cookie", "other=1"));
        let request = request.with_session(&sessions, async |it| it.insert("n", 5).unwrap());
        request.await.to_request()
    };
    assert_eq!(call_and_read_body(&app, with_n("/").await).await, "5");
    let response = call_service(&app, with_n("/guarded").await).await;
    assert_eq!(response.status(), StatusCode::OK);
    let request = TestRequest::get().uri("/guarded").to_request();
    assert_eq!(
        call_service(&app, request).await.status(),
        StatusCode::NOT_FOUND
    );
}

#[actix_web::test]
async fn the_session_of_a_response_is_the_one_that_is_stored() {
    let sessions = sessions(&ManualClock::default());
    let app = app(&sessions).await;
    let empty = call_service(&app, TestRequest::get().to_request()).await;
    assert!(session_of(&sessions, &empty).await.id().is_none());

    let request = TestRequest::post();
    let request = request
        .with_session(&sessions, async |it| it.insert("n", 5).unwrap())
        .await;
    // The response sets no cookie, because the key stays.
    let response = call_service(&app, request.to_request()).await;
    assert!(response.response().cookies().next().is_none());
    assert_eq!(
        session_of(&sessions, &response).await.get("n").unwrap(),
        Some(6)
    );

    let new = call_service(&app, TestRequest::post().to_request()).await;
    assert_eq!(session_of(&sessions, &new).await.get("n").unwrap(), Some(1));

    let request = TestRequest::post().uri("/sign-out");
    let request = request
        .with_session(&sessions, async |it| it.insert("n", 5).unwrap())
        .await;
    let response = call_service(&app, request.to_request()).await;
    assert!(session_of(&sessions, &response).await.id().is_none());
}

#[actix_web::test]
async fn a_session_in_a_header_is_sent_and_read_as_well() {
    let sessions = SessionMiddleware::builder(MemorySessionStore::default(), key())
        .session_header(Some("x-session".to_owned()))
        .build();
    let app = app(&sessions).await;
    let request = TestRequest::post();
    let request = request
        .with_session(&sessions, async |it| it.insert("n", 5).unwrap())
        .await;
    let response = call_service(&app, request.to_request()).await;
    assert_eq!(
        session_of(&sessions, &response).await.get("n").unwrap(),
        Some(6)
    );
    let new = call_service(&app, TestRequest::post().to_request()).await;
    assert_eq!(session_of(&sessions, &new).await.get("n").unwrap(), Some(1));
}

#[actix_web::test]
#[should_panic = "the session is empty, so it has no cookie"]
async fn a_request_cannot_have_an_empty_session() {
    let sessions = sessions(&ManualClock::default());
    let _ = TestRequest::get()
        .with_session(&sessions, async |_| {})
        .await;
}

#[actix_web::test]
async fn a_client_keeps_its_session_until_it_expires() {
    let (mut client, sessions, clock) = client().await;
    for n in ["1", "2"] {
        assert_eq!(read_body(client.post_form("/", ()).await).await, n);
    }
    assert!(client.cookie("id").is_some() && client.cookie("other").is_none());
    clock.advance(Duration::from_millis(24 * 3600 * 1000 - 1));
    assert_eq!(read_body(client.get("/").await).await, "2");
    clock.advance(Duration::from_millis(1));
    assert_eq!(read_body(client.get("/").await).await, "0");

    client
        .begin_session(&sessions, async |it| it.insert("n", 5).unwrap())
        .await;
    assert_eq!(read_body(client.get("/").await).await, "5");
    client.post_form("/sign-out", ()).await;
    assert_eq!(client.cookie("id"), None);
    assert_eq!(client.session_at("/", &sessions).await.id(), None);
}

#[actix_web::test]
async fn a_client_forgets_what_its_browser_does_not_keep() {
    let (mut client, sessions, clock) = client().await;
    client.post_form("/", ()).await;
    client.close_browser();
    assert_eq!(read_body(client.get("/").await).await, "0");

    client.post_form("/remember", ()).await;
    client.close_browser();
    assert_eq!(
        client.session_at("/", &sessions).await.get("n").unwrap(),
        Some(7)
    );
    clock.advance(Duration::from_secs(59));
    assert!(client.cookie("id").is_some());
    clock.advance(Duration::from_secs(1));
    assert_eq!(client.cookie("id"), None);
}

#[actix_web::test]
async fn a_client_without_https_takes_no_secure_cookie() {
    let (client, ..) = client().await;
    let mut client = client.over_http();
    client.post_form("/", ()).await;
    assert_eq!(client.cookie("id"), None);
    assert_eq!(read_body(client.get("/").await).await, "0");
}

#[actix_web::test]
async fn a_cookie_is_sent_to_its_path_only() {
    let clock = ManualClock::default();
    let sessions = SessionMiddleware::builder(MemorySessionStore::default(), key())
        .cookie_path("/shop".to_owned())
        .clock(clock.clone())
        .build();
    let app = App::new()
        .wrap(sessions)
        .route("/shop", web::post().to(count))
        .route("/elsewhere", web::get().to(show));
    let mut client = TestClient::new(init_service(app).await, clock);
    for n in ["1", "2"] {
        assert_eq!(read_body(client.post_form("/shop", ()).await).await, n);
    }
    assert_eq!(read_body(client.get("/elsewhere").await).await, "0");
    assert_eq!(read_body(client.post_form("/shop", ()).await).await, "3");
}

#[actix_web::test]
async fn an_error_of_the_middleware_is_a_response() {
    let (mut client, sessions, _) = client().await;
    client
        .begin_session(&sessions, async |it| it.insert("n", 5).unwrap())
        .await;
    let response = client.post_form("/lose", ()).await;
    assert_eq!(response.status(), StatusCode::CONFLICT);
    assert_eq!(response.request().path(), "/lose");
}

#[actix_web::test]
#[should_panic = "the client does not keep the cookie of the session"]
async fn a_client_over_http_cannot_have_a_session_in_a_secure_cookie() {
    let clock = ManualClock::default();
    let sessions = sessions(&clock);
    let mut client = TestClient::new(app(&sessions).await, clock).over_http();
    let prepare = async |it: &Session| it.insert("n", 5).unwrap();
    client.begin_session(&sessions, prepare).await;
}

#[actix_web::test]
#[should_panic = "the sessions are in the header `x-session`"]
async fn a_client_cannot_have_a_session_in_a_header() {
    let sessions = SessionMiddleware::builder(MemorySessionStore::default(), key())
        .session_header(Some("x-session".to_owned()))
        .build();
    let mut client = TestClient::new(app(&sessions).await, ManualClock::default());
    let prepare = async |it: &Session| it.insert("n", 5).unwrap();
    client.begin_session(&sessions, prepare).await;
}

#[actix_web::test]
async fn the_session_of_an_error_is_that_of_its_request() {
    let clock = ManualClock::default();
    let sessions = sessions(&clock);
    let failing = from_fn(async |_: ServiceRequest, _: Next<BoxBody>| {
        Err::<ServiceResponse<BoxBody>, _>(ErrorImATeapot(""))
    });
    let app = init_service(App::new().wrap(failing)).await;
    let mut client = TestClient::new(app, clock);
    let prepare = async |it: &Session| it.insert("n", 5).unwrap();
    client.begin_session(&sessions, prepare).await;
    let response = client.get("/").await;
    assert_eq!(response.status(), StatusCode::IM_A_TEAPOT);
    assert_eq!(
        session_of(&sessions, &response).await.get("n").unwrap(),
        Some(5)
    );
}
