//! The extractors for signed-in users, and for requests that do not extend the life of their session.

use std::ops::Deref;

use actix_web::{FromRequest, HttpRequest, dev::Payload};

use super::extractor::ExtractSession;
use crate::{Session, error::AuthenticationError};

/// The signed-in user of a request, and the session.
///
/// If no user is signed in, the handler does not run. The response is then 401, or the one that
/// [`on_unauthenticated`](crate::SessionMiddlewareBuilder::on_unauthenticated) renders. If another request has just
/// renewed the session, the response is 409: see [`Session::require_signed_in`]. No cache stores these responses.
///
/// Pages that guests can see as well take an `Option<SignedIn>`. It is `None` in all of these cases, and also if a
/// lazy session can't be loaded. In the last case, a handler that takes a [`Session`] beside it does not run.
///
/// ```
/// use actix_web::{App, HttpResponse, web};
/// use sessile::extract::SignedIn;
///
/// async fn account(user: SignedIn) -> String {
///     format!("You are {}.", user.subject())
/// }
///
/// async fn home(user: Option<SignedIn>) -> String {
///     user.map_or("Hello!".to_owned(), |user| format!("Hello, {}!", user.subject()))
/// }
///
/// # actix_web::rt::System::new().block_on(async {
/// let app = App::new()
///     .route("/account", web::get().to(account))
///     .route("/", web::get().to(home));
/// # use actix_web::test::{TestRequest, call_and_read_body, call_service, init_service};
/// # use sessile::{SessionMiddleware, storage::MemorySessionStore};
/// # let middleware = SessionMiddleware::new(MemorySessionStore::default(), actix_web::cookie::Key::generate());
/// # let app = init_service(app.wrap(middleware)).await;
/// # let response = call_service(&app, TestRequest::with_uri("/account").to_request()).await;
/// # assert_eq!(response.status(), 401);
/// # let body = call_and_read_body(&app, TestRequest::with_uri("/").to_request()).await;
/// # assert_eq!(body, "Hello!");
/// # });
/// ```
#[derive(Clone)]
pub struct SignedIn {
    session: Session,
    subject: String,
}

impl SignedIn {
    /// The user: the subject that the application passed to [`sign_in`](Session::sign_in).
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The session.
    #[must_use]
    pub const fn session(&self) -> &Session {
        &self.session
    }

    fn of(session: Session) -> Result<Self, AuthenticationError> {
        let subject = session.require_signed_in()?;
        Ok(Self { session, subject })
    }
}

crate::debug::opaque!(SignedIn);

impl FromRequest for SignedIn {
    type Error = actix_web::Error;
    type Future = ExtractSession<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ExtractSession::unmarked(request, Self::of)
    }
}

/// The signed-in user of a request, if the user has authenticated recently. It is for sensitive actions, such as a
/// payment or a change of the password (OWASP ASVS 5.0, 7.5.1 and 7.5.3).
///
/// It behaves as [`SignedIn`] does. The response is also 401 if the last authentication is older than
/// [`recent_authentication`](crate::config::Settings::recent_authentication). The application then asks for the
/// password again, and calls [`Session::reauthenticate`].
///
/// ```
/// use actix_web::HttpResponse;
/// use sessile::extract::RecentlyAuthenticated;
///
/// async fn change_password(RecentlyAuthenticated(user): RecentlyAuthenticated) -> HttpResponse {
///     let subject = user.subject();
///     // … set the password of this user …
///     # let _ = subject;
///     HttpResponse::NoContent().finish()
/// }
/// # actix_web::rt::System::new().block_on(async {
/// # use actix_web::{App, test::{TestRequest, call_service, init_service}, web};
/// # use sessile::{SessionMiddleware, storage::MemorySessionStore};
/// # let middleware = SessionMiddleware::new(MemorySessionStore::default(), actix_web::cookie::Key::generate());
/// # let app = App::new().wrap(middleware).route("/", web::post().to(change_password));
/// # let app = init_service(app).await;
/// # let response = call_service(&app, TestRequest::post().to_request()).await;
/// # assert_eq!(response.status(), 401);
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct RecentlyAuthenticated(pub SignedIn);

impl Deref for RecentlyAuthenticated {
    type Target = SignedIn;

    fn deref(&self) -> &SignedIn {
        &self.0
    }
}

impl FromRequest for RecentlyAuthenticated {
    type Error = actix_web::Error;
    type Future = ExtractSession<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ExtractSession::unmarked(request, |session| {
            let subject = session.require_recent_authentication()?;
            Ok(Self(SignedIn { session, subject }))
        })
    }
}

/// The session of a request that does not extend its life. It is for requests that the page sends without the
/// user, such as polling. See [`Session::set_extends_life`].
///
/// ```
/// use sessile::extract::Unextended;
///
/// async fn unread_messages(Unextended(session): Unextended) -> actix_web::Result<String> {
///     let unread: Option<u32> = session.get("unread")?;
///     Ok(unread.unwrap_or_default().to_string())
/// }
/// # actix_web::rt::System::new().block_on(async {
/// # use actix_web::{App, test::{TestRequest, call_and_read_body, init_service}, web};
/// # use sessile::{SessionMiddleware, storage::MemorySessionStore};
/// # let middleware = SessionMiddleware::new(MemorySessionStore::default(), actix_web::cookie::Key::generate());
/// # let app = App::new().wrap(middleware).route("/", web::get().to(unread_messages));
/// # let app = init_service(app).await;
/// # let body = call_and_read_body(&app, TestRequest::default().to_request()).await;
/// # assert_eq!(body, "0");
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct Unextended(pub Session);

impl FromRequest for Unextended {
    type Error = actix_web::Error;
    type Future = ExtractSession<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ExtractSession::unmarked(request, |session| {
            session.set_extends_life(false);
            Ok(Self(session))
        })
    }
}
