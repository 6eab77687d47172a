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
//! use std::time::SystemTime;
//! use actix_web::cookie::Key;
//! use sessile::{SessionMiddleware, engine::SessionEvents, storage::MemorySessionStore};
//!
//! async fn write_trail(mut events: SessionEvents) {
//!     while let Some(event) = events.next().await {
//!         match event {
//!             Ok(event) => {
//!                 let at = SystemTime::from(event.at);
//!                 println!("{at:?} {:?} {:?} {:?}", event.kind, event.id, event.subject);
//!             }
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
//! - Most sessions end because they expire. In memory and in a database, that is an event when the store deletes the
//!   session, a minute or more after the end. In Redis and in cookies it is [none](#what-is-not-reported). In a database,
//!   the clean-up deletes it (`start_cleanup` of the store). Call `events` **before** `start_cleanup`, in the
//!   process that writes the trail: without a receiver, expired sessions are deleted without an event.
//! - The end of a session can be reported more than once, for example by `end_all` and by the `sign_out` that follows it. The
//!   first report counts.
//! - When all sessions of a user or of all users end, an event without an id says so: see
//!   [`EndCause::Mark`](crate::engine::EndCause::Mark).
//! - The event of a sign-out has the id of the session and no user. The event of the sign-in has both.
//!
//! Ids of sessions are not secret, so a trail may contain them. Names of users are personal data: keep them only as
//! long as the application's rules allow.
//!
//! # A socket whose session ends
//!
//! A socket outlives the request that opened it. It should close when its user signs out (OWASP ASVS 5.0, 7.4.1):
//!
//! ```
//! use sessile::{Session, engine::SessionEvents};
//!
//! /// Returns when the session has ended. The events have to be those from before the session was opened.
//! async fn session_ended(mut events: SessionEvents, session: &Session) {
//!     let (Some(id), subject) = (session.id(), session.subject()) else { return };
//!     while let Some(event) = events.next().await {
//!         match event {
//!             Ok(event) if !event.may_end(&id, subject.as_deref()) => {}
//!             Ok(event) if event.id.is_some() => return,
//!             // All sessions of the user ended, or events were missed: perhaps not this one.
//!             Ok(_) | Err(_) if session.reload().await.is_err() => return,
//!             Ok(_) | Err(_) => {}
//!         }
//!     }
//! }
//! # use sessile::{config::Settings, engine::{SealingKey, SessionManager}, storage::MemorySessionStore};
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # let store = MemorySessionStore::default();
//! # let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
//! # for (user, ends_everything) in [("user-17", false), ("user-18", true)] {
//! # let session = manager.open([]).await?;
//! # session.sign_in(user).await?;
//! # let events = manager.events();
//! # match ends_everything {
//! #     true => manager.sessions().end_everything().await?,
//! #     false => drop(manager.sessions().end_all(user).await?),
//! # }
//! # session_ended(events, &session).await;
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! Each receiver gets all events. With thousands of sockets in a process, one task receives them and notifies the sockets by
//! the ids of their sessions.
//!
//! # What is not reported
//!
//! - Sign-ins that fail. The application writes a wrong password to its trail itself, and also
//!   [`SignInError::Refused`](crate::error::SignInError::Refused). The metric `sessile_sign_ins_refused_total` counts the
//!   latter.
//! - What happens on other servers: each process reports its own requests and calls. To notice an end on another
//!   server, a socket calls [`reload`](crate::Session::reload) from time to time. The call fails if the session has
//!   ended.
//! - A session in Redis or in a cookie that expires while no request presents its key. Redis deletes it by itself, and the
//!   browser drops its cookie. The same applies to stores of your own, unless they have an
//!   [`EndReporter`](crate::storage::EndReporter).
//! - A request with the key of a session that ended before, by a sign-out or a mark: to the engine, no such session exists.
//!   Its end was an event. Sessions in cookies that a mark ended are the exception.
//!
//! [`examples/audit.rs`]: https://github.com/sessile-rs/sessile/blob/main/sessile/examples/audit.rs
