//! Signing in: login, logout, pages for signed-in users, and asking for the password again.
//!
//! Read this page when your application has users who log in. [`Session::sign_in`] ties a session to a user, and
//! [`Session::sign_out`] ends it. The application stores nothing else for that.
//!
//! | you want to | use |
//! | --- | --- |
//! | sign a user in, after the password was checked | [`Session::sign_in`] |
//! | sign the user out | [`Session::sign_out`], or [`Session::restart`] to show a goodbye message |
//! | serve a page only to signed-in users | the extractor [`SignedIn`] |
//! | serve a page to guests as well | `Option<SignedIn>` |
//! | ask for the password again before a sensitive change | the extractor [`RecentlyAuthenticated`] and [`Session::reauthenticate`] |
//! | guard a whole scope | [`Session::require_signed_in`] in a middleware |
//! | keep users signed in for weeks | [`remember_me`] |
//! | list a user's sessions, and log out everywhere | [`devices`] |
//!
//! ```
//! use actix_web::{App, HttpResponse, Result, cookie::Key, web};
//! use sessile::{
//!     Session, SessionMiddleware, error::AuthenticationError,
//!     extract::{RecentlyAuthenticated, SignedIn}, storage::MemorySessionStore,
//! };
//!
//! # fn is_password_of(name: &str, password: &str) -> bool { (name, password) == ("ferris", "crab") }
//! #[derive(serde::Deserialize)]
//! struct Login {
//!     name: String,
//!     password: String,
//! }
//!
//! #[derive(serde::Deserialize)]
//! struct Confirmation {
//!     password: String,
//! }
//!
//! async fn login(session: Session, form: web::Form<Login>) -> Result<HttpResponse> {
//!     if !is_password_of(&form.name, &form.password) {
//!         return Ok(HttpResponse::UnprocessableEntity().body("wrong name or password"));
//!     }
//!     session.sign_in(&form.name).await?;
//!     Ok(HttpResponse::SeeOther().insert_header(("Location", "/account")).finish())
//! }
//!
//! async fn logout(session: Session) -> HttpResponse {
//!     session.sign_out();
//!     HttpResponse::SeeOther().insert_header(("Location", "/")).finish()
//! }
//!
//! async fn account(user: SignedIn) -> String {
//!     format!("You are {}.", user.subject())
//! }
//!
//! async fn delete_account(user: RecentlyAuthenticated) -> String {
//!     format!("{} is gone.", user.subject())
//! }
//!
//! /// The user has entered the password again.
//! async fn confirm(user: SignedIn, form: web::Form<Confirmation>) -> Result<HttpResponse> {
//!     if !is_password_of(user.subject(), &form.password) {
//!         return Ok(HttpResponse::UnprocessableEntity().body("wrong password"));
//!     }
//!     user.session().reauthenticate()?;
//!     Ok(HttpResponse::SeeOther().insert_header(("Location", "/account")).finish())
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! let sessions = SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
//!     .on_unauthenticated(|_request, error| {
//!         let page = match error {
//!             AuthenticationError::NotRecent { .. } => "/confirm",
//!             _ => "/login",
//!         };
//!         HttpResponse::SeeOther().insert_header(("Location", page)).finish()
//!     })
//!     .build();
//! let app = App::new()
//!     .wrap(sessions)
//!     .route("/login", web::post().to(login))
//!     .route("/logout", web::post().to(logout))
//!     .route("/confirm", web::post().to(confirm))
//!     .route("/account", web::get().to(account))
//!     .route("/account", web::delete().to(delete_account));
//! # use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};
//! # let app = init_service(app).await;
//! # let refused = call_service(&app, TestRequest::with_uri("/account").to_request()).await;
//! # assert_eq!(refused.status(), 303);
//! # assert_eq!(refused.headers().get("location").unwrap(), "/login");
//! # let login = TestRequest::post().uri("/login").set_form([("name", "ferris"), ("password", "crab")]);
//! # let response = call_service(&app, login.to_request()).await;
//! # assert_eq!(response.headers().get("location").unwrap(), "/account");
//! # let cookie = response.response().cookies().next().unwrap().into_owned();
//! # let account = TestRequest::with_uri("/account").cookie(cookie.clone()).to_request();
//! # assert_eq!(call_and_read_body(&app, account).await, "You are ferris.");
//! # let delete = TestRequest::delete().uri("/account").cookie(cookie).to_request();
//! # assert_eq!(call_and_read_body(&app, delete).await, "ferris is gone.");
//! # });
//! ```
//!
//! # What a sign-in does
//!
//! - The session gets another key (OWASP ASVS 5.0, 7.2.4). The previous key opens nothing, so an attacker who planted
//!   or saw it reads nothing. For the [grace period](crate::config::Settings::renewal_grace), it can still end the session:
//!   a sign-out of a request that was in flight always counts.
//! - The values of the session stay, for example a cart. If the session belonged to *another* user, that session ends, and
//!   an empty one begins. So set labels and values of the new user after the sign-in.
//! - The sign-in is stored at once, so that the handler learns whether it was refused.
//!
//! # The response to a guest
//!
//! Without a signed-in user, [`SignedIn`] responds with 401 and the header `WWW-Authenticate` (RFC 9110, section
//! 15.5.2), or with what [`on_unauthenticated`] renders. If a user is signed in but authenticated too long ago, the
//! error is [`NotRecent`], and the header has the parameters of RFC 9470. The setting [`recent_authentication`] is the
//! maximum age of an authentication: 10 minutes by default. No cache stores these responses.
//!
//! The status is 409 if another request has just renewed the session. While a user signs in, other requests of the
//! page may be in flight with the old cookie. If they got 401, a script could redirect the user to the login page
//! right after the sign-in. The status is 503 if the store failed, even under [`ServeEmpty`], because the user may be
//! signed in. [`failure_page`] renders both.
//!
//! # Two clicks, and two tabs
//!
//! A sign-in never loses to another request. After a double click, both requests succeed, and the browser keeps the
//! cookie of the last response. The session of the other response stays unused, counts as one of the user's
//! sessions, and expires. Both sessions have the values of the guest, such as a cart. A sign-out always wins: a
//! slow request can't restore the session.
//!
//! # What refuses a sign-in
//!
//! With `?`, [`SignInError::Refused`] becomes an empty 409, which [`failure_page`] does not render. To show a page of your
//! own, match it in the handler: `Err(SignInError::Refused(Refusal::LimitReached)) => …`, with
//! [`Refusal`](crate::storage::Refusal). The session stays as it was before the call, except that a session of another
//! user has ended. There are two causes:
//!
//! - All sessions of the user were ended after the request began, for example because an administrator locked the
//!   account. The application checked the password before that, so the sign-in is outdated.
//! - The user has as many sessions as [`session_limit`] allows, and the limit is
//!   [`refusing`](crate::storage::SessionLimit::refusing). By default, the session that signed in earliest ends. The limit is exact, even if a user signs in many times at once.
//!
//! # A whole scope
//!
//! Extractors protect one handler each. A middleware protects all handlers of a scope, so that a new handler can't be
//! forgotten:
//!
//! ```
//! use actix_web::{Error, HttpResponse, body::MessageBody, dev::{ServiceRequest, ServiceResponse}};
//! use actix_web::{App, middleware::{Next, from_fn}, web};
//! use sessile::SessionExt as _;
//!
//! async fn signed_in_only(
//!     request: ServiceRequest,
//!     next: Next<impl MessageBody>,
//! ) -> Result<ServiceResponse<impl MessageBody>, Error> {
//!     let session = request.get_session();
//!     session.load().await?;
//!     session.require_signed_in()?;
//!     next.call(request).await
//! }
//!
//! let scope = web::scope("/admin")
//!     .wrap(from_fn(signed_in_only))
//!     .route("/users", web::get().to(HttpResponse::Ok));
//! # actix_web::rt::System::new().block_on(async {
//! # use actix_web::test::{TestRequest, init_service, try_call_service};
//! # let app = init_service(App::new().service(scope)).await;
//! # let request = TestRequest::with_uri("/admin/users").to_request();
//! # let error = try_call_service(&app, request).await.map(drop).unwrap_err();
//! # assert_eq!(error.error_response().status(), 401);
//! # });
//! ```
//!
//! [`NotRecent`]: crate::error::AuthenticationError::NotRecent
//! [`RecentlyAuthenticated`]: crate::extract::RecentlyAuthenticated
//! [`ServeEmpty`]: crate::config::StoreFailurePolicy::ServeEmpty
//! [`Session::reauthenticate`]: crate::Session::reauthenticate
//! [`Session::require_signed_in`]: crate::Session::require_signed_in
//! [`Session::restart`]: crate::Session::restart
//! [`Session::sign_in`]: crate::Session::sign_in
//! [`Session::sign_out`]: crate::Session::sign_out
//! [`SignInError::Refused`]: crate::error::SignInError::Refused
//! [`SignedIn`]: crate::extract::SignedIn
//! [`devices`]: crate::guide::devices
//! [`failure_page`]: crate::SessionMiddlewareBuilder::failure_page
//! [`on_unauthenticated`]: crate::SessionMiddlewareBuilder::on_unauthenticated
//! [`recent_authentication`]: crate::config::Settings::recent_authentication
//! [`remember_me`]: crate::guide::remember_me
//! [`session_limit`]: crate::SessionMiddlewareBuilder::session_limit
