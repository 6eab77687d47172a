//! A form that other sites can't forge. Open `http://localhost:8080` in a browser.

use actix_web::{
    App, HttpResponse, HttpServer, Result, cookie::Key, http::header::ContentType, web,
};
use sessile::{Session, SessionMiddleware, extract::CsrfGuard, storage::MemorySessionStore};

#[derive(serde::Deserialize)]
struct Order {
    article: String,
}

async fn page(session: Session) -> Result<HttpResponse> {
    let field = session.csrf_field()?;
    let html = format!(r#"<form method="post">{field}<input name="article"></form>"#);
    let mut response = HttpResponse::Ok();
    Ok(response.content_type(ContentType::html()).body(html))
}

async fn order(order: web::Form<Order>) -> String {
    format!("1 {}", order.article)
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(page))
        .route("/", web::post().to(order));
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let store = MemorySessionStore::default();
    // For plain HTTP on this machine.
    let sessions = SessionMiddleware::builder(store, Key::generate()).allow_plain_http(true);
    let sessions = sessions.build();
    HttpServer::new(move || {
        let app = App::new().wrap(CsrfGuard::new());
        app.wrap(sessions.clone()).configure(configure)
    })
    .bind(("127.0.0.1", 8080))?
    .run()
    .await
}
