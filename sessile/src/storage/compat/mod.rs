//! Stores that were written for actix-session.
//!
//! An application that wrote its own store for actix-session can keep it: [`Adapter`] wraps it as a
//! [store](crate::storage::SessionStore) of this crate, and no user is signed out. Requires the
//! feature `compat`.
//!
//! In the store, the imports change:
//!
//! ```
//! // use actix_session::storage::{
//! use sessile::storage::compat::{
//!     LoadError, SaveError, SessionKey, SessionStore, UpdateError, generate_session_key,
//! };
//! # assert_eq!(generate_session_key().as_ref().len(), 64);
//! ```
//!
//! And the application wraps it:
//!
//! ```
//! # #[cfg(feature = "actix")] {
//! use actix_web::{App, cookie::Key, web};
//! use sessile::{Session, SessionMiddleware, storage::compat::Adapter};
//! # mod old_store { include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/stores/old_store.rs")); }
//! # use old_store::OldStore;
//!
//! async fn visits(session: Session) -> actix_web::Result<String> {
//!     session.update_or("visits", 1, |n: u32| n + 1)?;
//!     Ok(format!("Visits: {:?}", session.get::<u32>("visits")?))
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! # use actix_web::test::{TestRequest, call_and_read_body, init_service};
//! # let key = Key::generate();
//! let sessions = SessionMiddleware::new(Adapter::new(OldStore::default()), key);
//! let app = App::new().wrap(sessions).route("/", web::get().to(visits));
//! # let app = init_service(app).await;
//! # let body = call_and_read_body(&app, TestRequest::default().to_request()).await;
//! # assert_eq!(body, "Visits: Some(1)");
//! # });
//! # }
//! ```
//!
//! [`Adapter`] documents which guarantees such a store lacks. A store for the contract of this
//! crate has them: see [`guide::writing_a_store`](crate::guide::writing_a_store).

mod adapter;
mod entries;
mod error;
mod interface;
mod key;
mod queue;

pub use self::{
    adapter::Adapter,
    error::{LoadError, SaveError, UpdateError},
    interface::SessionStore,
    key::{InvalidSessionKeyError, SessionKey, generate_session_key},
};
