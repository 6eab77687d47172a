//! A form that other sites can't forge, and a message after it was sent. Open `http://localhost:8080` in a browser.
//!
//! `before.rs` has the form without both. Fewer than 20 lines differ.

use actix_web::{
    App, HttpResponse, HttpServer, Result,
    cookie::Key,
    http::header::{ContentType, LOCATION},
    web,
};
use sessile::{Session, SessionMiddleware, extract::CsrfGuard, storage::MemorySessionStore};

#[derive(serde::Deserialize)]
struct Order {
    article: String,
}

async fn page(session: Session) -> Result<HttpResponse> {
    let field = session.csrf_field()?;
    let notice = session.take_flash::<String>("notice")?.join(" ");
    let html = format!(r#"{notice}<form method="post">{field}<input name="article"></form>"#);
    let mut response = HttpResponse::Ok();
    Ok(response.content_type(ContentType::html()).body(html))
}

async fn order(session: Session, order: web::Form<Order>) -> Result<HttpResponse> {
    session.flash("notice", "Thank you for your order.")?;
    println!("1 {}", order.article);
    let mut response = HttpResponse::SeeOther();
    Ok(response.insert_header((LOCATION, "/")).finish())
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
