//! A site with strict settings, whose sessions are in a cookie, and an API, whose clients send the session in a header.
//!
//! ```text
//! curl -i -X POST localhost:8080/api/visits
//! curl -X POST localhost:8080/api/visits -H "X-Session: <value of the response's X-Session>"
//! ```

use actix_web::{App, HttpServer, Result, cookie::Key, web};
use sessile::{
    Session, SessionMiddleware, SessionMiddlewareBuilder,
    extract::SessionOf,
    storage::{MemorySessionStore, SessionStore},
};

/// Marks the sessions of API clients.
struct Api;

async fn visit_site(session: Session) -> Result<String> {
    session.update_or("visits", 1, |visits: u32| visits + 1)?;
    Ok(format!(
        "visits of the site: {:?}",
        session.get::<u32>("visits")?
    ))
}

async fn visit_api(session: SessionOf<Api>) -> Result<String> {
    session.update_or("visits", 1, |visits: u32| visits + 1)?;
    Ok(format!(
        "visits of the API: {:?}",
        session.get::<u32>("visits")?
    ))
}

/// The cookie is named `__Host-id`, sessions end after a day, and no cache keeps the pages of signed-in users.
pub(crate) fn for_browsers<S: SessionStore>(store: S, key: Key) -> SessionMiddlewareBuilder<S> {
    SessionMiddleware::strict(store, key)
}

/// Responses set the header when the session begins or is renewed. Clients keep its value and send it back.
pub(crate) fn for_api<S: SessionStore>(store: S, key: Key) -> SessionMiddlewareBuilder<S> {
    SessionMiddleware::strict(store, key)
        .session_header(Some("X-Session".to_owned()))
        .marker::<Api>()
}

/// The site, with `api` around the routes of the API.
pub(crate) fn configure<S: SessionStore + 'static>(
    config: &mut web::ServiceConfig,
    api: SessionMiddleware<S>,
) {
    let routes = web::scope("/api").route("/visits", web::post().to(visit_api));
    config
        .route("/visits", web::post().to(visit_site))
        .service(routes.wrap(api));
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let store = MemorySessionStore::default();
    // For plain HTTP on this machine.
    let site = for_browsers(store.clone(), Key::generate()).allow_plain_http(true);
    let (site, api) = (site.build(), for_api(store, Key::generate()).build());
    HttpServer::new(move || {
        let api = api.clone();
        let app = App::new().wrap(site.clone());
        app.configure(|config| configure(config, api))
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await
}
