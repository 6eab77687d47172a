//! Choosing a store: what each store costs, loses and needs.
//!
//! Read this page before you set up the middleware. A store can be replaced later without signing users out: see
//! [`moving_stores`].
//!
//! # Which one
//!
//! | your application | the store |
//! | --- | --- |
//! | is in development, or may lose its sessions when it restarts | [`MemorySessionStore`] |
//! | runs on one machine | [`SqliteSessionStore`] |
//! | runs on several machines and has a PostgreSQL, MySQL or MariaDB database | [`PostgresSessionStore`], [`MySqlSessionStore`] |
//! | runs on several machines and has many requests | [`RedisSessionStore`] |
//! | runs no server for sessions, and its sessions are small | [`CookieSessionStore`]; with a [`RevocationList`] if users sign in |
//! | lets its operator choose | [`AnySessionStore`] |
//! | has a store that was written for actix-session | [`compat::Adapter`] |
//! | has another database or service | your own: see [`writing_a_store`] |
//!
//! A store on the server merges the changes of concurrent requests, and a sign-out is final. `CookieSessionStore` merges
//! nothing, and without a [revocation list](#ending-sessions-that-are-in-cookies) a copy of a cookie is valid until it
//! expires.
//!
//! # What each costs, loses and needs
//!
//! | store | feature | round trips: read, change | lost in a crash | needs |
//! | --- | --- | --- | --- | --- |
//! | [`MemorySessionStore`] | – | 0, 0 | all sessions if the process ends | one process; it is [bounded], by default to 256 MiB |
//! | [`CookieSessionStore`] | `cookie-session` | 0, 0 | nothing | at most 4096 bytes for the whole cookie |
//! | the same with a [`RevocationList`] | `cookie-session` | 1, 2 | what the store of the list loses | the same, and a store for the list |
//! | [`SqliteSessionStore`] | `sqlite-session` | a local file | nothing if the process ends; the last writes if the power fails, unless [`synchronous`] is set | a disk of this machine |
//! | [`PostgresSessionStore`] | `postgres-session` | 1, 2 | nothing with the server's defaults | PostgreSQL 13 |
//! | [`MySqlSessionStore`] | `mysql-session` | 1, 2 | nothing with the server's defaults | MySQL 8.0 or MariaDB 10.6 |
//! | [`RedisSessionStore`] | `redis-session` | 1, 2 | what Redis had not yet written to its disk, or to a replica in a failover | Redis 5.0 |
//! | the same with a [near cache] | `redis-session` | 0, 1 | the same | Redis 6.0; memory in each server of the application |
//! | [`RedisActorSessionStore`] | `redis-actor-session` | 1, 2 | the same | Redis 5.0 and an Actix system. For programs that used the store of this name in actix-session |
//!
//! - A change costs two round trips because the session is loaded before the handler and stored after it.
//! - In Redis, a change of a signed-in session costs [one or two round trips more][users], because the store also keeps
//!   a list of each user's sessions. Its reads and all requests of guests cost the same.
//! - A request without a session's cookie costs none. With [`Loading::Lazy`], a request that does not use its session
//!   costs none either.
//! - By default, a read writes nothing for a guest, and once in five minutes for a signed-in user: see
//!   [`devices`](crate::guide::devices). [`TtlExtensionPolicy::OnEveryRequest`] adds a write each time
//!   that a twentieth of the idle timeout has passed.
//! - [Benchmarks] lists the processor time of each store, and [`scaling`] estimates what many sessions need.
//! - [`databases`] is the page for the administrator of a PostgreSQL, MySQL or MariaDB database.
//!
//! # Ending sessions that are in cookies
//!
//! A [`RevocationList`] holds the ids of ended sessions until their cookies expire. Every store that finds the
//! sessions of a user can keep it. The program [`examples/ending_cookies.rs`] uses one:
//!
//! ```
//! # #[cfg(all(feature = "actix", feature = "cookie-session"))] {
//! use std::time::Duration;
//! use actix_web::cookie::Key;
//! use sessile::{
//!     SessionMiddleware,
//!     storage::{CookieSessionStore, MemorySessionStore, RevocationList},
//! };
//!
//! # actix_web::rt::System::new().block_on(async {
//! // In production, use a store that all servers share, and that survives a restart.
//! let list = RevocationList::new(MemorySessionStore::default()).max_staleness(Duration::from_secs(2));
//! let store = CookieSessionStore::with_revocations(list);
//! let middleware = SessionMiddleware::new(store, Key::generate());
//!
//! let sessions = middleware.sessions();
//! sessions.end_all("user-17").await?;
//! # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
//! # }
//! ```
//!
//! | request | in the cookie | with a list | with `max_staleness` | on a server, such as Redis |
//! | --- | --- | --- | --- | --- |
//! | without a session | 0 | 0 | 0 | 0 |
//! | reads | 0 | 1 | 0, or 1 if the last reply is too old | 1 |
//! | changes | 0 | 2 | 1 or 2 | 2 |
//! | signs out | 0 | 2; 4 if another request renews at the same time | 1 or 2 | 2 |
//! | renews | 0 | 3 | 2 or 3 | 2 |
//! | the store keeps | nothing | the ids of ended sessions | the same | all sessions |
//!
//! - A sign-out is acknowledged when the id is on the list. `renew` and `sign_in` list the old id. For the [grace period],
//!   a request with the old cookie gets 409 if it changes something, and can still sign out.
//! - Before the middleware sends a cookie, it queries the list again. If the session has ended in the meantime, it
//!   withholds the cookie, and a change gets 409.
//! - [`Sessions::end_all`], [`Sessions::end_everything`], [`Sessions::end_by_id`] and [`Sessions::end_all_and_sign_in`]
//!   work. No store knows which sessions exist. So `Sessions::list` does not compile, and building the middleware fails
//!   if a limit or timed rotation is set.
//! - If the store of the list fails, requests with a session fail. So this store must be as available as a store of
//!   sessions.
//! - With `max_staleness`, a server can serve a session for up to this time after another server has ended it.
//! - `end_all` and `end_everything` use the clock of the server that calls them. If the clock of another server is
//!   ahead, they miss the sessions that signed in there shortly before. Repeat the call when the difference of the
//!   clocks has passed.
//! - A cookie of actix-session has neither an id nor times, so [not every call ends
//!   it](crate::storage::CookieSessionStore::with_revocations). Turn
//!   [`accept_actix_session_cookies`] off as soon as you can.
//! - With [`TtlExtensionPolicy::OnEveryRequest`], each response sends the cookie, so a read costs as much as a change.
//! - Configure the list on all servers. A server without it opens ended sessions.
//! - Concurrent changes are still not merged. A second sign-in with the cookie from before the first one begins a
//!   session without the values of the first.
//!
//! # By an address from the configuration
//!
//! [`AnySessionStore`] opens the store that an address names, if its feature is enabled: its
//! documentation lists the addresses. So an application can use memory in development and Redis in production:
//!
//! ```
//! # #[cfg(feature = "actix")] {
//! use actix_web::cookie::Key;
//! use sessile::{SessionMiddleware, storage::AnySessionStore};
//!
//! # actix_web::rt::System::new().block_on(async {
//! let address = std::env::var("SESSION_STORE").unwrap_or_else(|_| "memory:".to_owned());
//! let store = AnySessionStore::connect(address).await?;
//! let sessions = SessionMiddleware::new(store, Key::generate());
//! # let _ = sessions;
//!
//! // The error does not quote the address, which may have a password.
//! let refused = AnySessionStore::connect("carrier-pigeon://user:secret@coop").await.unwrap_err();
//! assert!(!format!("{refused} {refused:?}").contains("secret"));
//! # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
//! # }
//! ```
//!
//! # Deleting expired sessions
//!
//! No store serves an expired session. The memory store and Redis also free its space by themselves. SQLite,
//! PostgreSQL, MySQL and MariaDB keep the rows until a clean-up deletes them, so start one when the application
//! starts:
//!
//! ```
//! # #[cfg(feature = "sqlite-session")] {
//! use std::time::Duration;
//! use sessile::storage::AnySessionStore;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let store = AnySessionStore::connect("sqlite::memory:").await?;
//! // The task ends when this is dropped.
//! let cleanup = store.start_cleanup(Duration::from_secs(60));
//! assert!(cleanup.is_some());
//! # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
//! # }
//! ```
//!
//! # Several applications in one store
//!
//! Give each application its own sealing key. Two applications with the same key and the same store open each other's
//! sessions. In a shared Redis, give each a [`key_prefix`] of its own. In a shared PostgreSQL, MySQL or
//! MariaDB database, `table("…")` names the table. In SQLite, use a file for each application.
//!
//! [Benchmarks]: https://github.com/sessile-rs/sessile/blob/main/docs/benchmarks.md
//! [`AnySessionStore`]: crate::storage::AnySessionStore
//! [`examples/ending_cookies.rs`]: https://github.com/sessile-rs/sessile/blob/main/sessile/examples/ending_cookies.rs
//! [`CookieSessionStore`]: crate::storage::CookieSessionStore
//! [`Loading::Lazy`]: crate::config::Loading::Lazy
//! [`MemorySessionStore`]: crate::storage::MemorySessionStore
//! [`MySqlSessionStore`]: crate::storage::MySqlSessionStore
//! [`PostgresSessionStore`]: crate::storage::PostgresSessionStore
//! [`RedisActorSessionStore`]: crate::storage::RedisActorSessionStore
//! [`RedisSessionStore`]: crate::storage::RedisSessionStore
//! [`SqliteSessionStore`]: crate::storage::SqliteSessionStore
//! [`TtlExtensionPolicy::OnEveryRequest`]: crate::config::TtlExtensionPolicy::OnEveryRequest
//! [`compat::Adapter`]: crate::storage::compat::Adapter
//! [`databases`]: crate::guide::databases
//! [`key_prefix`]: crate::storage::RedisSessionStoreBuilder::key_prefix
//! [`RevocationList`]: crate::storage::RevocationList
//! [`Sessions::end_all_and_sign_in`]: crate::Sessions::end_all_and_sign_in
//! [`Sessions::end_all`]: crate::Sessions::end_all
//! [`Sessions::end_by_id`]: crate::Sessions::end_by_id
//! [`Sessions::end_everything`]: crate::Sessions::end_everything
//! [`accept_actix_session_cookies`]: crate::config::Settings::accept_actix_session_cookies
//! [grace period]: crate::config::Settings::renewal_grace
//! [`moving_stores`]: crate::guide::moving_stores
//! [`scaling`]: crate::guide::scaling
//! [`synchronous`]: crate::storage::SqliteSessionStoreBuilder::synchronous
//! [`writing_a_store`]: crate::guide::writing_a_store
//! [bounded]: crate::storage::MemorySessionStoreBuilder::max_bytes
//! [users]: crate::storage::RedisSessionStore#the-sessions-of-a-user
//! [near cache]: crate::storage::RedisSessionStore#near-cache
