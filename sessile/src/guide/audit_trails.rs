//! Audit trails, presence, and sockets: what happens to sessions, as events.
//!
//! [`SessionMiddleware::events`](crate::SessionMiddleware::events) returns a receiver of
//! [`SessionEvent`](crate::engine::SessionEvent)s: a session was created, signed in, renewed,
//! rotated or ended (with the reason), or a key or a cookie was rejected (OWASP ASVS 5.0, 16.3.1).
//! Requests never wait for a receiver. A slow receiver learns how many events it missed.
//!
//! Read this page when you need a trail of sign-ins and sign-outs, or when a socket must close with its session. The
//! program [`examples/audit.rs`] writes a trail, and has a page that is told when its user signs out.
//!
//! # An audit trail
//!
//! ```
//! use actix_web::cookie::Key;
//! use sessile::{SessionMiddleware, engine::SessionEvents, storage::MemorySessionStore};
//!
//! async fn write_trail(mut events: SessionEvents) {
//!     while let Some(event) = events.next().await {
//!         match event {
//!             Ok(event) => println!("{:?} {:?} {:?}", event.kind, event.id, event.subject),
//!             Err(missed) => println!("{missed}"),
//!         }
//!     }
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! let sessions = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
//! let trail = actix_web::rt::spawn(write_trail(sessions.events()));
//! # drop(sessions);
//! # trail.await.unwrap();
//! # });
//! ```
//!
//! Ids of sessions are not secret, so a trail may contain them. Names of users are personal data: keep them only as
//! long as the application's rules allow.
//!
//! # A socket whose session ends
//!
//! A socket outlives the request that opened it. It should close when its user signs out (OWASP ASVS 5.0, 7.4.1):
//!
//! ```
//! use sessile::{
//!     engine::{EventKind, SessionEvents},
//!     storage::SessionId,
//! };
//!
//! /// Returns when the session has ended.
//! async fn session_ended(mut events: SessionEvents, id: &SessionId) {
//!     while let Some(event) = events.next().await {
//!         match event {
//!             Ok(event) if event.id.as_ref() != Some(id) => {}
//!             Ok(event) if !matches!(event.kind, EventKind::Ended(_)) => {}
//!             // The session has ended, or its end may be among the missed events.
//!             Ok(_) | Err(_) => return,
//!         }
//!     }
//! }
//! # use sessile::{config::Settings, engine::{SealingKey, SessionManager}, storage::MemorySessionStore};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # let store = MemorySessionStore::default();
//! # let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
//! # let session = manager.open([]).await?;
//! # session.sign_in("user-17").await?;
//! # let id = session.id().unwrap();
//! # let events = manager.events();
//! # manager.sessions().end_all("user-17").await?;
//! # session_ended(events, &id).await;
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # What is not reported
//!
//! - What happens on other servers: each process reports its own requests and calls. To notice an end on another
//!   server, a socket calls [`reload`](crate::Session::reload) from time to time. The call fails if the session has
//!   ended.
//! - A session that expires while no request presents its key.
//! - [`end_everything`](crate::Sessions::end_everything) and [`clear`](crate::Sessions::clear), which end sessions without
//!   listing them.
//! - With sessions in cookies, [`end_all`](crate::Sessions::end_all): the revocation list does not know which sessions a user
//!   has.
//!
//! [`examples/audit.rs`]: https://github.com/sessile-rs/sessile/blob/main/sessile/examples/audit.rs
