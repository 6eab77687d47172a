//! Getting at the [`Session`] of a request: the extractor and [`SessionExt`].

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::{Extensions, Payload, ServiceRequest, ServiceResponse},
    guard::GuardContext,
};
use serde::{Serialize, de::DeserializeOwned};

use super::{
    extensions::{Held, Slot},
    pages::Pages,
    session_of::SessionOf,
};
use crate::{
    Session, config::Settings, engine::SessionFailure, error::AuthenticationError,
    extract::TypedSession,
};

/// Gets the session of a request, for middleware, guards and handlers that don't take it as an argument.
///
/// Without a [`SessionMiddleware`](crate::SessionMiddleware), the session is empty. All callers within the request
/// share it, and it is not stored. In middleware outside of the session middleware, the session is empty at first.
/// When the session middleware opens the session, it applies the earlier changes to the stored state. The earlier
/// handle then belongs to the opened session.
///
/// With [lazy loading](crate::config::Loading::Lazy), call [`Session::load`] before you read or
/// write values. A guard can't do that, so it sees a session only if middleware has loaded it.
///
/// # Panics
///
/// If the caller has borrowed the request's `extensions_mut`. Without a session middleware, also on the first call within a
/// request, if the caller has borrowed its `extensions`.
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

    /// The session of the middleware with the [marker](crate::SessionMiddlewareBuilder::marker) `M`; `None` in code outside
    /// of that middleware. The default implementation returns `None`.
    fn get_session_of<M: 'static>(&self) -> Option<SessionOf<M>>
    where
        Self: Sized,
    {
        None
    }
}

impl SessionExt for HttpRequest {
    fn get_session(&self) -> Session {
        let found = found_in(&self.extensions());
        found.unwrap_or_else(|| made_in(&mut self.extensions_mut()))
    }

    fn get_session_of<M: 'static>(&self) -> Option<SessionOf<M>> {
        SessionOf::found_in(&self.extensions())
    }
}

impl SessionExt for ServiceRequest {
    fn get_session(&self) -> Session {
        self.request().get_session()
    }

    fn get_session_of<M: 'static>(&self) -> Option<SessionOf<M>> {
        self.request().get_session_of()
    }
}

impl<B> SessionExt for ServiceResponse<B> {
    fn get_session(&self) -> Session {
        self.request().get_session()
    }

    fn get_session_of<M: 'static>(&self) -> Option<SessionOf<M>> {
        self.request().get_session_of()
    }
}

impl SessionExt for GuardContext<'_> {
    fn get_session(&self) -> Session {
        let found = found_in(&self.req_data());
        found.unwrap_or_else(|| made_in(&mut self.req_data_mut()))
    }

    fn get_session_of<M: 'static>(&self) -> Option<SessionOf<M>> {
        SessionOf::found_in(&self.req_data())
    }
}

/// It works while a handler borrows the request's extensions.
fn found_in(extensions: &Extensions) -> Option<Session> {
    let held = Slot::unmarked().get(extensions);
    held.map(|held| held.session.clone())
}

fn made_in(extensions: &mut Extensions) -> Session {
    let held = Held::early();
    let session = held.session.clone();
    Slot::unmarked().set(extensions, Some(held));
    session
}

/// Takes the [loaded](Session::load) session as an argument of a handler. See [`SessionExt`] for handlers
/// without a session middleware.
///
/// It fails only with [lazy loading](crate::config::Loading::Lazy), if the store fails. The response is then the
/// one that [`on_store_failure`](crate::SessionMiddlewareBuilder::on_store_failure) sets.
impl FromRequest for Session {
    type Error = actix_web::Error;
    type Future = ExtractSession<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ExtractSession::unmarked(request, Ok)
    }
}

/// Takes the values of the [loaded](Session::load) session as a struct. Fails as the extractor of [`Session`] does.
impl<T: Serialize + DeserializeOwned + 'static> FromRequest for TypedSession<T> {
    type Error = actix_web::Error;
    type Future = ExtractSession<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ExtractSession::unmarked(request, |session| Ok(Self::new(session)))
    }
}

/// Extracts a session and converts it. If the session is loaded, the future is ready at once.
#[doc(hidden)]
pub struct ExtractSession<T>(Extracting<T>);

enum Extracting<T> {
    Ready(Option<Result<T, actix_web::Error>>),
    Loading(Pin<Box<dyn Future<Output = Result<T, actix_web::Error>>>>),
}

type Convert<T> = fn(Session) -> Result<T, AuthenticationError>;

impl<T: 'static> ExtractSession<T> {
    /// Loads the session of a middleware without a marker.
    pub(super) fn unmarked(request: &HttpRequest, convert: Convert<T>) -> Self {
        Self::new(request.get_session(), request, Slot::unmarked(), convert)
    }

    /// Loads the `session` in this slot of the request.
    pub(super) fn new(
        session: Session,
        request: &HttpRequest,
        slot: Slot,
        convert: Convert<T>,
    ) -> Self {
        if session.machine().is_loaded() {
            let converted = convert(session);
            let converted =
                converted.map_err(|error| Pages::of(request, slot).refuse(error, request));
            return Self(Extracting::Ready(Some(converted)));
        }
        let request = request.clone();
        Self(Extracting::Loading(Box::pin(async move {
            if let Err(error) = session.load_quietly().await {
                let failure = match session.backend() {
                    Some(backend) => SessionFailure::open(error, backend.settings()),
                    // Not reached: a session without a backend has nothing to load.
                    None => SessionFailure::open(error, &Settings::default()),
                };
                return Err(Pages::of(&request, slot).fail(failure, &request));
            }
            let converted = convert(session);
            converted.map_err(|error| Pages::of(&request, slot).refuse(error, &request))
        })))
    }

    pub(super) const fn failed(error: actix_web::Error) -> Self {
        Self(Extracting::Ready(Some(Err(error))))
    }
}

// The value is not pinned.
impl<T> Unpin for ExtractSession<T> {}

impl<T> Future for ExtractSession<T> {
    type Output = Result<T, actix_web::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            #[expect(
                clippy::expect_used,
                reason = "polling a finished future is a bug of the caller"
            )]
            Extracting::Ready(extracted) => {
                Poll::Ready(extracted.take().expect("polled after completion"))
            }
            Extracting::Loading(loading) => loading.as_mut().poll(cx),
        }
    }
}

crate::debug::opaque!(ExtractSession<T>);
