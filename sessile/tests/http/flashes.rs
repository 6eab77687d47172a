//! A form that redirects: its message is on the next page, and its data are a struct.

use actix_web::{HttpResponse, http::header, web};
use serde::{Deserialize, Serialize};
use sessile::{CookieContentSecurity::Private, Session, extract::TypedSession};

use crate::{
    client::Server,
    setup::{InCookie, Kind, Memory, Setup, Sqlite},
};

#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
struct Shop {
    cart: Vec<String>,
}

async fn add(shop: TypedSession<Shop>) -> actix_web::Result<HttpResponse> {
    shop.update(|it| it.cart.push("apple".to_owned()))?;
    shop.session().flash("notice", "An apple was added.")?;
    let to_page = (header::LOCATION, "/");
    Ok(HttpResponse::SeeOther().insert_header(to_page).finish())
}

async fn page(session: Session, shop: TypedSession<Shop>) -> actix_web::Result<String> {
    let notices: Vec<String> = session.take_flash("notice")?;
    Ok(format!(
        "{} in the cart. {}",
        shop.get()?.cart.len(),
        notices.concat()
    ))
}

async fn a_message_is_on_the_next_page<K: Kind>() {
    let setup = Setup::<K>::new(Private).await;
    let server = Server::start(setup.builder().build(), |config| {
        config.route("/add", web::post().to(add));
        config.route("/", web::get().to(page));
    });
    let reply = server.post("/add").await;
    assert_eq!(reply.status, 303);
    let cookie = reply.cookie();
    let reply = server.get_as(&cookie, "/").await;
    assert_eq!(reply.body, "1 in the cart. An apple was added.");
    let cookie = reply.cookie_or(&cookie);
    let reply = server.get_as(&cookie, "/").await;
    assert_eq!(reply.body, "1 in the cart. ");
    reply.assert_sets_no_cookie();
}

#[tokio::test]
async fn a_message_is_on_the_next_page_with_every_kind_of_store() {
    a_message_is_on_the_next_page::<Memory>().await;
    a_message_is_on_the_next_page::<InCookie>().await;
    a_message_is_on_the_next_page::<Sqlite>().await;
}

#[tokio::test]
async fn data_of_another_type_are_an_opaque_failure() {
    async fn spoil(session: Session) -> actix_web::Result<HttpResponse> {
        session.insert("cart", 3)?;
        Ok(HttpResponse::Ok().finish())
    }
    let setup = Setup::<Memory>::new(Private).await;
    let server = Server::start(setup.builder().build(), |config| {
        config.route("/spoil", web::post().to(spoil));
        config.route("/add", web::post().to(add));
    });
    let cookie = server.post("/spoil").await.cookie();
    server.post_as(&cookie, "/add").await.assert_failure(500);
}
