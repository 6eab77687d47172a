//! Helpers for tests of applications. They use the application's own middleware and its store.

mod client;
mod jar;

use actix_web::{
    dev::ServiceResponse,
    http::header::{COOKIE, HeaderMap, SET_COOKIE},
    test::TestRequest,
};

pub use self::client::TestClient;
use crate::{
    Session, SessionMiddleware,
    engine::{ResponseHead, SetCookie},
    storage::SessionStore,
};

/// A request with a given session, for `actix_web::test`.
pub trait TestRequestExt: Sized {
    /// Stores a session that `prepare` has filled, and adds its cookie to the request.
    ///
    /// The session is stored in the same way as the application's own sessions, so extractors, guards and the
    /// middleware see no difference.
    ///
    /// ```
    /// use actix_web::{App, cookie::Key, test::{TestRequest, call_and_read_body, init_service}, web};
    /// use sessile::{
    ///     SessionMiddleware, extract::SignedIn, storage::MemorySessionStore, test_helpers::TestRequestExt as _,
    /// };
    ///
    /// async fn account(user: SignedIn) -> String {
    ///     format!("Hello, {}", user.subject())
    /// }
    ///
    /// # actix_web::rt::System::new().block_on(async {
    /// let sessions = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
    /// let app = App::new().wrap(sessions.clone()).route("/account", web::get().to(account));
    /// let app = init_service(app).await;
    ///
    /// let request = TestRequest::get().uri("/account");
    /// let request = request.with_session(&sessions, async |it| it.sign_in("ferris").await.unwrap()).await;
    /// assert_eq!(call_and_read_body(&app, request.to_request()).await, "Hello, ferris");
    /// # });
    /// ```
    ///
    /// # Panics
    ///
    /// If the session is empty, so that it has no cookie, or can't be stored.
    #[expect(async_fn_in_trait, reason = "tests of Actix Web run on one thread")]
    async fn with_session<Store: SessionStore>(
        self,
        sessions: &SessionMiddleware<Store>,
        prepare: impl AsyncFnOnce(&Session),
    ) -> Self;
}

impl TestRequestExt for TestRequest {
    async fn with_session<Store: SessionStore>(
        self,
        sessions: &SessionMiddleware<Store>,
        prepare: impl AsyncFnOnce(&Session),
    ) -> Self {
        let cookie = stored(sessions, prepare).await;
        self.append_header((sessions.manager().request_header(), sent_back(&cookie)))
    }
}

/// The session that the client's next request would have, after this response.
///
/// The cookie that the response sets opens it, or else the cookie of the request. So it has the stored values.
/// It is a copy: changes to it are not stored.
///
/// ```
/// use actix_web::{App, cookie::Key, test::{TestRequest, call_service, init_service}, web};
/// use sessile::{Session, SessionMiddleware, storage::MemorySessionStore, test_helpers::session_of};
///
/// async fn sign_in(session: Session) -> actix_web::Result<&'static str> {
///     session.flash("greeting", "Welcome")?;
///     session.sign_in("ferris").await?;
///     Ok("")
/// }
///
/// # actix_web::rt::System::new().block_on(async {
/// let sessions = SessionMiddleware::new(MemorySessionStore::default(), Key::generate());
/// let app = App::new().wrap(sessions.clone()).route("/", web::post().to(sign_in));
/// let app = init_service(app).await;
///
/// let response = call_service(&app, TestRequest::post().to_request()).await;
/// let session = session_of(&sessions, &response).await;
/// assert_eq!(session.subject().as_deref(), Some("ferris"));
/// assert_eq!(session.take_flash::<String>("greeting").unwrap(), ["Welcome"]);
/// # });
/// ```
///
/// # Panics
///
/// If the session can't be loaded.
pub async fn session_of<Store: SessionStore, B>(
    sessions: &SessionMiddleware<Store>,
    response: &ServiceResponse<B>,
) -> Session {
    let header = sessions.manager().request_header();
    let (request, response) = (response.request().headers(), response.headers());
    let presented = match header.eq_ignore_ascii_case(COOKIE.as_str()) {
        true => Some(cookies_after(request, response)),
        false => {
            let replaced = texts(response, header).next();
            let sent = replaced.or_else(|| texts(request, header).next());
            sent.map(ToOwned::to_owned)
        }
    };
    opened(sessions, presented.as_deref()).await
}

/// The cookies of this request, as a header, with those that its response sets in their place, whatever their paths.
fn cookies_after(request: &HeaderMap, response: &HeaderMap) -> String {
    let sent = texts(request, COOKIE.as_str()).flat_map(|header| header.split(';'));
    let mut pairs: Vec<&str> = sent.map(str::trim).collect();
    for set_cookie in texts(response, SET_COOKIE.as_str()) {
        let (pair, _) = set_cookie.split_once(';').unwrap_or((set_cookie, ""));
        let (name, _) = pair.split_once('=').unwrap_or((pair, ""));
        pairs.retain(|it| it.split_once('=').is_none_or(|(other, _)| other != name));
        pairs.push(pair);
    }
    pairs.join("; ")
}

/// The session that this value of the request's header opens.
async fn opened<Store: SessionStore>(
    sessions: &SessionMiddleware<Store>,
    header: Option<&str>,
) -> Session {
    let opening = sessions.manager().open(header.map(str::as_bytes));
    let session = opening.await;
    let session = session.unwrap_or_else(|error| panic!("the session can't be opened: {error}"));
    if let Err(error) = session.load().await {
        panic!("the session can't be loaded: {error}");
    }
    session
}

/// The cookie of a new session that `prepare` has filled.
async fn stored<Store: SessionStore>(
    sessions: &SessionMiddleware<Store>,
    prepare: impl AsyncFnOnce(&Session),
) -> SetCookie {
    let manager = sessions.manager();
    let session = opened(sessions, None).await;
    prepare(&session).await;
    let committed = manager.commit(&session, &ResponseHead::to("POST")).await;
    let headers = committed.unwrap_or_else(|error| panic!("the session can't be stored: {error}"));
    let cookie = headers.set_cookie;
    cookie.unwrap_or_else(|| panic!("the session is empty, so it has no cookie"))
}

/// The part of a cookie that a client sends.
fn sent_back(cookie: &SetCookie) -> &str {
    let text = cookie.as_str();
    text.split_once(';').map_or(text, |(pair, _)| pair)
}

/// The values of a header that are text.
fn texts<'h>(headers: &'h HeaderMap, name: &str) -> impl Iterator<Item = &'h str> {
    headers
        .get_all(name)
        .filter_map(|value| value.to_str().ok())
}
