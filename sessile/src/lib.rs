//! Sessions for Actix Web that stay correct when requests race, when users sign out while requests
//! are under way, and when the store fails.
//!
//! HTTP forgets a visitor with each request. A *session* is what the server remembers in between:
//! a small set of names and values, found again by a secret, the *session key*, that the browser
//! keeps in a cookie. This crate does the remembering; handlers read and write a [`Session`].
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
//! 1. No acknowledged write is lost while its session lives. Requests that run at once are merged:
//!    see [`Session`].
//! 2. A session that was ended is never readable again, under any key, whatever was under way.
//! 3. A key that was known before [`renew`](Session::renew) never reaches what was stored at or
//!    after it.
//! 4. A request ends within its timeout, whatever the store does: see [`Settings::store_timeout`].
//! 5. Nothing that a client sends panics, or is answered with a server error by itself.
//! 6. What a durable store acknowledged survives the end of the process.
//!
//! The store where the state travels in the cookie can't promise the first three; it says so.
//!
//! # Choosing a store
//!
//! | store | feature | sessions live |
//! | --- | --- | --- |
//! | [`MemorySessionStore`](storage::MemorySessionStore) | always there | in this process, until it ends |
//! | `CookieSessionStore` | `cookie-session` | in the browser: nothing to run, nothing to take back |
//! | `SqliteSessionStore` | `sqlite-session` | in a file on this machine |
//! | `PostgresSessionStore` | `postgres-session` | in a table of a PostgreSQL database |
//! | `MySqlSessionStore` | `mysql-session` | in a table of a MySQL or MariaDB database |
//! | `RedisSessionStore` | `redis-rs-session` | in Redis: one server, a cluster, or what Sentinel watches |
//! | `RedisActorSessionStore` | `redis-actor-session` | in Redis as well, for programs that used that store of `actix-session`'s |
//! | [`AnySessionStore`](storage::AnySessionStore) | always there | in any of these, chosen by its address |
//! | one of your own | | wherever [`SessionStore`](storage::SessionStore) leads |
//!
//! # Signing in and out
//!
//! [`renew`](Session::renew) when somebody signs in, so that a key that was planted before is
//! worth nothing after; [`purge`](Session::purge) when they sign out.
//!
//! ```
//! use actix_web::{HttpResponse, web};
//! use sessile::Session;
//!
//! async fn sign_in(session: Session, name: web::Form<String>) -> actix_web::Result<HttpResponse> {
//!     // … after the password was checked …
//!     session.renew();
//!     session.insert("user", &*name)?;
//!     Ok(HttpResponse::Ok().finish())
//! }
//!
//! async fn sign_out(session: Session) -> HttpResponse {
//!     session.purge();
//!     HttpResponse::Ok().finish()
//! }
//! # actix_web::rt::System::new().block_on(async {
//! # let session = Session::new();
//! # sign_in(session.clone(), web::Form("ferris".to_owned())).await.unwrap();
//! # assert_eq!(session.status(), sessile::SessionStatus::Renewed);
//! # sign_out(session.clone()).await;
//! # assert!(session.entries().is_empty());
//! # });
//! ```
//!
//! # What it costs
//!
//! A request that reads its session costs one round trip to the store, and one that changes it two.
//! Three choices make it less:
//!
//! - [`Loading::OnDemand`](config::Loading::OnDemand): a request that doesn't use its session costs none.
//! - A near cache (`storage::NearCache`) keeps what was read from Redis, until Redis says that it
//!   changed.
//! - [`TtlExtensionPolicy::OnStateChanges`](config::TtlExtensionPolicy::OnStateChanges), the default: reading
//!   writes nothing.
//!
//! # Watching it
//!
//! Everything worth knowing is a `tracing` event, without keys, cookies or values. With the feature
//! `metrics` it is counted as well:
//!
//! | counter | what it counts |
//! | --- | --- |
//! | `sessile_cookies_rejected_total` | cookies that aren't ours, or not any more |
//! | `sessile_sessions_not_found_total` | cookies of ours that name no live session |
//! | `sessile_sessions_gone_total` | sessions that ended while a request changed them |
//! | `sessile_conflicts_total` | changes that had to be merged with another request's |
//! | `sessile_records_corrupt_total` | stored sessions that can't be decoded |
//! | `sessile_failures_total` | requests that failed for their session |
//! | `sessile_near_cache_hits_total`, `…_misses_total`, `…_invalidations_total` | what a near cache was asked for and had, had not, and was told to forget |
//!
//! # Finding your way around
//!
//! A request's way is short, and each step is in one place: the `Cookie` header is opened by
//! [`SessionManager::open`], which loads the record from the [`store`](storage); the handler writes
//! to its [`Session`]; [`SessionManager::commit`] stores the changes and makes the `Set-Cookie`.
//! The [`SessionMiddleware`] only carries headers in and out, and without the feature `actix`
//! (which is on by default) everything but it remains, for other frameworks.
//!
//! # Features
//!
//! | feature | what it adds |
//! | --- | --- |
//! | `actix` (default) | the Actix Web adapter |
//! | `cookie-session`, `sqlite-session`, `postgres-session`, `mysql-session`, `redis-rs-session`, `redis-actor-session` | the stores above |
//! | `redis-session` | another name for `redis-rs-session` |
//! | `redis-pool` | `RedisSessionStore` on a `deadpool_redis` pool of the application's |
//! | `redis-session-rustls` | `RedisSessionStore` over TLS, by `rustls` |
//! | `redis-rs-tls-session`, also `redis-session-native-tls` | the same by the operating system's library |
//! | `metrics` | counters through the `metrics` facade |
//! | `test-helpers` | `test_helpers`: the acceptance suite for stores |

#![cfg_attr(docsrs, feature(doc_cfg))]
// Without the adapter there is nothing for these links of the tour to lead to.
#![cfg_attr(not(feature = "actix"), allow(rustdoc::broken_intra_doc_links))]

#[cfg(feature = "actix")]
mod actix;
mod clock;
pub mod config;
mod cookie;
mod failure;
mod journal;
mod json;
mod key;
mod legacy;
mod lifetime;
mod manager;
mod random;
mod record;
mod session;
mod settings;
mod state;
pub mod storage;
mod telemetry;
#[cfg(feature = "test-helpers")]
pub mod test_helpers;
mod text;
mod timeout;

#[cfg(feature = "actix")]
pub use self::actix::{SessionExt, SessionMiddleware, SessionMiddlewareBuilder};
pub use self::{
    clock::{Clock, ManualClock, SystemClock, Timestamp},
    config::{CookieContentSecurity, SessionLength},
    cookie::{CookieTooLargeError, InvalidSealingKeyError, SealingKey, SetCookie},
    failure::{CommitError, OpenError, StateTooLargeError},
    journal::MergeError,
    json::JsonError,
    manager::SessionManager,
    record::{DecodeError, Record},
    session::{
        ReadError, Session, SessionClosedError, SessionGetError, SessionInsertError,
        SessionReloadError, SessionSaveError, SessionStatus, SessionUpdateError, WriteError,
    },
    settings::{InvalidCookieError, Settings, SettingsError},
    state::State,
};

/// Compiles the example of the README.
#[cfg(all(doctest, feature = "actix", feature = "sqlite-session"))]
#[doc = include_str!("../../README.md")]
struct Readme;
