//! Sealing keys in a file, which is read again every minute: they are replaced while the server runs.
//!
//! ```text
//! (umask 077; openssl rand -hex 64 > session-keys)
//! cargo run --example keys -- session-keys
//! ```
//!
//! `guide::replacing_keys` has the steps for several servers.

use std::time::Duration;

use actix_web::{App, HttpServer, Result, web};
use sessile::{Session, SessionMiddleware, config::KeyRing, storage::MemorySessionStore};

async fn visit(session: Session) -> Result<String> {
    session.update_or("visits", 1, |visits: u32| visits + 1)?;
    Ok(format!("visits: {:?}", session.get::<u32>("visits")?))
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.route("/", web::get().to(visit));
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
    let file = std::env::args().nth(1).ok_or("usage: keys FILE")?;
    let keys = KeyRing::from_file(file)?;
    let store = MemorySessionStore::default();
    // For plain HTTP on this machine.
    let sessions = SessionMiddleware::builder(store, keys.clone()).allow_plain_http(true);
    let sessions = sessions.build();
    let minutes = actix_web::rt::time::interval(Duration::from_secs(60));
    actix_web::rt::spawn(reload_regularly(keys, minutes));
    HttpServer::new(move || App::new().wrap(sessions.clone()).configure(configure))
        .bind(("127.0.0.1", 8080))?
        .run()
        .await?;
    Ok(())
}
