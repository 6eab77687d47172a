//! Choosing a store: what each store costs, loses and needs.
//!
//! Read this page before you set up the middleware. A store can be replaced later, but the sessions in the old one stay
//! there, so your users sign in again.
//!
//! # Which one
//!
//! | your application | the store |
//! | --- | --- |
//! | is in development, or may lose its sessions when it restarts | [`MemorySessionStore`] |
//! | runs on one machine | [`SqliteSessionStore`] |
//! | runs on several machines and has a PostgreSQL, MySQL or MariaDB database | [`PostgresSessionStore`], [`MySqlSessionStore`] |
//! | runs on several machines and has many requests | [`RedisSessionStore`] |
//! | has no place for sessions, keeps little in them, and need not end them on the server | [`CookieSessionStore`] |
//! | lets its operator choose | [`AnySessionStore`] |
//! | has a store that was written for actix-session | [`compat::Adapter`] |
//! | has another database or service | your own: see [`writing_a_store`] |
//!
//! With a store on the server, changes of concurrent requests are merged and a sign-out is final.
//! `CookieSessionStore` can do neither: the browser keeps the last cookie that it receives, and a copy of a cookie is
//! valid until it expires.
//!
//! # What each costs, loses and needs
//!
//! | store | feature | round trips: read, change | lost in a crash | needs |
//! | --- | --- | --- | --- | --- |
//! | [`MemorySessionStore`] | – | 0, 0 | all sessions, when the process ends | one process; it is [bounded], by default to 256 MiB |
//! | [`CookieSessionStore`] | `cookie-session` | 0, 0 | nothing | at most 4096 bytes for the whole cookie |
//! | [`SqliteSessionStore`] | `sqlite-session` | a local file | nothing, when the process ends; the last writes, when the power fails, unless [`synchronous`] is set | a disk of this machine |
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
//! - By default, reading a session writes nothing. [`TtlExtensionPolicy::OnEveryRequest`] adds a write now and then.
//! - [Benchmarks] has the processor time of each store, and [`scaling`] estimates what many sessions need.
//! - [`databases`] is the page for the administrator of a PostgreSQL, MySQL or MariaDB database.
//!
//! # By an address from the configuration
//!
//! [`AnySessionStore`] opens the store that an address names, if its feature is enabled. So an application can use memory
//! in development and Redis in production:
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
//! # Moving to another store
//!
//! [`MigratingStore`] moves sessions to another store while the application runs: see [`moving_stores`].
//!
//! # Several applications in one store
//!
//! Give each application its own sealing key. Two applications with the same key and the same store open each other's
//! sessions. In a shared Redis, give each a [`key_prefix`] of its own. In a shared PostgreSQL, MySQL or
//! MariaDB database, `table("…")` names the table. In SQLite, use a file for each application.
//!
//! [Benchmarks]: https://github.com/sessile-rs/sessile/blob/main/docs/benchmarks.md
//! [`AnySessionStore`]: crate::storage::AnySessionStore
//! [`CookieSessionStore`]: crate::storage::CookieSessionStore
//! [`Loading::Lazy`]: crate::config::Loading::Lazy
//! [`MemorySessionStore`]: crate::storage::MemorySessionStore
//! [`MigratingStore`]: crate::storage::MigratingStore
//! [`MySqlSessionStore`]: crate::storage::MySqlSessionStore
//! [`PostgresSessionStore`]: crate::storage::PostgresSessionStore
//! [`RedisActorSessionStore`]: crate::storage::RedisActorSessionStore
//! [`RedisSessionStore`]: crate::storage::RedisSessionStore
//! [`SqliteSessionStore`]: crate::storage::SqliteSessionStore
//! [`TtlExtensionPolicy::OnEveryRequest`]: crate::config::TtlExtensionPolicy::OnEveryRequest
//! [`compat::Adapter`]: crate::storage::compat::Adapter
//! [`databases`]: crate::guide::databases
//! [`key_prefix`]: crate::storage::RedisSessionStoreBuilder::key_prefix
//! [`moving_stores`]: crate::guide::moving_stores
//! [`scaling`]: crate::guide::scaling
//! [`synchronous`]: crate::storage::SqliteSessionStoreBuilder::synchronous
//! [`writing_a_store`]: crate::guide::writing_a_store
//! [bounded]: crate::storage::MemorySessionStoreBuilder::max_bytes
//! [users]: crate::storage::RedisSessionStore#the-sessions-of-a-user
//! [near cache]: crate::storage::RedisSessionStore#near-cache
