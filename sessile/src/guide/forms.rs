//! Forms that other sites can't forge.
//!
//! A browser sends the session's cookie with each request to your site, even if a page of another site caused the
//! request. [`SameSite=Lax`](crate::config::Settings) stops most of these requests, but not those of sibling domains.
//! [`CsrfGuard`](crate::extract::CsrfGuard) stops the others (OWASP ASVS 5.0, 3.5.1): it checks which site sent the
//! request, and a token that only your pages know.
//!
//! # A form
//!
//! Wrap the application in [`CsrfGuard`](crate::extract::CsrfGuard), and write
//! [`csrf_field`](crate::Session::csrf_field) into each form that is sent with `POST`. In this program, the page also shows a
//! [message](crate::guide::data_and_messages) after the form was sent. Comments mark the lines that are added to a form
//! without both:
//!
//! ```
//! use actix_web::{App, HttpResponse, Result, http::header::{ContentType, LOCATION}, web};
//! use sessile::{Session, extract::CsrfGuard}; // added
//!
//! #[derive(serde::Deserialize)]
//! struct Order {
//!     article: String,
//! }
//!
//! async fn page(session: Session) -> Result<HttpResponse> { // added: the session
//!     let field = session.csrf_field()?; // added
//!     let notice = session.take_flash::<String>("notice")?.join(" "); // added
//!     // Added: the notice and the field.
//!     let html = format!(r#"{notice}<form method="post">{field}<input name="article"></form>"#);
//!     Ok(HttpResponse::Ok().content_type(ContentType::html()).body(html))
//! }
//!
//! async fn order(session: Session, order: web::Form<Order>) -> Result<HttpResponse> { // added: the session
//!     session.flash("notice", "Thank you for your order.")?; // added
//!     println!("1 {}", order.article);
//!     Ok(HttpResponse::SeeOther().insert_header((LOCATION, "/")).finish())
//! }
//! # actix_web::rt::System::new().block_on(async {
//! # use actix_web::test::{TestRequest, call_service, init_service, read_body};
//! # use sessile::{SessionMiddleware, storage::MemorySessionStore};
//!
//! // Added. In development over plain HTTP, `builder(…).allow_plain_http(true).build()`.
//! let sessions = SessionMiddleware::new(MemorySessionStore::default(), actix_web::cookie::Key::generate());
//! let app = App::new()
//!     .wrap(CsrfGuard::new()) // added
//!     .wrap(sessions) // added; the last one is the outermost
//!     .route("/", web::get().to(page))
//!     .route("/", web::post().to(order));
//! # let app = init_service(app).await;
//! # let response = call_service(&app, TestRequest::default().to_request()).await;
//! # let cookie = response.response().cookies().next().unwrap().into_owned();
//! # let body = read_body(response).await;
//! # let token = str::from_utf8(&body).unwrap().split('"').nth(7).unwrap().to_owned();
//! # let form = [("csrf_token", token.as_str()), ("article", "apple")];
//! # let request = TestRequest::post().cookie(cookie).set_form(form).to_request();
//! # assert_eq!(call_service(&app, request).await.status(), 303);
//! # let request = TestRequest::post().set_form(form).to_request();
//! # assert_eq!(call_service(&app, request).await.status(), 403);
//! # });
//! ```
//!
//! [`examples/forms/main.rs`] is the whole program, and [`before.rs`] beside it is the program before: fewer than 20 lines differ.
//!
//! - A visitor without a session gets a session with the form, and a cookie. So a login form is protected as well.
//! - When the user signs in, the tokens of earlier pages expire after the [grace
//!   period](crate::config::Settings::renewal_grace). With `CookieSessionStore`, they expire at once. A form that
//!   stayed open in another tab for longer is refused: [`on_refused`](crate::extract::CsrfGuard::on_refused) can render
//!   a page that offers it again.
//! - A page with a token is for one visitor. Responses that use their session are `private`, so no shared cache stores it.
//! - The guard lets `GET`, `HEAD`, `OPTIONS` and `TRACE` pass. Change nothing in their handlers. Of the handshake of a
//!   WebSocket, it checks which site sent it.
//!
//! # Scripts
//!
//! Write [`csrf_token`](crate::Session::csrf_token) into the page, for example into a `<meta>` element, and send it with each
//! request in the header `X-CSRF-Token`. This is also the way for JSON and for uploads.
//!
//! ```js
//! const token = document.querySelector('meta[name="csrf-token"]').content;
//! await fetch("/order", { method: "POST", headers: { "X-CSRF-Token": token }, body });
//! ```
//!
//! For an upload without a script, register the route outside of the guard. The handler takes the token from the
//! multipart body, and calls [`verify_csrf`](crate::Session::verify_csrf) before it does anything else.
//!
//! # Behind a proxy
//!
//! Browsers that send no `Sec-Fetch-Site` send the `Origin`, which the guard compares with the host of the request. If the
//! proxy changes `Host`, it has to send the original one in `X-Forwarded-Host` or `Forwarded`. A page of another site can set
//! none of these headers.
//!
//! Pages of your other origins need [`allow_origin`](crate::extract::CsrfGuard::allow_origin), and a token as well.
//!
//! # What it does not prevent
//!
//! - A script that an attacker injects into your page can read the token. Escape what you print, and send a content
//!   security policy.
//! - A guard checks only the session of a middleware without a [marker](crate::SessionMiddlewareBuilder::marker). For the
//!   others, call `verify_csrf` in the handler.
//!
//! [`examples/forms/main.rs`]: https://github.com/sessile-rs/sessile/blob/main/sessile/examples/forms/main.rs
//! [`before.rs`]: https://github.com/sessile-rs/sessile/blob/main/sessile/examples/forms/before.rs
