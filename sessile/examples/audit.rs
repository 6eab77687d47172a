//! An audit trail, and a response that waits until its user signs out.
//!
//! ```text
//! curl -c jar -X POST localhost:8080/login
//! curl -b jar localhost:8080/wait &
//! curl -b jar -X POST localhost:8080/logout
//! ```

use actix_web::{App, HttpResponse, HttpServer, Result, cookie::Key, web};
use sessile::{Session, SessionMiddleware, engine::SessionEvents, storage::MemorySessionStore};

type Sessions = web::Data<SessionMiddleware<MemorySessionStore>>;

/// An application checks a password here.
async fn login(session: Session) -> Result<HttpResponse> {
    session.sign_in("ferris").await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn logout(session: Session) -> HttpResponse {
    session.sign_out();
    HttpResponse::NoContent().finish()
}

/// Responds when the session has ended. A page that is open in another tab asks, and then shows the login.
async fn wait(session: Session, sessions: Sessions) -> Result<String> {
    // The events from now on. The session is looked at after this, so no end is missed.
    let events = sessions.events();
    let user = session.require_signed_in()?;
    ended(events, &session, &user).await;
    Ok(format!("{user} has signed out"))
}

/// Returns when the session has ended.
async fn ended(mut events: SessionEvents, session: &Session, user: &str) {
    let Some(id) = session.id() else { return };
    while let Some(event) = events.next().await {
        match event {
            Ok(event) if !event.may_end(&id, Some(user)) => {}
            Ok(event) if event.id.is_some() => return,
            // All sessions of the user ended, or events were missed: perhaps not this one.
            Ok(_) | Err(_) if session.reload().await.is_err() => return,
            Ok(_) | Err(_) => {}
        }
    }
}

/// Passes each event on as a line.
pub(crate) async fn write_trail(mut events: SessionEvents, write: impl Fn(String)) {
    while let Some(event) = events.next().await {
        write(match event {
            Ok(event) => {
                let user = event.subject.as_deref().unwrap_or("-");
                let id = event.id.map_or_else(|| "-".to_owned(), |id| id.to_string());
                format!("{:?} user {user} session {id}", event.kind)
            }
            Err(missed) => missed.to_string(),
        });
    }
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/login", web::post().to(login))
        .route("/logout", web::post().to(logout))
        .route("/wait", web::get().to(wait));
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let store = MemorySessionStore::default();
    // For plain HTTP on this machine.
    let sessions = SessionMiddleware::builder(store, Key::generate()).allow_plain_http(true);
    let sessions = sessions.build();
    let trail = write_trail(sessions.events(), |line| println!("{line}"));
    actix_web::rt::spawn(trail);
    HttpServer::new(move || {
        App::new()
            .wrap(sessions.clone())
            .app_data(web::Data::new(sessions.clone()))
            .configure(configure)
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await
}
