//! Sealing keys in a file, which is read again every minute: they are replaced while the server runs.
//!
//! ```text
//! (umask 077; openssl rand -hex 64 > session-keys)
//! cargo run --example keys --features sqlite-session -- session-keys 8080
//! curl -c jar -X POST localhost:8080/login
//! curl -c jar -b jar localhost:8080
//! ```
//!
//! A second server, with a file of its own and another port, shares the sessions. `guide::replacing_keys` has the steps for
//! several servers.

use std::time::Duration;

use actix_web::{App, HttpResponse, HttpServer, Result, web};
use sessile::{Session, SessionMiddleware, config::KeyRing, storage::SqliteSessionStore};

/// An application checks a password here.
async fn login(session: Session) -> Result<HttpResponse> {
    session.sign_in("ferris").await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn visit(session: Session) -> Result<String> {
    let user = session.require_signed_in()?;
    session.update_or("visits", 1, |visits: u32| visits + 1)?;
    let visits = session.get::<u32>("visits")?.unwrap_or(0);
    Ok(format!("{user}, visit {visits}\n"))
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/login", web::post().to(login))
        .route("/", web::get().to(visit));
}

/// Reads the file again at each tick. If that fails, the former keys stay in use.
pub(crate) async fn reload_regularly(keys: KeyRing, mut ticks: actix_web::rt::time::Interval) {
    loop {
        ticks.tick().await;
        if let Err(error) = keys.reload() {
            eprintln!("the session keys can't be read: {error}");
        }
    }
}

#[actix_web::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let [file, port] = <[String; 2]>::try_from(std::env::args().skip(1).collect::<Vec<_>>())
        .map_err(|_| "usage: keys FILE PORT")?;
    let keys = KeyRing::from_file(file)?;
    let store = SqliteSessionStore::new("sessions.db").await?;
    let _cleanup = store.start_cleanup(Duration::from_secs(60));
    // For plain HTTP on this machine.
    let sessions = SessionMiddleware::builder(store, keys.clone()).allow_plain_http(true);
    let sessions = sessions.build();
    let minutes = actix_web::rt::time::interval(Duration::from_secs(60));
    actix_web::rt::spawn(reload_regularly(keys, minutes));
    HttpServer::new(move || App::new().wrap(sessions.clone()).configure(configure))
        .bind(("127.0.0.1", port.parse()?))?
        .run()
        .await?;
    Ok(())
}
