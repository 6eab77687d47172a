//! [`TestClient`]: a client that keeps cookies.

use std::fmt;

use actix_web::{
    body::{BoxBody, MessageBody},
    dev::{Service, ServiceResponse},
    http::header::{COOKIE, HeaderValue, SET_COOKIE},
    test::TestRequest,
};
use serde::Serialize;

use super::{jar::Jar, opened, stored, texts};
use crate::{
    Session, SessionMiddleware,
    clock::{Clock as _, ManualClock},
    storage::SessionStore,
};

/// A client with a cookie jar, for the service that `actix_web::test::init_service` makes.
///
/// It keeps and sends cookies as browsers do, by their `Path`, `Secure`, `Max-Age` and `Expires`. Requests use HTTPS,
/// unless [`over_http`](Self::over_http) is called. All requests come from the site itself, so `SameSite` has no
/// effect. It does not follow redirects.
///
/// The cookies expire by the clock that is passed to [`new`](Self::new). Pass the same clock to the middleware, so that
/// a test advances both.
///
/// ```
/// use std::time::Duration;
/// use actix_web::{App, cookie::Key, test::init_service, web};
/// use sessile::{
///     Session, SessionMiddleware, clock::ManualClock, extract::SignedIn,
///     storage::MemorySessionStore, test_helpers::TestClient,
/// };
///
/// async fn sign_in(session: Session) -> actix_web::Result<&'static str> {
///     session.sign_in("ferris").await?;
///     Ok("")
/// }
///
/// async fn account(user: SignedIn) -> String {
///     user.subject().to_owned()
/// }
///
/// # actix_web::rt::System::new().block_on(async {
/// let clock = ManualClock::default();
/// let sessions = SessionMiddleware::builder(MemorySessionStore::default(), Key::generate())
///     .clock(clock.clone())
///     .build();
/// let app = App::new()
///     .wrap(sessions)
///     .route("/sign-in", web::post().to(sign_in))
///     .route("/account", web::get().to(account));
/// let mut client = TestClient::new(init_service(app).await, clock.clone());
///
/// assert_eq!(client.get("/account").await.status(), 401);
/// client.post_form("/sign-in", ()).await;
/// assert_eq!(client.get("/account").await.status(), 200);
///
/// // The idle timeout is one day.
/// clock.advance(Duration::from_secs(24 * 3600));
/// assert_eq!(client.get("/account").await.status(), 401);
/// # });
/// ```
pub struct TestClient<S> {
    app: S,
    jar: Jar,
    clock: ManualClock,
    is_https: bool,
}

impl<S> TestClient<S> {
    /// A client without cookies.
    pub fn new(app: S, clock: ManualClock) -> Self {
        Self {
            app,
            jar: Jar::default(),
            clock,
            is_https: true,
        }
    }

    /// Makes the client use plain HTTP: it ignores `Secure` cookies, and sends none.
    #[must_use]
    pub fn over_http(self) -> Self {
        Self {
            is_https: false,
            ..self
        }
    }

    /// The value of the cookie with this name, if the client has it. The value of a session's cookie is sealed.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.jar.value(name, self.clock.now())
    }

    /// Closes the browser, which forgets the cookies without `Max-Age` and `Expires`.
    pub fn close_browser(&mut self) {
        self.jar.close();
    }

    /// Stores a session that `prepare` has filled, and gives its cookie to the client.
    ///
    /// # Panics
    ///
    /// As [`with_session`](super::TestRequestExt::with_session); if the client does not keep the cookie, for example because it
    /// is `Secure` and the requests are [over HTTP](Self::over_http); and if the sessions are in another header than `Cookie`.
    pub async fn begin_session<Store: SessionStore>(
        &mut self,
        sessions: &SessionMiddleware<Store>,
        prepare: impl AsyncFnOnce(&Session),
    ) {
        assert_in_cookies(sessions);
        let cookie = stored(sessions, prepare).await;
        let now = self.clock.now();
        let is_kept = self.jar.add(cookie.as_str(), "/", self.is_https, now);
        assert!(
            is_kept,
            "the client does not keep the cookie of the session"
        );
    }

    /// A copy of the session that the client's next request to `path` would have: see
    /// [`session_of`](super::session_of).
    ///
    /// # Panics
    ///
    /// If the session can't be loaded, and if the sessions are in another header than `Cookie`.
    pub async fn session_at<Store: SessionStore>(
        &self,
        path: &str,
        sessions: &SessionMiddleware<Store>,
    ) -> Session {
        assert_in_cookies(sessions);
        let header = self.jar.header(path, self.is_https, self.clock.now());
        opened(sessions, header.as_deref()).await
    }

    /// Sends a `GET`.
    pub async fn get<B>(&mut self, path: &str) -> ServiceResponse<BoxBody>
    where
        S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
        B: MessageBody + 'static,
    {
        self.send(TestRequest::get().uri(path)).await
    }

    /// Sends a `POST` with a form.
    pub async fn post_form<B>(
        &mut self,
        path: &str,
        form: impl Serialize,
    ) -> ServiceResponse<BoxBody>
    where
        S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
        B: MessageBody + 'static,
    {
        self.send(TestRequest::post().uri(path).set_form(form))
            .await
    }

    /// Sends a request with the cookies of the client, and keeps those that the response sets.
    ///
    /// If the application returns an error, the result is the response that a server would send for it.
    pub async fn send<B>(&mut self, request: TestRequest) -> ServiceResponse<BoxBody>
    where
        S: Service<actix_http::Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
        B: MessageBody + 'static,
    {
        let mut request = request.to_request();
        let uri = request.uri().clone();
        let header = self.jar.header(uri.path(), self.is_https, self.clock.now());
        if let Some(header) = header.and_then(|text| HeaderValue::from_str(&text).ok()) {
            request.headers_mut().append(COOKIE, header);
        }
        let sent = (request.method().clone(), request.head().headers.clone());
        let response = match self.app.call(request).await {
            Ok(response) => response.map_into_boxed_body(),
            Err(error) => {
                let (method, headers) = sent;
                let request = TestRequest::with_uri(&uri.to_string()).method(method);
                let request = headers
                    .into_iter()
                    .fold(request, TestRequest::append_header);
                ServiceResponse::new(request.to_http_request(), error.error_response())
            }
        };
        let now = self.clock.now();
        for cookie in texts(response.headers(), SET_COOKIE.as_str()) {
            self.jar.add(cookie, uri.path(), self.is_https, now);
        }
        response
    }
}

#[track_caller]
fn assert_in_cookies<Store: SessionStore>(sessions: &SessionMiddleware<Store>) {
    let header = sessions.manager().request_header();
    let is_cookie = header.eq_ignore_ascii_case(COOKIE.as_str());
    assert!(
        is_cookie,
        "the client keeps cookies, and the sessions are in the header `{header}`"
    );
}

/// Without the values of the cookies.
impl<S> fmt::Debug for TestClient<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient")
            .field("is_https", &self.is_https)
            .finish_non_exhaustive()
    }
}
