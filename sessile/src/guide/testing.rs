//! Testing an application.
//!
//! Read this page when you test handlers, guards or pages that use a session.
//!
//! The feature `test-helpers` has helpers for `actix_web::test`. They go through your own middleware and its store, so a test
//! sees what a browser would see:
//!
//! ```toml
//! [dev-dependencies]
//! sessile = { version = "0.1", features = ["test-helpers"] }
//! ```
//!
//! Use [`MemorySessionStore`] in the tests, and a key that only tests use, such as
//! [`test_helpers::key`]. If handlers take `Sessions<AnySessionStore>`, use `AnySessionStore::connect("memory:")` instead, so
//! that the type is the same.
//!
//! # A page that needs a session
//!
//! [`with_session`] stores a session, and sends its cookie with the request:
//!
//! ```
//! use actix_web::{App, test::{TestRequest, call_and_read_body, init_service}, web};
//! use sessile::{
//!     Session, SessionMiddleware, extract::SignedIn, storage::MemorySessionStore,
//!     test_helpers::{self, TestRequestExt as _},
//! };
//!
//! async fn checkout(user: SignedIn, session: Session) -> actix_web::Result<String> {
//!     let articles: u32 = session.get("cart")?.unwrap_or(0);
//!     Ok(format!("{}: {articles} articles", user.subject()))
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! let sessions = SessionMiddleware::new(MemorySessionStore::default(), test_helpers::key());
//! let app = App::new().wrap(sessions.clone()).route("/checkout", web::get().to(checkout));
//! let app = init_service(app).await;
//!
//! let request = TestRequest::get().uri("/checkout");
//! let request = request.with_session(&sessions, async |session| {
//!     session.insert("cart", 3).unwrap();
//!     session.sign_in("ferris").await.unwrap();
//! });
//! let body = call_and_read_body(&app, request.await.to_request()).await;
//! assert_eq!(body, "ferris: 3 articles");
//! # });
//! ```
//!
//! The closure can use the whole API of [`Session`], for example labels, flashes and
//! `set_persistence`.
//!
//! # What a handler stored
//!
//! [`session_of`] returns the session that the client's next request would have:
//!
//! ```
//! use actix_web::{App, test::{TestRequest, call_service, init_service}, web};
//! use sessile::{
//!     Session, SessionMiddleware, storage::MemorySessionStore,
//!     test_helpers::{self, session_of},
//! };
//!
//! async fn add(session: Session) -> actix_web::Result<&'static str> {
//!     session.update_or("cart", 1, |articles: u32| articles + 1)?;
//!     session.flash("message", "Added")?;
//!     Ok("")
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! let sessions = SessionMiddleware::new(MemorySessionStore::default(), test_helpers::key());
//! let app = init_service(App::new().wrap(sessions.clone()).route("/", web::post().to(add))).await;
//!
//! let response = call_service(&app, TestRequest::post().to_request()).await;
//! let session = session_of(&sessions, &response).await;
//! assert_eq!(session.get("cart").unwrap(), Some(1));
//! assert_eq!(session.take_flash::<String>("message").unwrap(), ["Added"]);
//! # });
//! ```
//!
//! # Several requests, and time
//!
//! [`TestClient`] keeps cookies as a browser does. If it shares a [`ManualClock`] with the
//! middleware, no test has to wait:
//!
//! ```
//! use std::time::Duration;
//! use actix_web::{App, Result, test::{init_service, read_body}, web};
//! use sessile::{
//!     Session, SessionMiddleware, clock::ManualClock, config::Persistence, extract::SignedIn,
//!     storage::MemorySessionStore, test_helpers::{self, TestClient},
//! };
//!
//! async fn sign_in(session: Session) -> Result<&'static str> {
//!     session.sign_in("ferris").await?;
//!     session.set_persistence(Some(Persistence::remembered(Duration::from_secs(30 * 24 * 3600))))?;
//!     Ok("")
//! }
//!
//! async fn account(user: SignedIn) -> String {
//!     user.subject().to_owned()
//! }
//!
//! async fn sign_out(session: Session) -> &'static str {
//!     session.sign_out();
//!     ""
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! let clock = ManualClock::default();
//! let sessions = SessionMiddleware::builder(MemorySessionStore::default(), test_helpers::key())
//!     .clock(clock.clone())
//!     .build();
//! let app = App::new()
//!     .wrap(sessions.clone())
//!     .route("/account", web::get().to(account))
//!     .route("/sign-in", web::post().to(sign_in))
//!     .route("/sign-out", web::post().to(sign_out));
//! let mut client = TestClient::new(init_service(app).await, clock.clone());
//!
//! client.post_form("/sign-in", ()).await;
//! client.close_browser();
//! assert_eq!(read_body(client.get("/account").await).await, "ferris");
//!
//! // "Remember me" ends 30 days after the last change: first in the browser, which forgets the cookie.
//! clock.advance(Duration::from_secs(30 * 24 * 3600));
//! assert_eq!(client.cookie("id"), None);
//! assert_eq!(client.get("/account").await.status(), 401);
//!
//! client.post_form("/sign-in", ()).await;
//! client.post_form("/sign-out", ()).await;
//! assert_eq!(client.session_at("/", &sessions).await.subject(), None);
//! # });
//! ```
//!
//! # A form with a token
//!
//! [`TestClient::begin_session`](crate::test_helpers::TestClient::begin_session) gives a client a session, as `with_session`
//! does for one request. The token of a form can be taken from its page, or from the session that the client has:
//!
//! ```
//! use actix_web::{App, test::init_service, web};
//! use sessile::{
//!     Session, SessionMiddleware, clock::ManualClock, extract::CsrfGuard,
//!     storage::MemorySessionStore, test_helpers::{self, TestClient},
//! };
//!
//! async fn form(session: Session) -> actix_web::Result<String> {
//!     Ok(format!("<form method=\"post\">{}</form>", session.csrf_field()?))
//! }
//!
//! # actix_web::rt::System::new().block_on(async {
//! let clock = ManualClock::default();
//! let sessions = SessionMiddleware::builder(MemorySessionStore::default(), test_helpers::key())
//!     .clock(clock.clone())
//!     .build();
//! let app = App::new()
//!     .wrap(CsrfGuard::new())
//!     .wrap(sessions.clone())
//!     .route("/", web::get().to(form))
//!     .route("/", web::post().to(|| async { "ordered" }));
//! let mut client = TestClient::new(init_service(app).await, clock);
//!
//! client.get("/").await;
//! assert_eq!(client.post_form("/", ()).await.status(), 403);
//! let token = client.session_at("/", &sessions).await.csrf_token().unwrap();
//! let form = [("csrf_token", token.as_str())];
//! assert_eq!(client.post_form("/", form).await.status(), 200);
//! # });
//! ```
//!
//! # Handlers without a server
//!
//! A function that takes a [`Session`] can be called with `Session::default()`, which belongs to no middleware and is not
//! stored.
//!
//! [`ManualClock`]: crate::clock::ManualClock
//! [`MemorySessionStore`]: crate::storage::MemorySessionStore
//! [`Session`]: crate::Session
//! [`TestClient`]: crate::test_helpers::TestClient
//! [`session_of`]: crate::test_helpers::session_of
//! [`test_helpers::key`]: crate::test_helpers::key
//! [`with_session`]: crate::test_helpers::TestRequestExt::with_session
