//! Sessions in the cookie that can be ended: a revocation list has those that signed out, and the users who were locked.
//!
//! ```text
//! curl -c jar -X POST localhost:8080/login
//! cp jar copy
//! curl -b jar -X POST localhost:8080/logout
//! curl -b copy localhost:8080/
//! ```

use actix_web::{App, HttpResponse, HttpServer, Result, cookie::Key, web};
use sessile::{
    Session, SessionMiddleware, Sessions,
    extract::SignedIn,
    storage::{CookieSessionStore, RevocationList, SqliteSessionStore},
};

type AllSessions = web::Data<Sessions<CookieSessionStore>>;

/// An application checks a password here.
async fn login(session: Session) -> Result<HttpResponse> {
    session.sign_in("ferris").await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn page(user: SignedIn) -> String {
    format!("Hello, {}", user.subject())
}

async fn logout(session: Session) -> HttpResponse {
    session.sign_out();
    HttpResponse::NoContent().finish()
}

/// Ends all sessions of a user. Only administrators may call it in an application.
async fn lock(sessions: AllSessions, user: web::Path<String>) -> Result<HttpResponse> {
    sessions.end_all(&user).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// The list is small, and in a store that survives a restart.
pub(crate) fn sessions(
    list: SqliteSessionStore,
    key: Key,
) -> SessionMiddleware<CookieSessionStore> {
    let store = CookieSessionStore::with_revocations(RevocationList::new(list));
    // For plain HTTP on this machine.
    SessionMiddleware::builder(store, key)
        .allow_plain_http(true)
        .build()
}

pub(crate) fn configure(
    config: &mut web::ServiceConfig,
    sessions: &SessionMiddleware<CookieSessionStore>,
) {
    config
        .app_data(web::Data::new(sessions.sessions()))
        .route("/", web::get().to(page))
        .route("/login", web::post().to(login))
        .route("/logout", web::post().to(logout))
        .route("/lock/{user}", web::post().to(lock));
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let list = SqliteSessionStore::new("revocations.db").await?;
    let cleanup = list.start_cleanup(std::time::Duration::from_secs(600));
    let sessions = sessions(list, Key::generate());
    HttpServer::new(move || {
        let app = App::new().wrap(sessions.clone());
        app.configure(|config| configure(config, &sessions))
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await?;
    cleanup.stop().await;
    Ok(())
}
