//! Timed rotation: the secret in the cookie is replaced while the session is in use.
//!
//! Read this page when a copied cookie must be of use for a short time only, or when a policy asks for it. The OWASP Session
//! Management Cheat Sheet recommends it as a *renewal timeout*; ASVS does not require it.
//!
//! [`Settings::rotation_interval`] sets the interval. It is off by default.
//!
//! A response may be lost, and requests of one browser may overtake each other. So a new secret replaces the current
//! one in three steps. No step fails a request, signs a user out, or extends the session's life:
//!
//! | when | the secrets | costs |
//! | --- | --- | --- |
//! | the first request after the interval | its response carries a new, *pending* secret, and so do those of later requests. Both secrets open the session | a write; for each later request that only reads, a load |
//! | a request presents the pending secret | it becomes the *current* one. The *former* one still opens the session, and responses to it carry the current one again | a write |
//! | a request presents the current secret after the [grace period] | the former one no longer opens the session | a write |
//!
//! A request that stores changes takes a step in the same write. Under [`Loading::Lazy`], only requests that use the
//! session take a step. A secret that no browser has received is replaced after another interval. A renewal ends all
//! other secrets at once.
//!
//! - A copied cookie opens the session until the browser has presented the newer one after the grace period: about an
//!   interval while the browser is in use. If the browser is not in use, the session's timeouts count.
//! - If the thief presents the pending secret, the browser is signed out after the grace period. The thief is not.
//! - The new secret is an HMAC-SHA256 of the session's id and a random nonce. The record has the nonce and a digest. The
//!   key is derived from the application's key, so the content of the store opens no session.
//! - Servers with different keys or different intervals can share sessions.
//!
//! ```
//! use std::time::Duration;
//! use sessile::{
//!     clock::ManualClock,
//!     config::Settings,
//!     engine::{ResponseHead, SealingKey, SessionManager},
//!     storage::MemorySessionStore,
//! };
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let clock = ManualClock::default();
//! let mut settings = Settings::default().clock(clock.clone());
//! settings.rotation_interval = Some(Duration::from_secs(15 * 60));
//! # let store = MemorySessionStore::default();
//! let manager = SessionManager::new(store, SealingKey::generate(), settings)?;
//! # let session = manager.open([]).await?;
//! # session.insert("user", "ferris")?;
//! # let headers = manager.commit(&session, &ResponseHead::to("POST")).await?;
//! # let name_and_value = |set_cookie: &str| set_cookie.split(';').next().unwrap().to_owned();
//! # let copied = name_and_value(headers.set_cookie.unwrap().as_str());
//! let visit = async |cookie: &str| {
//!     let session = manager.open([cookie.as_bytes()]).await?;
//!     let is_open = session.contains_key("user");
//!     let headers = manager.commit(&session, &ResponseHead::to("GET")).await?;
//!     let sent = headers.set_cookie.map(|it| name_and_value(it.as_str()));
//!     Ok::<_, Box<dyn std::error::Error>>((is_open, sent))
//! };
//!
//! clock.advance(Duration::from_secs(15 * 60));
//! let (is_open, sent) = visit(&copied).await?;
//! let newer = sent.expect("a rotation is due");
//! assert!(is_open);
//!
//! visit(&newer).await?;
//! clock.advance(Duration::from_secs(60));
//! assert_eq!(visit(&newer).await?, (true, None));
//! assert_eq!(visit(&copied).await?, (false, None));
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! [`Loading::Lazy`]: crate::config::Loading::Lazy
//! [`Settings::rotation_interval`]: crate::config::Settings::rotation_interval
//! [grace period]: crate::config::Settings::renewal_grace
