//! A struct as the session's data, and messages for the next page.
//!
//! The program [`examples/shop.rs`] has both.
//!
//! # A struct
//!
//! [`TypedSession`](crate::extract::TypedSession) reads and writes the values of a session as one struct, so that
//! names and types are written in one place. Each field is the value under its name.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use sessile::extract::TypedSession;
//!
//! #[derive(Default, Serialize, Deserialize)]
//! #[serde(default)] // A new session has no values.
//! struct Shop {
//!     cart: Vec<String>,
//!     currency: Option<String>,
//! }
//!
//! async fn choose_currency(shop: TypedSession<Shop>) -> actix_web::Result<String> {
//!     shop.update(|it| it.currency = Some("EUR".to_owned()))?;
//!     Ok(format!("{} in the cart", shop.get()?.cart.len()))
//! }
//! # actix_web::rt::System::new().block_on(async {
//! # let shop = TypedSession::new(sessile::Session::new());
//! # assert_eq!(choose_currency(shop.clone()).await.unwrap(), "0 in the cart");
//! # assert_eq!(shop.session().get::<String>("currency").unwrap().as_deref(), Some("EUR"));
//! # });
//! ```
//!
//! - `update` stores only the fields that changed, so two requests that change different fields keep both changes. If they
//!   change the same field, the last to commit wins. To compute a field from its stored value, such as a counter, use
//!   [`Session::update`](crate::Session::update) with the field's name.
//! - Values under other names stay. Several structs can share one session if their fields have different names.
//! - If a stored value has another type, for example after a deploy, `get` and `update` return an error, and nothing is
//!   changed. Give a field another name when its type changes.
//!
//! # A message after a redirect
//!
//! A form that was accepted redirects to a page, which shows what happened. [`flash`](crate::Session::flash) stores a
//! value for the next request, and [`take_flash`](crate::Session::take_flash) removes and returns it.
//!
//! ```
//! use actix_web::{HttpResponse, http::header};
//! use sessile::Session;
//!
//! async fn save(session: Session) -> actix_web::Result<HttpResponse> {
//!     session.flash("notice", "Saved.")?;
//!     Ok(HttpResponse::SeeOther().insert_header((header::LOCATION, "/")).finish())
//! }
//!
//! async fn page(session: Session) -> actix_web::Result<String> {
//!     let notices: Vec<String> = session.take_flash("notice")?;
//!     Ok(notices.join("\n"))
//! }
//! # actix_web::rt::System::new().block_on(async {
//! # let session = Session::new();
//! # save(session.clone()).await.unwrap();
//! # assert_eq!(page(session.clone()).await.unwrap(), "Saved.");
//! # assert_eq!(page(session).await.unwrap(), "");
//! # });
//! ```
//!
//! - A message stays until a request takes it. So a request for an image or a script does not lose it. If two pages
//!   load at the same time, both may show it.
//! - All stored messages together may take 2048 bytes. Store an identifier rather than a long text.
//! - Signing out ends the session, and its messages. For a message after that, call
//!   [`restart`](crate::Session::restart) in place of [`sign_out`](crate::Session::sign_out), and then `flash`.
//!
//! [`examples/shop.rs`]: https://github.com/sessile-rs/sessile/blob/main/sessile/examples/shop.rs
