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
//! # What it promises
//!
//! 1. No acknowledged write is lost while its session lives. Changes of concurrent requests are merged:
//!    see [`Session`].
//! 2. An ended session is never readable again, under any key, whatever requests are in flight.
//! 3. A key from before a [`renew`](Session::renew) never opens what the renewal or a later request stored.
//! 4. A request ends within its timeout, whatever the store does: see [`Settings::store_timeout`](config::Settings::store_timeout).
//! 5. A client's input never causes a panic or a server error.
//! 6. A write that a durable store acknowledged survives the end of the process.
//!
//! `CookieSessionStore` keeps the session in the cookie, so it can't promise the first three.
//!
//! # Choosing a store
//!
//! | store | feature | sessions live |
//! | --- | --- | --- |
//! | [`MemorySessionStore`](storage::MemorySessionStore) | – | in this process, until it ends |
//! | `CookieSessionStore` | `cookie-session` | in the browser's cookie; the server can't end them |
//! | `SqliteSessionStore` | `sqlite-session` | in a file on this machine |
//! | `PostgresSessionStore` | `postgres-session` | in a table of a PostgreSQL database |
//! | `MySqlSessionStore` | `mysql-session` | in a table of a MySQL or MariaDB database |
//! | `RedisSessionStore` | `redis-session` | in Redis: one server, a cluster, or Sentinel |
//! | `RedisActorSessionStore` | `redis-actor-session` | in Redis, for programs that used the store of this name in `actix-session` |
//! | [`AnySessionStore`](storage::AnySessionStore) | – | in any of these, chosen by an address at run time |
//! | your own [`SessionStore`](storage::SessionStore) | – | where you choose: see [`guide::writing_a_store`] |
//! | your own store for `actix-session` | `compat` | where they are: `storage::compat::Adapter` wraps it |
//!
//! # Signing in and out
//!
//! Call [`renew`](Session::renew) when a user signs in, so that a key that an attacker planted before
//! opens nothing. Call [`purge`](Session::purge) when the user signs out.
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
//! # What it costs
//!
//! A request that reads its session costs one round trip to the store; a request that changes it costs
//! two. Three settings reduce the cost:
//!
//! - [`Loading::Lazy`](config::Loading::Lazy): a request that doesn't use its session costs none.
//! - A near cache (`storage::NearCacheConfig`) keeps sessions that were read from Redis in memory, until
//!   Redis reports that they changed.
//! - [`TtlExtensionPolicy::OnStateChanges`](config::TtlExtensionPolicy::OnStateChanges), the default: reading
//!   writes nothing.
//!
//! # Watching it
//!
//! The crate reports errors and unusual events through `tracing`, without keys, cookies or values. With
//! the feature `metrics` it counts them:
//!
//! | counter | what it counts |
//! | --- | --- |
//! | `sessile_cookies_rejected_total` | cookies that failed verification |
//! | `sessile_cookies_ambiguous_total` | requests with cookies of several live sessions, of which none counted |
//! | `sessile_sessions_not_found_total` | verified cookies that name no live session |
//! | `sessile_changes_dropped_total` | requests whose changes were dropped, because another request had ended or renewed the session |
//! | `sessile_conflicts_total` | updates that conflicted with another request's and were merged |
//! | `sessile_records_corrupt_total` | stored sessions that can't be decoded |
//! | `sessile_failures_total` | requests that failed because of their session |
//! | `sessile_near_cache_hits_total`, `…_misses_total`, `…_invalidations_total` | near-cache hits, misses and invalidations |
//!
//! # Finding your way around
//!
//! Each step of a request is in one place. [`SessionManager::open`](engine::SessionManager::open) reads the `Cookie` header and loads the
//! record from the [`store`](storage). The handler reads and writes its [`Session`].
//! [`SessionManager::commit`](engine::SessionManager::commit) stores the changes and returns the `Set-Cookie` header. The
//! [`SessionMiddleware`] only passes headers to them and back. Without the feature `actix`, which is on by
//! default, everything except the Actix Web adapter remains, for use with other frameworks.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `actix` (default) | the Actix Web adapter |
//! | `cookie-session`, `sqlite-session`, `postgres-session`, `mysql-session`, `redis-session`, `redis-actor-session` | the stores above |
//! | `redis-rs-session` | an alias of `redis-session`, the name in `actix-session` 0.6 to 0.9 |
//! | `redis-pool` | `RedisSessionStore` on the application's `deadpool_redis` pool |
//! | `redis-session-rustls` | `RedisSessionStore` over TLS, with `rustls` |
//! | `redis-session-native-tls`, or its alias `redis-rs-tls-session` | the same, with the operating system's TLS library |
//! | `compat` | `storage::compat`: stores that were written for `actix-session` |
//! | `metrics` | counters through the `metrics` facade |
//! | `store-tests` | `test_helpers::store_contract_test_suite`: checks a store against the contract |
//! | `test-helpers` | `test_helpers::acceptance_test_suite`: the same, and the store behind a web application |

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
    error::{SessionGetError, SessionInsertError, SessionUpdateError},
    session::{Session, SessionStatus},
};

/// Compiles the example of the README.
#[cfg(all(doctest, feature = "actix", feature = "sqlite-session"))]
#[doc = include_str!("../../README.md")]
struct Readme;
