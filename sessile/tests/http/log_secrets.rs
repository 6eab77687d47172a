//! Log lines contain no secret, no cookie and no value of a session.

use actix_web::{
    App, HttpResponse,
    cookie::Key,
    error::ErrorImATeapot,
    http::header::{COOKIE, SET_COOKIE},
    test::{TestRequest, call_service, init_service},
    web,
};
use sessile::{
    Session, SessionMiddleware,
    config::PersistentSession,
    config::TtlExtensionPolicy::OnEveryRequest,
    storage::{CookieSessionStore, MemorySessionStore, SessionStore},
};

use crate::log::Log;

const VALUE: &str = "4111-1111-1111-1111";

async fn take_step(step: web::Path<String>, session: Session) -> actix_web::Result<HttpResponse> {
    match step.as_str() {
        "read" => drop(session.get::<u32>("card")),
        "set" => session.insert("card", VALUE)?,
        "flash" => session.flash("notice", VALUE)?,
        "sign_in" => session.sign_in("ferris").await?,
        "renew" => session.renew(),
        "lose" => {
            session.purge();
            session.clear();
            drop(session.remove("card"));
        }
        "fail" => return Err(ErrorImATeapot("short and stout")),
        step => panic!("no such step: {step}"),
    }
    Ok(HttpResponse::Ok().finish())
}

/// Checks what is logged while a visitor uses a session in `store`.
async fn check<S: SessionStore>(store: S) {
    let log = Log::of_everything();
    let lifecycle = PersistentSession::default().session_ttl_extension_policy(OnEveryRequest);
    let sessions = SessionMiddleware::builder(store, Key::generate()).session_lifecycle(lifecycle);
    let app = App::new()
        .wrap(sessions.build())
        .route("/{step}", web::to(take_step));
    let app = init_service(app).await;

    let mut cookies = vec!["id=planted-by-a-client".to_owned()];
    for step in [
        "read", "set", "flash", "read", "sign_in", "set", "fail", "renew", "read", "lose", "read",
    ] {
        // The cookie before the last one has an old secret. The first one fails verification.
        let earlier = cookies.len().saturating_sub(2);
        for cookie in [&cookies[earlier], &cookies[cookies.len() - 1]].map(Clone::clone) {
            let request = TestRequest::post().uri(&format!("/{step}"));
            let request = request.insert_header((COOKIE, cookie)).to_request();
            let response = call_service(&app, request).await;
            let issued = response.headers().get_all(SET_COOKIE);
            let issued = issued.filter_map(|it| it.to_str().unwrap().split(';').next());
            cookies.extend(issued.filter(|it| *it != "id=").map(ToOwned::to_owned));
        }
    }

    assert!(cookies.len() > 5, "{cookies:?}");
    let lines = log.lines();
    let ours: Vec<_> = lines.iter().filter(|it| it.contains("sessile")).collect();
    assert!(!ours.is_empty(), "{lines:?}");
    let values = cookies.iter().map(|it| it.strip_prefix("id=").unwrap());
    for secret in values.chain([VALUE]) {
        for line in &ours {
            assert!(!line.contains(secret), "{secret}: {line}");
        }
    }
}

#[actix_web::test]
async fn of_sessions_in_memory() {
    check(MemorySessionStore::default()).await;
}

#[actix_web::test]
async fn of_sessions_in_cookies() {
    check(CookieSessionStore::default()).await;
}
