//! "Remember me": at the user's request, a sign-in lasts for weeks.
//!
//! Read this page when your login form has a box "remember me". [`Session::set_persistence`] gives one session a lifetime
//! of its own, in place of that of the settings: the idle timeout, the absolute timeout and the lifetime of the cookie.
//!
//! ```
//! use std::time::Duration;
//! use actix_web::{HttpResponse, Result, web};
//! use sessile::{Session, config::Persistence};
//!
//! const DAY: Duration = Duration::from_secs(24 * 3600);
//!
//! #[derive(serde::Deserialize)]
//! struct Login {
//!     name: String,
//!     #[serde(default)]
//!     remember: bool,
//! }
//!
//! async fn login(session: Session, form: web::Form<Login>) -> Result<HttpResponse> {
//!     // … after the password was checked …
//!     session.sign_in(&form.name).await?;
//!     let remembered = Persistence::remembered(30 * DAY).absolute_timeout(90 * DAY);
//!     session.set_persistence(form.remember.then_some(remembered))?;
//!     Ok(HttpResponse::NoContent().finish())
//! }
//! # use actix_web::{App, cookie::Key, test::{TestRequest, call_service, init_service}};
//! # use sessile::{SessionMiddleware, storage::MemorySessionStore};
//! # actix_web::rt::System::new().block_on(async {
//! # let sessions = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
//! # let app = init_service(App::new().wrap(sessions).route("/", web::post().to(login))).await;
//! # for (form, expected) in [("name=a&remember=true", Some(30 * 24 * 3600)), ("name=a", None)] {
//! #     let request = TestRequest::post().set_payload(form);
//! #     let request = request.insert_header(("content-type", "application/x-www-form-urlencoded"));
//! #     let response = call_service(&app, request.to_request()).await;
//! #     let cookie = response.response().cookies().next().unwrap().into_owned();
//! #     assert_eq!(cookie.max_age().map(|it| it.whole_seconds()), expected);
//! # }
//! # });
//! ```
//!
//! The box on the page is `<input type="checkbox" name="remember" value="true">`: without `value`, browsers send `on`, which
//! is no `bool`.
//!
//! | the user | the session ends | the cookie |
//! | --- | --- | --- |
//! | ticked the box | after 30 days without use, and 90 days after the sign-in | has a `Max-Age`: the browser keeps it |
//! | did not | as the settings say: by default after one day | has none: the browser deletes it when it closes |
//!
//! `set_persistence(None)` goes back to the settings. The response sends the cookie again when its lifetime changes.
//!
//! - **The server decides.** Both timeouts are in the stored session. A copy of the cookie is not valid for longer.
//! - **What counts as use** is what the settings say. Under [`OnStateChanges`], the default, only changes of the session do.
//!   A user who comes back each day and only reads is signed out after the 30 days. For "30 days without a visit", choose
//!   [`OnEveryRequest`], for example with [`signed_in_lifecycle`].
//! - **The maximum** is [`max_persistence`]: 400 days, or less if you set less. It caps both timeouts, and is the absolute
//!   timeout of a session without one.
//! - **A timeout of zero** is an error, not a session without an end.
//! - **A remembered user is not a recently authenticated one.** Before sensitive changes, ask for the password again: see
//!   [`signing_in`].
//!
//! [`OnEveryRequest`]: crate::config::TtlExtensionPolicy::OnEveryRequest
//! [`OnStateChanges`]: crate::config::TtlExtensionPolicy::OnStateChanges
//! [`Session::set_persistence`]: crate::Session::set_persistence
//! [`max_persistence`]: crate::config::Settings::max_persistence
//! [`signed_in_lifecycle`]: crate::config::Settings::signed_in_lifecycle
//! [`signing_in`]: crate::guide::signing_in
