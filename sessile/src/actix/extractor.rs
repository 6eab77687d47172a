//! Getting at the [`Session`] of a request: the extractor and [`SessionExt`].

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::{Extensions, Payload, ServiceRequest, ServiceResponse},
    guard::GuardContext,
};
use serde::{Serialize, de::DeserializeOwned};

use super::pages::Pages;
use crate::{
    Session,
    engine::SessionFailure,
    error::AuthenticationError,
    session::{Backend, TypedSession},
};

/// Gets the session of a request, for middleware, guards and handlers that don't take it as an argument.
///
/// Without a [`SessionMiddleware`](crate::SessionMiddleware), the session is empty. All callers within the
/// request share it, and it is not stored. In middleware outside of the session middleware, the session is
/// empty as well. When the session middleware opens the session, it applies what was written there to the
/// stored state, and the earlier handle is one of the request's session.
///
/// With [lazy loading](crate::config::Loading::Lazy), call [`Session::load`] before you read or
/// write values. A guard can't do that, so it sees a session only if middleware has loaded it.
///
/// # Panics
///
/// Without a session middleware, on the first call within a request, if the caller has borrowed the
/// request's `extensions`.
///
/// ```
/// use actix_web::{guard::GuardContext, web, App, HttpResponse};
/// use sessile::SessionExt as _;
///
/// fn signed_in(ctx: &GuardContext<'_>) -> bool {
///     ctx.get_session().contains_key("user")
/// }
///
/// let app = App::new().route("/account", web::get().guard(signed_in).to(HttpResponse::Ok));
/// # let _ = app;
/// # let request = actix_web::test::TestRequest::default().to_http_request();
/// # assert!(!request.get_session().contains_key("user"));
/// ```
pub trait SessionExt {
    /// The session of this request.
    fn get_session(&self) -> Session;
}

impl SessionExt for HttpRequest {
    fn get_session(&self) -> Session {
        let found = found_in(&self.extensions());
        found.unwrap_or_else(|| made_in(&mut self.extensions_mut()))
    }
}

impl SessionExt for ServiceRequest {
    fn get_session(&self) -> Session {
        let found = found_in(&self.extensions());
        found.unwrap_or_else(|| made_in(&mut self.extensions_mut()))
    }
}

impl<B> SessionExt for ServiceResponse<B> {
    fn get_session(&self) -> Session {
        self.request().get_session()
    }
}

impl SessionExt for GuardContext<'_> {
    fn get_session(&self) -> Session {
        let found = found_in(&self.req_data());
        found.unwrap_or_else(|| made_in(&mut self.req_data_mut()))
    }
}

/// Works while a handler borrows the request's extensions.
fn found_in(extensions: &Extensions) -> Option<Session> {
    extensions.get().cloned()
}

fn made_in(extensions: &mut Extensions) -> Session {
    let session = Session::early();
    extensions.insert(session.clone());
    session
}

/// Takes the [loaded](Session::load) session as an argument of a handler. See [`SessionExt`] for handlers
/// without a session middleware.
///
/// Fails only with [lazy loading](crate::config::Loading::Lazy), if the store fails. The response is
/// then the one that [`on_store_failure`](crate::SessionMiddlewareBuilder::on_store_failure) sets.
impl FromRequest for Session {
    type Error = actix_web::Error;
    type Future = ExtractSession;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let session = request.get_session();
        if session.machine().is_readable() {
            return ExtractSession(Extracting::Ready(Some(session)));
        }
        let request = request.clone();
        ExtractSession(Extracting::Loading(Box::pin(async move {
            match session.load_quietly().await {
                Ok(()) => Ok(session),
                Err(error) => {
                    let status = session.backend().map_or(503, Backend::failure_status);
                    let failure = SessionFailure::open(error, status);
                    Err(Pages::of(&request).answer(failure, &request))
                }
            }
        })))
    }
}

/// Takes the values of the [loaded](Session::load) session as a struct. Fails as the extractor of [`Session`] does.
impl<T: Serialize + DeserializeOwned> FromRequest for TypedSession<T> {
    type Error = actix_web::Error;
    type Future = Extract<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        Extract::new(request, payload, |session| Ok(Self::new(session)))
    }
}

/// Extracts the session, and then what `convert` makes of it.
#[doc(hidden)]
pub struct Extract<T> {
    session: ExtractSession,
    request: HttpRequest,
    convert: fn(Session) -> Result<T, AuthenticationError>,
}

impl<T> Extract<T> {
    pub(super) fn new(
        request: &HttpRequest,
        payload: &mut Payload,
        convert: fn(Session) -> Result<T, AuthenticationError>,
    ) -> Self {
        Self {
            session: Session::from_request(request, payload),
            request: request.clone(),
            convert,
        }
    }
}

impl<T> Future for Extract<T> {
    type Output = Result<T, actix_web::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let session = ready!(Pin::new(&mut self.session).poll(cx))?;
        let converted = (self.convert)(session);
        Poll::Ready(
            converted.map_err(|error| Pages::of(&self.request).refuse(error, &self.request)),
        )
    }
}

impl<T> fmt::Debug for Extract<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Extract").finish_non_exhaustive()
    }
}

/// Extracts a [`Session`]: at once, if it is loaded.
#[doc(hidden)]
pub struct ExtractSession(Extracting);

enum Extracting {
    Ready(Option<Session>),
    Loading(Pin<Box<dyn Future<Output = Result<Session, actix_web::Error>>>>),
}

impl Future for ExtractSession {
    type Output = Result<Session, actix_web::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            #[expect(
                clippy::expect_used,
                reason = "polling a finished future is a bug of the caller"
            )]
            Extracting::Ready(session) => {
                Poll::Ready(Ok(session.take().expect("polled after completion")))
            }
            Extracting::Loading(loading) => loading.as_mut().poll(cx),
        }
    }
}

impl fmt::Debug for ExtractSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExtractSession").finish_non_exhaustive()
    }
}
