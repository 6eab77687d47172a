//! A struct as the session's data, and a message for the page after a redirect.
//!
//! ```text
//! curl -c jar -b jar localhost:8080/cart -d article=apple
//! curl -c jar -b jar localhost:8080/
//! ```

use actix_web::{App, HttpResponse, HttpServer, Result, cookie::Key, http::header::LOCATION, web};
use serde::{Deserialize, Serialize};
use sessile::{SessionMiddleware, extract::TypedSession, storage::MemorySessionStore};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)] // A new session has no values.
struct Shop {
    cart: Vec<String>,
    currency: Option<String>,
}

#[derive(Deserialize)]
struct Order {
    article: String,
}

async fn page(shop: TypedSession<Shop>) -> Result<String> {
    let mut lines: Vec<String> = shop.session().take_flash("notice")?;
    let Shop { cart, currency } = shop.get()?;
    let currency = currency.as_deref().unwrap_or("EUR");
    lines.push(format!("{} articles, prices in {currency}", cart.len()));
    Ok(lines.join("\n"))
}

async fn add(shop: TypedSession<Shop>, order: web::Form<Order>) -> Result<HttpResponse> {
    let Order { article } = order.into_inner();
    let notice = format!("Added: {article}");
    let first = vec![article.clone()];
    // Of two requests at once, both articles are kept: the closure runs again on the current cart.
    let add = move |cart: Vec<String>| [cart, vec![article.clone()]].concat();
    shop.session().update_or("cart", first, add)?;
    back(&shop, &notice)
}

async fn choose_currency(
    shop: TypedSession<Shop>,
    currency: web::Path<String>,
) -> Result<HttpResponse> {
    let currency = currency.into_inner();
    let notice = format!("Prices are in {currency} now.");
    shop.update(|it| it.currency = Some(currency))?;
    back(&shop, &notice)
}

/// Redirects to the page, which shows the notice.
fn back(shop: &TypedSession<Shop>, notice: &str) -> Result<HttpResponse> {
    shop.session().flash("notice", notice)?;
    let mut response = HttpResponse::SeeOther();
    Ok(response.insert_header((LOCATION, "/")).finish())
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config
        .route("/", web::get().to(page))
        .route("/cart", web::post().to(add))
        .route("/currency/{name}", web::post().to(choose_currency));
}

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    let store = MemorySessionStore::default();
    // For plain HTTP on this machine.
    let sessions = SessionMiddleware::builder(store, Key::generate()).allow_plain_http(true);
    let sessions = sessions.build();
    HttpServer::new(move || App::new().wrap(sessions.clone()).configure(configure))
        .bind(("127.0.0.1", 8080))?
        .run()
        .await
}
