//! Sessions for Actix Web. They stay correct when requests run concurrently, when users sign out while requests are in
//! flight, and when the store fails.
//!
//! HTTP is stateless: a request contains nothing about the visitor's earlier requests. A *session* is a small set of
//! names and values that the server keeps between requests. The browser sends the *session key*, a secret that opens
//! the session, in a cookie. Handlers read and write a [`Session`]; this crate loads and stores it.
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
//! The defaults are those of actix-session. In a new application, use [`SessionMiddleware::strict`]`(store, key).build()`
//! in place of `SessionMiddleware::new(store, key)`, because [its settings](config::Settings::strict) are safer. All
//! sessions then end after a day, unless you set another absolute timeout.
//!
//! # What it promises
//!
//! 1. No acknowledged write is lost while its session lives. Changes of concurrent requests are merged:
//!    see [`guide::concurrent_requests`].
//! 2. No key opens an ended session again, whatever requests are in flight.
//! 3. After a [`renew`](Session::renew), the old key opens neither the renewed session nor what later requests store in
//!    it.
//! 4. A request waits for its store for at most [`Settings::store_timeout`](config::Settings::store_timeout) each time that
//!    it loads or stores its session.
//! 5. A client's input never causes a panic or a server error.
//! 6. A write survives the end of the process if a durable store has acknowledged it.
//!
//! [`guide::choosing_a_store`] lists the stores. `CookieSessionStore` keeps the session in the cookie, so it does not
//! keep the first three promises. With a [revocation
//! list](guide::choosing_a_store#ending-sessions-that-are-in-cookies), it keeps the second and the third, except for
//! the `max_staleness` of the list.
//!
//! # Signing in and out
//!
//! [`sign_in`](Session::sign_in) ties the session to a user, and replaces its key, so that a key that an attacker
//! planted earlier opens nothing. [`sign_out`](Session::sign_out) ends the session. The extractor
//! [`SignedIn`](extract::SignedIn) is for pages that only signed-in users see.
//!
//! ```
//! use actix_web::{App, HttpResponse, Result, web};
//! use sessile::{Session, extract::SignedIn};
//!
//! #[derive(serde::Deserialize)]
//! struct Login {
//!     name: String,
//! }
//!
//! async fn login(session: Session, form: web::Form<Login>) -> Result<HttpResponse> {
//!     // … after the password was checked …
//!     session.sign_in(&form.name).await?;
//!     Ok(HttpResponse::NoContent().finish())
//! }
//!
//! async fn account(user: SignedIn) -> String {
//!     format!("You are {}.", user.subject())
//! }
//!
//! async fn logout(session: Session) -> HttpResponse {
//!     session.sign_out();
//!     HttpResponse::NoContent().finish()
//! }
//! # actix_web::rt::System::new().block_on(async {
//! # use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};
//! # use sessile::{SessionMiddleware, storage::MemorySessionStore};
//! # let sessions = SessionMiddleware::new(MemorySessionStore::default(), actix_web::cookie::Key::generate());
//! # let app = App::new().wrap(sessions).route("/login", web::post().to(login));
//! # let app = app.route("/account", web::get().to(account)).route("/logout", web::post().to(logout));
//! # let app = init_service(app).await;
//! # let login = TestRequest::post().uri("/login").set_form([("name", "ferris")]).to_request();
//! # let response = call_service(&app, login).await;
//! # let cookie = response.response().cookies().next().unwrap().into_owned();
//! # let account = || TestRequest::with_uri("/account").cookie(cookie.clone()).to_request();
//! # assert_eq!(call_and_read_body(&app, account()).await, "You are ferris.");
//! # let logout = TestRequest::post().uri("/logout").cookie(cookie.clone()).to_request();
//! # assert_eq!(call_service(&app, logout).await.status(), 204);
//! # assert_eq!(call_service(&app, account()).await.status(), 401);
//! # });
//! ```
//!
//! [`guide::signing_in`] continues from here, and [`guide::devices`] shows lists of devices and "log out everywhere".
//!
//! # Where to go next
//!
//! - The [`guide`] has a page for each task, such as signing users in, choosing a store or timeouts, running behind a proxy,
//!   replacing actix-session, and monitoring.
//! - [`config::Settings`] describes each setting.
//! - [`extract`] has further extractors, such as a session as one struct, and the guard against cross-site request forgery.
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
//! | `redis-session-rustls` | `RedisSessionStore` over TLS, with `rustls`. Enables `redis-session` |
//! | `redis-session-native-tls`, or its alias `redis-rs-tls-session` | the same, with the operating system's TLS library |
//! | `compat` | `storage::compat`: stores that were written for `actix-session` |
//! | `metrics` | metrics through the `metrics` facade: see [`guide::logs_and_metrics`] |
//! | `store-tests` | `test_helpers::store_contract_test_suite` and other suites that check a store |
//! | `test-helpers` | `test_helpers`: helpers for tests of applications (`guide::testing`), and a suite that checks a store over HTTP |

#![cfg_attr(docsrs, feature(doc_cfg))]
// Without the adapter, the targets of some links do not exist.
#![cfg_attr(not(feature = "actix"), allow(rustdoc::broken_intra_doc_links))]

#[cfg(feature = "actix")]
mod actix;
pub mod clock;
pub mod config;
mod cookie;
mod debug;
pub mod engine;
pub mod error;
pub mod extract;
pub mod guide;
mod random;
pub mod record;
#[cfg(all(test, feature = "metrics"))]
#[path = "../tests/shared/recorded.rs"]
mod recorded;
mod session;
pub mod storage;
mod telemetry;
#[cfg(feature = "store-tests")]
pub mod test_helpers;

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
