//! Security: the requirements of OWASP ASVS 5.0 on sessions and cookies, and how each is met.
//!
//! Read this page for a review of your application. It lists the requirements of chapter V7 (session management) and
//! of section V3.3 (cookies), at all levels, and 3.5.1 (forged requests). For each, it names the setting or the part of
//! the API that meets it, and the test in the repository that shows it. *Application* means that the application has to
//! meet it, because no session library can.
//!
//! [`Settings::strict`] has the stricter value of each setting that has one. A new application begins with
//! `SessionMiddleware::strict`.
//!
//! Report a vulnerability in private, on the repository's security page.
//!
//! # V7.1 Documentation
//!
//! | | requirement, in short | met by |
//! | --- | --- | --- |
//! | 7.1.1 | idle timeout and absolute lifetime are documented and justified | *Application.* Defaults: one day idle, no absolute limit. [`how_long_sessions_live`] has the settings. [NIST SP 800-63B](https://pages.nist.gov/800-63-4/sp800-63b.html) has limits for comparison |
//! | 7.1.2 | how many parallel sessions an account may have is documented | *Application.* [`session_limit`] enforces it |
//! | 7.1.3 | federated systems' session lifetimes are documented | *Application* |
//!
//! # V7.2 Fundamentals
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 7.2.1 | tokens are verified by a trusted backend | the server checks the seal and the store | `cookie/tests/` |
//! | 7.2.2 | tokens are generated dynamically and are not static secrets | `SessionKey::generate` | `record/id.rs` |
//! | 7.2.3 | reference tokens are unique, at least 128 bits, from a CSPRNG | an id and a secret of 128 bits each from a generator that the operating system seeds; a store never overwrites one | `record/id.rs`, acceptance suite |
//! | 7.2.4 | authentication creates a new token and ends the old one | [`Session::sign_in`], which the application calls | `engine/tests/`, acceptance suite |
//!
//! # Timed rotation
//!
//! ASVS requires a new token when a user authenticates (7.2.4). The OWASP Session Management Cheat Sheet also recommends a
//! *renewal timeout*: the token is replaced while the session is in use, so that a copied cookie is of use for a short
//! time. [`Settings::rotation_interval`] sets it. It is off by default.
//!
//! A response may be lost, and requests of one browser overtake each other, so one secret takes the place of another
//! in three steps. No step fails a request, signs a user out, or extends the session's life:
//!
//! | when | the secrets | costs |
//! | --- | --- | --- |
//! | the first request after the interval | its response carries a new, *pending* secret, and so do those of later requests. Both secrets open the session | a write; for each later request that only reads, a load |
//! | a request presents the pending secret | it becomes the *current* one. The *former* one still opens the session, and responses to it carry the current one again | a write |
//! | a request presents the current secret after the [grace period] | the former one is dead | a write |
//!
//! A request that stores changes takes a step in the same write. Under [`Loading::Lazy`], only requests that use the
//! session take one. A secret that no browser has received is replaced after another interval. A renewal ends all other
//! secrets at once.
//!
//! - A copied cookie opens the session until the browser has presented the newer one after the grace period: about an
//!   interval while the browser is in use. If the browser is not in use, the session's timeouts count.
//! - If the thief presents the pending secret, the browser is signed out after the grace period. The thief is not.
//! - The new secret is an HMAC-SHA256 of the session's id and a random nonce. The record has the nonce and a digest. The
//!   key is derived from the application's key, so the content of the store opens no session.
//! - Servers with different keys, and with different intervals, can share the sessions.
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
//! # V7.3 Timeouts
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 7.3.1 | an idle timeout | [`Settings::lifecycle`]; one day by default; exact with a [`touch_fraction`] of 0 | `engine/lifetime.rs`, `tests/http` |
//! | 7.3.2 | an absolute lifetime | [`Settings::absolute_timeout`], from the sign-in; one day in strict settings, off by default | `engine/lifetime.rs`, `tests/http` |
//!
//! The server checks both, also for sessions in the cookie. See [`how_long_sessions_live`].
//!
//! # V7.4 Ending
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 7.4.1 | an ended session can no longer be used | [`Session::sign_out`]; an ended record is never restored. **Not** with `CookieSessionStore`, unless it has a [`RevocationList`]: a copy of the cookie is valid until it expires | acceptance suite, `engine/tests/`, `tests/http` |
//! | 7.4.2 | all sessions end when an account is disabled or deleted | [`Sessions::end_all`], which the application calls. **Not** with `CookieSessionStore`, unless it has a [`RevocationList`] | `engine/tests/`, `tests/any` |
//! | 7.4.3 | users can end their other sessions when an authentication factor changes | [`Sessions::end_others`] | `engine/tests/`, `tests/http` |
//! | 7.4.4 | every page that needs a session offers sign-out | *Application* | the demo |
//! | 7.4.5 | administrators can end the sessions of one user or of all users | [`Sessions::end_all`], [`Sessions::end_everything`] | `engine/tests/` |
//!
//! # V7.5 Abuse, V7.6 federation
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 7.5.1 | users authenticate again before sensitive changes | `extract::RecentlyAuthenticated`, [`Session::require_recent_authentication`] | `tests/http` |
//! | 7.5.2 | users see their sessions and can end them | [`Sessions::list`], [`Sessions::end`] | `engine/tests/`, `tests/http` |
//! | 7.5.3 | further verification before highly sensitive transactions | as 7.5.1, with a short [`recent_authentication`]; a second factor is up to the *application* | `tests/http` |
//! | 7.6.1, 7.6.2 | session lifetime and consent with identity providers | *Application.* [`Sessions::end_by_label`] is for back-channel logout | `engine/tests/` |
//!
//! # V3.3 Cookies
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 3.3.1 | `Secure`, and `__Secure-` where `__Host-` is not used | `Secure` by default; the application chooses the name | `config/cookie.rs` |
//! | 3.3.2 | `SameSite` according to the purpose of the cookie | `Lax` by default; `None` without `Secure` is refused | `config/cookie.rs` |
//! | 3.3.3 | `__Host-` unless the cookie is shared with other hosts | `cookie_name("__Host-…")`: incompatible attributes are an error when the middleware is built. Strict settings have `__Host-id` | `config/cookie.rs` |
//! | 3.3.4 | `HttpOnly` if scripts don't need the cookie | by default | `config/cookie.rs` |
//! | 3.3.5 | name and value have at most 4096 bytes | a longer cookie is a typed error at the commit; the attributes count as well | `cookie/tests/` |
//!
//! The default name is `id`, so that the cookies of existing applications stay valid.
//! [`Settings::allow_plain_http`] is for development: it removes `Secure` and the prefix, and logs a warning.
//!
//! # V3.5 Separation of origins
//!
//! | | requirement, in short | met by | shown by |
//! | --- | --- | --- | --- |
//! | 3.5.1 | requests to sensitive functions come from the application itself | `extract::CsrfGuard`: `Sec-Fetch-Site`, `Origin`, and a token of the session. The application puts it around its routes, and [`Session::csrf_field`] into its forms | `tests/http/csrf` |
//!
//! # Caches and the browser's storage
//!
//! A response that used its session is `private` and has `Vary: Cookie`, so that no cache between the browser and the
//! server serves it to another visitor (`tests/proxies`, behind nginx and Apache httpd). [`Caching::NoStoreSignedIn`]
//! also keeps the pages of users who have signed in with [`Session::sign_in`] out of the browser's cache (ASVS 14.3.2).
//! With [`Settings::clear_site_data`], signing out makes the browser clear its cache and storage (ASVS 14.3.1). Both are
//! part of the strict settings (`tests/http/strict.rs`).
//!
//! # Secrets
//!
//! - Session cookies are sealed with keys that are derived from the application's key (HKDF-SHA256). They are
//!   encrypted with AES-128-GCM-SIV, or signed with HMAC-SHA256. Neither the application's other cookies nor a
//!   repeated nonce endangers them (`cookie/tests/`).
//! - The sealing key can be replaced while the servers run (`tests/http/keys.rs`): see `guide::replacing_keys`. A key file
//!   that other users can read is an error (`cookie/key_ring/`).
//! - Session keys, sealing keys and `Set-Cookie` headers have a redacted `Debug` and no `Display`. Secrets are
//!   compared in constant time (`record/id.rs`, `cookie/seal.rs`).
//! - Errors and log lines have the name of a value and the expected type, but never the value
//!   (`record/json.rs`, `session/tests/`, `storage/sqlite/tests/failures.rs`):
//!
//! ```
//! use sessile::Session;
//!
//! let session = Session::new();
//! session.insert("card", "4111 1111")?;
//! assert!(!format!("{session:?}").contains("4111"));
//! let error = session.get::<u32>("card").unwrap_err();
//! assert!(!format!("{error} {error:?}").contains("4111"));
//! # Ok::<(), sessile::SessionInsertError>(())
//! ```
//!
//! - A record has the digests of its secrets, not the secrets. The content of a store, or of a copy of it, opens no
//!   session. The values of the sessions are plain text.
//! - A program that can *write* to the store can create sessions. Restrict this access like the access to the table
//!   of users.
//! - A session that actix-session stored in Redis is stored under its key, which is a secret, until it is renewed.
//!
//! # Remaining risks
//!
//! - Cookies of actix-session are accepted unless [`accept_actix_session_cookies`] is `false`. A state in such a
//!   cookie does not expire, and a signed cookie is not bound to its name. See [`migrating_from_actix_session`].
//! - A generator in the process, which the operating system seeds, creates ids and secrets. Copies of a running virtual
//!   machine create the same ones until the generator is seeded again. Restart the application after a copy.
//! - `CookieSessionStore` can't revoke a session. Set a short time to live, or give it a [`RevocationList`], or use a store on
//!   the server for any site with sign-in. With the list, an ended session can be read for its `max_staleness`.
//! - `SameSite=Lax` prevents forged `POST`s from other sites. It prevents neither those from sibling domains, which
//!   `extract::CsrfGuard` refuses, nor `GET`s with effects.
//! - Visitors can begin sessions as fast as the application allows. Write to the session of an anonymous visitor only
//!   if needed, and limit the rate of requests in front of the application.
//!
//! [`Caching::NoStoreSignedIn`]: crate::config::Caching::NoStoreSignedIn
//! [`Loading::Lazy`]: crate::config::Loading::Lazy
//! [`RevocationList`]: crate::storage::RevocationList
//! [`Session::csrf_field`]: crate::Session::csrf_field
//! [`Session::purge`]: crate::Session::purge
//! [`Session::renew`]: crate::Session::renew
//! [`Session::require_recent_authentication`]: crate::Session::require_recent_authentication
//! [`Session::sign_in`]: crate::Session::sign_in
//! [`Session::sign_out`]: crate::Session::sign_out
//! [`Sessions::end_all`]: crate::Sessions::end_all
//! [`Sessions::end_by_label`]: crate::Sessions::end_by_label
//! [`Sessions::end_everything`]: crate::Sessions::end_everything
//! [`Sessions::end_others`]: crate::Sessions::end_others
//! [`Sessions::end`]: crate::Sessions::end
//! [`Sessions::list`]: crate::Sessions::list
//! [`Settings::absolute_timeout`]: crate::config::Settings::absolute_timeout
//! [`Settings::allow_plain_http`]: crate::config::Settings::allow_plain_http
//! [`Settings::clear_site_data`]: crate::config::Settings::clear_site_data
//! [`Settings::lifecycle`]: crate::config::Settings::lifecycle
//! [`Settings::rotation_interval`]: crate::config::Settings::rotation_interval
//! [`Settings::strict`]: crate::config::Settings::strict
//! [`accept_actix_session_cookies`]: crate::config::Settings::accept_actix_session_cookies
//! [`cookies_and_proxies`]: crate::guide::cookies_and_proxies
//! [grace period]: crate::config::Settings::renewal_grace
//! [`how_long_sessions_live`]: crate::guide::how_long_sessions_live
//! [`migrating_from_actix_session`]: crate::guide::migrating_from_actix_session
//! [`recent_authentication`]: crate::config::Settings::recent_authentication
//! [`session_limit`]: crate::SessionMiddlewareBuilder::session_limit
//! [`touch_fraction`]: crate::config::Settings::touch_fraction
