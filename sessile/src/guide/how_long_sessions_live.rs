//! How long sessions live: the idle timeout, the absolute timeout, and the lifetime of the cookie.
//!
//! Read this page when you choose timeouts. A session ends at its idle timeout or at its absolute timeout, whichever is
//! earlier. The server checks both, with every store, regardless of what the browser does with the cookie.
//!
//! | | counts from | default | set with |
//! | --- | --- | --- | --- |
//! | idle timeout | the last request that extended the session's life | one day | [`Settings::lifecycle`]: [`state_ttl`] or [`session_ttl`] |
//! | absolute timeout | the sign-in, or for guests the creation of the session; a renewal does not restart it | none | [`Settings::absolute_timeout`] |
//! | lifetime of the cookie | the last response that set it | until the browser closes | [`Settings::lifecycle`] |
//!
//! [Timed rotation](crate::guide::timed_rotation) replaces the secret in the cookie while the session lives.
//!
//! The builder of the middleware has the same settings: [`session_lifecycle`] and [`absolute_timeout`]. No idle timeout is
//! longer than 400 days.
//!
//! # Guests and signed-in users
//!
//! A guest's cart may live for months, and the session of a signed-in user for hours. [`Settings::signed_in_lifecycle`] and
//! [`Settings::signed_in_absolute_timeout`] are for the sessions of signed-in users; without them, all sessions live
//! alike. The absolute timeout of a signed-in session counts from the last [`sign_in`]. With
//! [`AbsoluteTimeoutFrom::Creation`], it counts from the creation.
//!
//! ```
//! use std::time::Duration;
//! use sessile::config::{BrowserSession, PersistentSession, Settings, TtlExtensionPolicy, time};
//!
//! let mut settings = Settings::default();
//! settings.lifecycle = PersistentSession::default().session_ttl(time::Duration::days(90)).into();
//! settings.signed_in_lifecycle = Some(
//!     BrowserSession::default()
//!         .state_ttl(time::Duration::minutes(30))
//!         .state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
//!         .into(),
//! );
//! settings.signed_in_absolute_timeout = Some(Duration::from_secs(12 * 3600));
//! ```
//!
//! One session can have a lifetime of its own: [`remember_me`].
//!
//! # What the browser does with the cookie
//!
//! - [`BrowserSession`], the default: the cookie has no `Max-Age`, and the browser deletes it when it closes. Many
//!   browsers restore such cookies together with their windows, so rely on the timeouts of the server.
//! - [`PersistentSession`]: the cookie has a `Max-Age`, and the browser keeps it across restarts. `Max-Age` is the idle
//!   timeout, or what is left of the absolute timeout if that is less, and at most 400 days.
//!
//! # What extends a session's life
//!
//! | the request | [`OnStateChanges`], the default | [`OnEveryRequest`] |
//! | --- | --- | --- |
//! | changes or renews the session | extends it | extends it |
//! | only reads the session | does not extend it | extends it |
//! | does not use the session | does not extend it | extends it, unless sessions are loaded [lazily] |
//!
//! Under `OnStateChanges`, a session that is only read ends although the visitor is active. Under `OnEveryRequest`, it
//! does not. To save writes, a request extends the session only if a twentieth of the idle timeout has passed since the
//! last extension. A session in use never ends early because of this; an unused session ends up to a twentieth later.
//! [`touch_fraction`] sets this fraction.
//!
//! **For exact idle timeouts**, set `touch_fraction` to 0. Each request then writes to the store, and an unused session
//! ends exactly at its idle timeout.
//!
//! **Requests that the page sends without the user**, such as polling, would keep the session alive for as long as the page
//! is open. [`set_extends_life`] excludes a request: the session ends when it would have ended without it, even if the
//! request changes the session. The extractor `extract::Unextended` does so for a handler, and a wrapper for a scope:
//!
//! ```
//! # #[cfg(feature = "actix")] {
//! use actix_web::{HttpResponse, dev::Service as _, web};
//! use sessile::SessionExt as _;
//!
//! let scope = web::scope("/poll")
//!     .route("/messages", web::get().to(HttpResponse::Ok))
//!     .wrap_fn(|request, service| {
//!         request.get_session().set_extends_life(false);
//!         service.call(request)
//!     });
//! # drop(scope);
//! # }
//! ```
//!
//! This application ends sessions after 15 minutes without a request, and after 8 hours in any case:
//!
//! ```
//! use std::time::Duration;
//! use sessile::{
//!     clock::ManualClock,
//!     config::{BrowserSession, Settings, TtlExtensionPolicy, time},
//!     engine::{ResponseHead, SealingKey, SessionManager},
//!     storage::MemorySessionStore,
//! };
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let clock = ManualClock::default();
//! let mut settings = Settings::default().clock(clock.clone());
//! settings.lifecycle = BrowserSession::default()
//!     .state_ttl(time::Duration::minutes(15))
//!     .state_ttl_extension_policy(TtlExtensionPolicy::OnEveryRequest)
//!     .into();
//! settings.absolute_timeout = Some(Duration::from_secs(8 * 3600));
//! # let store = MemorySessionStore::default();
//! let manager = SessionManager::new(store, SealingKey::generate(), settings)?;
//! # let session = manager.open([]).await?;
//! # session.insert("user", "ferris")?;
//! # let headers = manager.commit(&session, &ResponseHead::to("POST")).await?;
//! # let cookie = headers.set_cookie.unwrap();
//! # let cookie = cookie.as_str().split(';').next().unwrap();
//! let user = async || {
//!     let session = manager.open([cookie.as_bytes()]).await?;
//!     let user: Option<String> = session.get("user")?;
//!     manager.commit(&session, &ResponseHead::to("GET")).await?;
//!     Ok::<_, Box<dyn std::error::Error>>(user)
//! };
//!
//! // A visitor with a request every 10 minutes stays signed in for 8 hours.
//! for _ in 1..48 {
//!     clock.advance(Duration::from_secs(600));
//!     assert_eq!(user().await?.as_deref(), Some("ferris"));
//! }
//! clock.advance(Duration::from_secs(600));
//! assert_eq!(user().await?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # Requests at the end of a session
//!
//! A request that opened the session before its end can still commit up to a minute after it. A longer request, such as
//! an upload, has to extend the session before it ends: change a value and call [`Session::save`]. A `save` without a
//! change extends nothing.
//!
//! Servers may have different clocks. A server whose clock is a minute ahead ends sessions a minute early. A session
//! whose times are in the future counts as used now, and as expired if it was created more than a day ahead.
//!
//! # How long the store keeps a session
//!
//! A store keeps the record for a minute longer than the session lives. Stores that delete expired rows only in a
//! clean-up are listed in [`choosing_a_store`].
//!
//! [`AbsoluteTimeoutFrom::Creation`]: crate::config::AbsoluteTimeoutFrom::Creation
//! [`BrowserSession`]: crate::config::BrowserSession
//! [`OnEveryRequest`]: crate::config::TtlExtensionPolicy::OnEveryRequest
//! [`OnStateChanges`]: crate::config::TtlExtensionPolicy::OnStateChanges
//! [`PersistentSession`]: crate::config::PersistentSession
//! [`Session::save`]: crate::Session::save
//! [`Settings::absolute_timeout`]: crate::config::Settings::absolute_timeout
//! [`Settings::lifecycle`]: crate::config::Settings::lifecycle
//! [`Settings::signed_in_absolute_timeout`]: crate::config::Settings::signed_in_absolute_timeout
//! [`Settings::signed_in_lifecycle`]: crate::config::Settings::signed_in_lifecycle
//! [`absolute_timeout`]: crate::SessionMiddlewareBuilder::absolute_timeout
//! [`choosing_a_store`]: crate::guide::choosing_a_store#deleting-expired-sessions
//! [`remember_me`]: crate::guide::remember_me
//! [`session_lifecycle`]: crate::SessionMiddlewareBuilder::session_lifecycle
//! [`session_ttl`]: crate::config::PersistentSession::session_ttl
//! [`set_extends_life`]: crate::Session::set_extends_life
//! [`sign_in`]: crate::Session::sign_in
//! [`state_ttl`]: crate::config::BrowserSession::state_ttl
//! [`touch_fraction`]: crate::config::Settings::touch_fraction
//! [lazily]: crate::config::Loading::Lazy
