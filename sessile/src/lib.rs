//! Sessions for Actix Web that stay correct when requests race, when users sign out while requests
//! are in flight, and when the store fails.
//!
//! HTTP has no state: a request knows nothing of the visitor's earlier requests. A *session* is a small
//! set of names and values that the server keeps between them. The browser sends the *session key*, a
//! secret that opens the session, in a cookie. Handlers read and write a [`Session`]; this crate loads
//! and stores it.
//!
//! # Getting started
//!
//! ```
//! use actix_web::{App, HttpServer, cookie::Key, web};
//! use sessile::{Session, SessionMiddleware, storage::MemorySessionStore};
//!
//! async fn visits(session: Session) -> actix_web::Result<String> {
//!     session.update_or("visits", 1, |n: u32| n + 1)?;
//!     Ok(format!("Visits: {:?}", session.get::<u32>("visits")?))
//! }
//!
//! # async fn serve() -> std::io::Result<()> {
//! // In production: the same key on every server and after every restart.
//! let sessions = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
//! HttpServer::new(move || App::new().wrap(sessions.clone()).route("/", web::get().to(visits)))
//!     .bind(("127.0.0.1", 8080))?
//!     .run()
//!     .await
//! # }
//! # actix_web::rt::System::new().block_on(async {
//! # use actix_web::test::{TestRequest, call_and_read_body, init_service};
//! # let sessions = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
//! # let app = init_service(App::new().wrap(sessions).route("/", web::get().to(visits))).await;
//! # let body = call_and_read_body(&app, TestRequest::default().to_request()).await;
//! # assert_eq!(body, "Visits: Some(1)");
//! # });
//! ```
//!
//! `Key::generate()` makes a new key at each start, which ends all sessions. In production, load the key from a file with
//! [`KeyRing::from_file`](config::KeyRing::from_file): see [`guide::replacing_keys`].
//!
//! Browsers send the cookie over HTTPS only; some make no exception for `localhost`. For development over plain HTTP, use
//! `SessionMiddleware::builder(store, key).allow_plain_http(true).build()`.
//!
//! The defaults are those of actix-session. A new application begins with
//! [`SessionMiddleware::strict`](SessionMiddleware::strict), whose settings are safer.
//!
//! # What it promises
//!
//! 1. No acknowledged write is lost while its session lives. Changes of concurrent requests are merged:
//!    see [`guide::concurrent_requests`].
//! 2. An ended session is never readable again, under any key, whatever requests are in flight.
//! 3. A key from before a [`renew`](Session::renew) never opens what the renewal or a later request stored.
//! 4. A request waits for its store for at most [`Settings::store_timeout`](config::Settings::store_timeout) each time that
//!    it loads or stores its session.
//! 5. A client's input never causes a panic or a server error.
//! 6. A write that a durable store acknowledged survives the end of the process.
//!
//! [`guide::choosing_a_store`] lists the stores. `CookieSessionStore` keeps the session in the cookie, so it can't promise
//! the first three.
//!
//! # Signing in and out
//!
//! Call [`renew`](Session::renew) when a user signs in. A key that an attacker planted earlier then opens nothing. Call
//! [`purge`](Session::purge) when the user signs out.
//!
//! ```
//! use actix_web::{HttpResponse, web};
//! use sessile::Session;
//!
//! #[derive(serde::Deserialize)]
//! struct SignIn {
//!     name: String,
//! }
//!
//! async fn sign_in(session: Session, form: web::Form<SignIn>) -> actix_web::Result<HttpResponse> {
//!     // … after the password was checked …
//!     session.renew();
//!     session.insert("user", &form.name)?;
//!     Ok(HttpResponse::Ok().finish())
//! }
//!
//! async fn sign_out(session: Session) -> HttpResponse {
//!     session.purge();
//!     HttpResponse::Ok().finish()
//! }
//! # actix_web::rt::System::new().block_on(async {
//! # let session = Session::new();
//! # sign_in(session.clone(), web::Form(SignIn { name: "ferris".to_owned() })).await.unwrap();
//! # assert_eq!(session.status(), sessile::SessionStatus::Renewed);
//! # sign_out(session.clone()).await;
//! # assert!(session.entries().is_empty());
//! # });
//! ```
//!
//! # Where to go next
//!
//! - The [`guide`] has a page for each task, such as choosing a store or timeouts, running behind a proxy, replacing
//!   actix-session, and monitoring.
//! - [`config::Settings`] describes each setting.
//! - [`extract`] has further extractors: a session as one struct, and the sessions of several middlewares.
//! - [`error`] lists which call returns which error.
//! - [`storage`] has the stores, and the contract for a store of your own.
//! - [`engine`] is for adapters to other web frameworks. Without the feature `actix`, everything except the Actix Web
//!   adapter remains.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `actix` (default) | the Actix Web adapter |
//! | `cookie-session`, `sqlite-session`, `postgres-session`, `mysql-session`, `redis-session`, `redis-actor-session` | a store: see [`guide::choosing_a_store`] |
//! | `redis-rs-session` | an alias of `redis-session`, the name in `actix-session` 0.6 to 0.9 |
//! | `redis-pool` | `RedisSessionStore` on the application's `deadpool_redis` pool |
//! | `postgres-pool`, `postgres-pool-sqlx` | `PostgresSessionStore` on the application's pool of `deadpool-postgres` or `sqlx` |
//! | `redis-session-rustls` | `RedisSessionStore` over TLS, with `rustls` |
//! | `redis-session-native-tls`, or its alias `redis-rs-tls-session` | the same, with the operating system's TLS library |
//! | `compat` | `storage::compat`: stores that were written for `actix-session` |
//! | `metrics` | counters through the `metrics` facade: see [`guide::logs_and_metrics`] |
//! | `store-tests` | `test_helpers::store_contract_test_suite`: checks a store against the contract |
//! | `test-helpers` | `test_helpers::acceptance_test_suite`: also checks a store behind a web application |

#![cfg_attr(docsrs, feature(doc_cfg))]
// Without the adapter there is nothing for these links of the tour to lead to.
#![cfg_attr(not(feature = "actix"), allow(rustdoc::broken_intra_doc_links))]

#[cfg(feature = "actix")]
mod actix;
pub mod clock;
pub mod config;
mod cookie;
pub mod engine;
pub mod error;
pub mod extract;
pub mod guide;
mod random;
pub mod record;
mod session;
pub mod storage;
mod telemetry;
#[cfg(feature = "store-tests")]
pub mod test_helpers;
mod timeout;

#[cfg(feature = "actix")]
pub use self::actix::{SessionExt, SessionMiddleware, SessionMiddlewareBuilder};
pub use self::{
    config::{CookieContentSecurity, SessionLength},
    engine::Sessions,
    error::{SessionGetError, SessionInsertError, SessionUpdateError},
    session::{Session, SessionStatus},
};

/// Compiles the example of the README.
#[cfg(all(doctest, feature = "actix", feature = "sqlite-session"))]
#[doc = include_str!("../../README.md")]
struct Readme;
