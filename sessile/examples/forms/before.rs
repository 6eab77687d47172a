//! A form without sessions. `main.rs` protects it from other sites, and thanks the user after the redirect.

use actix_web::{
    App, HttpResponse, HttpServer, Result,
    http::header::{ContentType, LOCATION},
    web,
};

#[derive(serde::Deserialize)]
struct Order {
    article: String,
}

async fn page() -> Result<HttpResponse> {
    let html = r#"<form method="post"><input name="article"></form>"#;
    let mut response = HttpResponse::Ok();
    Ok(response.content_type(ContentType::html()).body(html))
}

async fn order(order: web::Form<Order>) -> Result<HttpResponse> {
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
    HttpServer::new(|| App::new().configure(configure))
        .bind(("127.0.0.1", 8080))?
        .run()
        .await
}
