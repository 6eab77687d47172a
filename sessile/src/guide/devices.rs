//! A user's devices: list the sessions of a user, label them, and end one, all others, or all.
//!
//! Read this page when users should see where they are signed in (OWASP ASVS 5.0, 7.5.2). Read it also when you need
//! "log out everywhere", for example after a change of the password (7.4.3) or for a locked account (7.4.2, 7.4.5).
//!
//! `SessionMiddleware::sessions` returns the [`Sessions`] of the store. Put it into the application's data:
//!
//! ```
//! use actix_web::{App, HttpResponse, Result, cookie::Key, web};
//! use sessile::{
//!     SessionMiddleware, Sessions, extract::SignedIn, storage::{MemorySessionStore, SessionId},
//! };
//!
//! type Devices = web::Data<Sessions<MemorySessionStore>>;
//!
//! async fn list(user: SignedIn, devices: Devices) -> Result<String> {
//!     let mut lines = String::new();
//!     for device in devices.list(user.subject()).await? {
//!         let browser = device.label("browser").unwrap_or("unknown");
//!         let here = if device.is(user.session()) { " (this device)" } else { "" };
//!         lines += &format!("{} {browser}{here}\n", device.id());
//!     }
//!     Ok(lines)
//! }
//!
//! async fn end(user: SignedIn, devices: Devices, id: web::Path<SessionId>) -> Result<HttpResponse> {
//!     devices.end(user.subject(), &id).await?;
//!     Ok(HttpResponse::NoContent().finish())
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! let middleware = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
//! let devices = web::Data::new(middleware.sessions());
//! let app = App::new()
//!     .app_data(devices)
//!     .wrap(middleware)
//!     .route("/devices", web::get().to(list))
//!     .route("/devices/{id}", web::delete().to(end));
//! # use actix_web::test::{TestRequest, call_service, init_service};
//! # let app = init_service(app).await;
//! # let response = call_service(&app, TestRequest::with_uri("/devices").to_request()).await;
//! # assert_eq!(response.status(), 401);
//! # });
//! ```
//!
//! | you want to | call |
//! | --- | --- |
//! | list the sessions of a user, in the order of their sign-ins | [`Sessions::list`] |
//! | end one session of a user. The id of another user's session ends nothing. If it is the session of the request, also call [`sign_out`], so that the browser removes the cookie | [`Sessions::end`] |
//! | end all sessions but this one: "log out all other devices" | [`Sessions::end_others`] |
//! | end all sessions: a locked account | [`Sessions::end_all`] |
//! | end all sessions and sign in: a password that was reset | [`Sessions::end_all_and_sign_in`] |
//! | end the sessions with a label: back-channel logout | [`Sessions::end_by_label`] |
//! | end any session by its id, as an administrator | [`Sessions::end_by_id`] |
//! | end all sessions of all users and guests | [`Sessions::end_everything`] |
//!
//! The example `sessile/examples/devices.rs` in the repository is a whole program in less than 120 lines: login, "remember
//! me", the list of devices, and "log out everywhere". The demo, in the folder `demo/`, has these as pages of a site.
//!
//! # Labels
//!
//! A list is useful only if the user recognizes the devices. [`Session::set_label`] stores what the list shows, for
//! example the browser from `User-Agent`. Set labels after [`sign_in`], because a sign-in as another user begins an empty
//! session. Labels come from the client: escape them on pages, and don't trust them. A label has at most 255 bytes, so shorten
//! what the client sends:
//!
//! ```
//! # let session = sessile::Session::new();
//! # let user_agent = "Firefox";
//! let browser: String = user_agent.chars().take(80).collect();
//! session.set_label("browser", Some(&browser))?;
//! assert_eq!(session.labels(), [("browser".to_owned(), "Firefox".to_owned())]);
//! # Ok::<(), sessile::error::WriteError>(())
//! ```
//!
//! The id of a session is not secret. It may be in links and in logs. It opens nothing.
//!
//! "Last used" is [`used_at`]. Under the default policy, a request of a signed-in user that only reads stores this
//! time if the stored one is at least five minutes old. This costs one update, and does not extend the session. Under
//! [`OnEveryRequest`], it is the time of the last extension. Lists have no sessions of guests, so the requests of
//! guests store no such time.
//!
//! # Log out everywhere
//!
//! When [`end_all`] returns, it has taken effect on all servers. Later requests do not open a session that signed in
//! before the call. A sign-in whose request began before the call is refused, because its password was checked before
//! the call. A request that has already opened its session can still read it, but its changes are refused. With a
//! near cache or a revocation list, another server can serve an ended session for up to its `max_staleness`.
//!
//! The call also ends the session of its own request. To make the browser remove the cookie, call [`sign_out`] on
//! that session:
//!
//! ```
//! use actix_web::{HttpResponse, Result, web};
//! use sessile::{Sessions, extract::SignedIn, storage::MemorySessionStore};
//!
//! async fn logout_everywhere(
//!     user: SignedIn,
//!     devices: web::Data<Sessions<MemorySessionStore>>,
//! ) -> Result<HttpResponse> {
//!     devices.end_all(user.subject()).await?;
//!     user.session().sign_out();
//!     Ok(HttpResponse::NoContent().finish())
//! }
//! # let _ = logout_everywhere;
//! ```
//!
//! If two devices call [`end_others`] at once, one of them stays signed in.
//!
//! # Servers whose clocks differ
//!
//! A sign-in counts from the begin of its request, by the clock of its server, and [`end_all`] from the call, by the clock of
//! that server. Keep the clocks synchronized, as NTP does within milliseconds. Otherwise:
//!
//! - A session that was stored before the call ends, whatever the clocks show: the end counts from the newest sign-in in the
//!   store. A revocation list has no sign-ins, so there, a session of a server whose clock is ahead can stay.
//! - On a server whose clock is behind, a sign-in after the call is refused with 409, until that clock has passed the time of
//!   the end. A sign-in that was accepted works on all servers.
//! - On a server whose clock is ahead, a sign-in that was in flight during the call is **accepted** if its request began
//!   before the call by less than the difference. The next call of [`end_all`] ends it.
//!
//! The same holds for [`Sessions::end_everything`].
//!
//! For a locked account, this exception may matter. Store the lock, then call [`end_all`], and let the login check the lock
//! again after [`sign_in`], before it responds. Either [`end_all`] finds the session, or the login finds the lock:
//!
//! ```
//! use actix_web::{HttpResponse, Result, web};
//! use sessile::Session;
//!
//! # fn is_password_of(name: &str, password: &str) -> bool { (name, password) == ("ferris", "crab") }
//! # fn is_locked(name: &str) -> bool { name == "ferris" }
//! #[derive(serde::Deserialize)]
//! struct Login {
//!     name: String,
//!     password: String,
//! }
//!
//! async fn login(session: Session, form: web::Form<Login>) -> Result<HttpResponse> {
//!     if !is_password_of(&form.name, &form.password) {
//!         return Ok(HttpResponse::UnprocessableEntity().body("wrong name or password"));
//!     }
//!     session.sign_in(&form.name).await?;
//!     if is_locked(&form.name) {
//!         session.sign_out();
//!         return Ok(HttpResponse::Forbidden().body("the account is locked"));
//!     }
//!     Ok(HttpResponse::NoContent().finish())
//! }
//! # actix_web::rt::System::new().block_on(async {
//! # use actix_web::{App, cookie::Key, test::{TestRequest, call_service, init_service}};
//! # use sessile::{SessionMiddleware, storage::MemorySessionStore};
//! # let sessions = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
//! # let devices = sessions.sessions();
//! # let app = init_service(App::new().wrap(sessions).route("/login", web::post().to(login))).await;
//! # let login = TestRequest::post().uri("/login").set_form([("name", "ferris"), ("password", "crab")]);
//! # assert_eq!(call_service(&app, login.to_request()).await.status(), 403);
//! # assert!(devices.list("ferris").await.unwrap().is_empty());
//! # });
//! ```
//!
//! # Back-channel logout
//!
//! An identity provider names its session by a `sid`, and later demands its end (OpenID Connect Back-Channel Logout 1.0).
//! The lookup label is for that:
//!
//! ```
//! use sessile::{Sessions, storage::MemorySessionStore};
//! # use sessile::{config::Settings, engine::{SealingKey, SessionManager}};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! # let store = MemorySessionStore::default();
//! # let manager = SessionManager::new(store, SealingKey::generate(), Settings::default())?;
//! # let session = manager.open([]).await?;
//! # let sessions: Sessions<MemorySessionStore> = manager.sessions();
//! // When the user comes back from the provider, with the claims of the ID token:
//! session.sign_in("user-17").await?;
//! session.set_lookup_label(Some("sid-4711"))?; // Stored at the end of the request.
//! # session.save().await?;
//!
//! // When the provider calls, after its logout token was verified:
//! assert_eq!(sessions.end_by_label("sid-4711").await?, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
//! ```
//!
//! # A limit
//!
//! [`session_limit`] bounds how many sessions a user can have at a time: with
//! [`SessionLimit::new(3)`](crate::storage::SessionLimit::new), three. If there are more, the one that signed in earliest
//! ends. If the limit is [`refusing`](crate::storage::SessionLimit::refusing), the new sign-in is refused instead: see
//! [`signing_in`].
//!
//! # Which stores
//!
//! Stores that implement [`SubjectStore`] find the sessions of a user. `CookieSessionStore` does not find them, because
//! it keeps nothing on the server. With a [revocation
//! list](crate::guide::choosing_a_store#ending-sessions-that-are-in-cookies), it can end all of them.
//! [`MigratingStore`](crate::storage::MigratingStore) does not find them either, until the move has ended.
//!
//! [`OnEveryRequest`]: crate::config::TtlExtensionPolicy::OnEveryRequest
//! [`Session::set_label`]: crate::Session::set_label
//! [`Sessions::end_all_and_sign_in`]: crate::Sessions::end_all_and_sign_in
//! [`Sessions::end_all`]: crate::Sessions::end_all
//! [`Sessions::end_by_id`]: crate::Sessions::end_by_id
//! [`Sessions::end_by_label`]: crate::Sessions::end_by_label
//! [`Sessions::end_everything`]: crate::Sessions::end_everything
//! [`Sessions::end_others`]: crate::Sessions::end_others
//! [`Sessions::end`]: crate::Sessions::end
//! [`Sessions::list`]: crate::Sessions::list
//! [`Sessions`]: crate::Sessions
//! [`SubjectStore`]: crate::storage::SubjectStore
//! [`end_all`]: crate::Sessions::end_all
//! [`end_others`]: crate::Sessions::end_others
//! [`session_limit`]: crate::SessionMiddlewareBuilder::session_limit
//! [`sign_in`]: crate::Session::sign_in
//! [`sign_out`]: crate::Session::sign_out
//! [`signing_in`]: crate::guide::signing_in
//! [`used_at`]: crate::engine::SessionInfo::used_at
