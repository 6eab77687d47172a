//! Administration: health checks, a graceful shutdown, and the sessions of all visitors.
//!
//! Read this page when you operate the application, or write an admin site.
//!
//! [`SessionMiddleware::sessions`] returns [`Sessions`], which has all of this. [`Sessions::new`] makes one directly from a
//! store, for background jobs and command-line tools. What it offers depends on the store:
//!
//! | operation | trait of the store | stores |
//! | --- | --- | --- |
//! | [`ping`](Sessions::ping), [`close`](Sessions::close) | [`ManagedStore`] | all |
//! | [`page`](Sessions::page), [`count`](Sessions::count), [`clear`](Sessions::clear) | [`IterableStore`] | all except the cookie store |
//! | [`list`](Sessions::list), [`end`](Sessions::end), [`end_others`](Sessions::end_others), [`end_by_label`](Sessions::end_by_label) | [`SubjectStore`] | all except the cookie store and [`MigratingStore`] |
//! | [`end_all`](Sessions::end_all), [`end_everything`](Sessions::end_everything) | [`EndingStore`] | as for `SubjectStore`, and the cookie store with a [`RevocationList`] |
//! | [`end_by_id`](Sessions::end_by_id) | [`SessionStore`](crate::storage::SessionStore) | all; an error with the cookie store without a list |
//!
//! `storage::compat::Adapter` supports only `end_by_id`, with an id that this process got from a session and not from text. [`AnySessionStore`] has all operations: one that the opened
//! store does not support returns an error of kind [`Unsupported`](crate::storage::StoreErrorKind::Unsupported).
//!
//! # A health check
//!
//! A load balancer asks each server whether it can serve. [`ping`](Sessions::ping) loads a session that does not
//! exist, so it tests what each request needs. Limit its time: the load balancer should not wait for as long as a
//! request may.
//!
//! ```
//! use std::time::Duration;
//! use actix_web::{App, HttpResponse, cookie::Key, web};
//! use sessile::{SessionMiddleware, Sessions, storage::AnySessionStore};
//!
//! async fn health(sessions: web::Data<Sessions<AnySessionStore>>) -> HttpResponse {
//!     match tokio::time::timeout(Duration::from_millis(500), sessions.ping()).await {
//!         Ok(Ok(())) => HttpResponse::NoContent().finish(),
//!         _ => HttpResponse::ServiceUnavailable().finish(),
//!     }
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! # use actix_web::test::{TestRequest, call_service, init_service};
//! let store = AnySessionStore::connect("memory:").await?; // from a configuration
//! let middleware = SessionMiddleware::new(store, Key::generate());
//! let app = App::new()
//!     .app_data(web::Data::new(middleware.sessions()))
//!     .route("/health", web::get().to(health))
//!     .wrap(middleware);
//! # let app = init_service(app).await;
//! # let response = call_service(&app, TestRequest::with_uri("/health").to_request()).await;
//! # assert_eq!(response.status(), 204);
//! # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
//! ```
//!
//! A liveness check, after which an orchestrator restarts the server, should not query the store. During an outage of
//! the store, the orchestrator would restart all servers and make the outage longer.
//!
//! # A graceful shutdown
//!
//! `HttpServer` stops accepting connections on `SIGTERM` and completes the requests in flight. Close the store afterwards:
//! requests that come later fail. For SQLite, closing applies the log to the database file.
//!
//! ```
//! # #[cfg(feature = "sqlite-session")] {
//! use sessile::storage::{AnySessionStore, ManagedStore, StoreErrorKind};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let store = AnySessionStore::connect("sqlite::memory:").await?;
//! // HttpServer::new(…).run().await?;
//! store.close().await?;
//! assert_eq!(store.ping().await.unwrap_err().kind(), StoreErrorKind::Unavailable);
//! # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
//! # }
//! ```
//!
//! # Looking at all sessions
//!
//! [`page`](Sessions::page) returns some sessions, of users and guests, and a cursor for the next page. The cursor is
//! a string, so a page of an admin site can link to the next page. A [`SessionInfo`](crate::engine::SessionInfo)
//! never contains a key, so readers of the page can't open a session.
//!
//! ```
//! use sessile::{Sessions, engine::SessionInfo, storage::{Cursor, MemorySessionStore, StoreError}};
//!
//! /// One line per session, and the cursor of the next page.
//! async fn admin_page(
//!     sessions: &Sessions<MemorySessionStore>,
//!     after: Option<String>,
//! ) -> Result<(Vec<String>, Option<String>), StoreError> {
//!     let after = after.map(Cursor::new);
//!     let page = sessions.page(after.as_ref(), 2).await?;
//!     let line = |it: &SessionInfo| format!("{} {}", it.id(), it.subject().unwrap_or("a guest"));
//!     let lines = page.sessions.iter().map(line).collect();
//!     Ok((lines, page.next.map(|cursor| cursor.to_string())))
//! }
//! # use sessile::{config::Settings, engine::{SealingKey, SessionManager}};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # let store = MemorySessionStore::default();
//! # let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
//! # for user in ["user-17", "user-18"] {
//! #     manager.open([]).await?.sign_in(user).await?;
//! # }
//! # let guest = manager.open([]).await?;
//! # guest.insert("cart", 1)?;
//! # guest.save().await?;
//! # let sessions = manager.sessions();
//! # let (mut lines, mut next) = admin_page(&sessions, None).await?;
//! # while next.is_some() {
//! #     let page = admin_page(&sessions, next).await?;
//! #     lines.extend(page.0);
//! #     next = page.1;
//! # }
//! # assert_eq!(lines.len(), 3);
//! # assert_eq!(lines.iter().filter(|line| line.ends_with(" a guest")).count(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! Records that can't be decoded are in [`unreadable`](crate::engine::SessionsPage::unreadable), each with its error.
//! They do not fail the page.
//!
//! # Counting
//!
//! [`count`](Sessions::count) is the number of live sessions. It reads all of them, so call it rarely: once a minute
//! is enough for a gauge. In Redis, the number is an estimate.
//!
//! # Ending sessions
//!
//! | you want to end | call | sign-ins in flight |
//! | --- | --- | --- |
//! | one session, of any user or guest | [`end_by_id`](Sessions::end_by_id) | – |
//! | all sessions of a user | [`end_all`](Sessions::end_all) | are refused |
//! | all sessions, after a breach | [`end_everything`](Sessions::end_everything) | are refused |
//! | all sessions, for example after a release that reads sessions differently | [`clear`](Sessions::clear) | may stay |
//!
//! ```
//! # use sessile::{config::Settings, engine::{SealingKey, SessionManager}, storage::MemorySessionStore};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # let store = MemorySessionStore::default();
//! # let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
//! # for _ in 0..3 {
//! #     let session = manager.open([]).await?;
//! #     session.insert("cart", 1)?;
//! #     session.save().await?;
//! # }
//! let sessions = manager.sessions();
//! assert_eq!(sessions.count().await?, 3);
//!
//! // An administrator ends one session.
//! let page = sessions.page(None, 10).await?;
//! sessions.end_by_id(page.sessions[0].id()).await?;
//! assert_eq!(sessions.count().await?, 2);
//!
//! sessions.clear().await?;
//! assert_eq!(sessions.count().await?, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! A request in flight never restores an ended session. If it changed the session, the response is 409, as
//! [`concurrent_requests`](crate::guide::concurrent_requests) describes. With a [near cache] or a revocation list, a
//! server can serve a session for up to its `max_staleness` after another server has ended it.
//!
//! [`AnySessionStore`]: crate::storage::AnySessionStore
//! [`EndingStore`]: crate::storage::EndingStore
//! [`IterableStore`]: crate::storage::IterableStore
//! [`ManagedStore`]: crate::storage::ManagedStore
//! [`MigratingStore`]: crate::storage::MigratingStore
//! [`RevocationList`]: crate::storage::RevocationList
//! [`SessionMiddleware::sessions`]: crate::SessionMiddleware::sessions
//! [`Sessions::new`]: crate::Sessions::new
//! [`Sessions`]: crate::Sessions
//! [`SubjectStore`]: crate::storage::SubjectStore
//! [near cache]: crate::storage::RedisSessionStore#near-cache

#[cfg(doc)]
use crate::Sessions;
