//! Getting at the [`Session`] of a request: the extractor and [`SessionExt`].

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::{Extensions, Payload, ServiceRequest, ServiceResponse},
    guard::GuardContext,
};

use super::errors::SessionFailure;
use crate::Session;

/// The session of whatever belongs to a request: for middleware, guards and handlers that don't
/// take it as an argument.
///
/// Without a [`SessionMiddleware`](crate::SessionMiddleware) in place the session is empty, shared
/// by all who ask within the request, and forgotten after it. In middleware further out than that it
/// is empty too; what is written to it there is made to the session once that is opened, on top of
/// what is stored, and the handle from before takes no more writes.
///
/// Where sessions are loaded [on demand](crate::config::Loading::OnDemand), this one may not be yet:
/// [`Session::load`] it before it is read or written. A guard can't, so it sees a session only if
/// middleware has loaded it.
///
/// # Panics
///
/// Without a middleware in place, the first time within a request, if the caller holds on to the
/// request's `extensions` at that moment.
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

/// The usual case, which has to work while a handler holds on to the request's extensions.
fn found_in(extensions: &Extensions) -> Option<Session> {
    extensions.get().cloned()
}

fn made_in(extensions: &mut Extensions) -> Session {
    tracing::debug!("a session was asked for before, or without, a SessionMiddleware");
    let session = Session::new();
    extensions.insert(session.clone());
    session
}

/// Takes the session as an argument of a handler, [loaded](Session::load). See [`SessionExt`] for what
/// it is without a middleware.
///
/// Fails only where sessions are loaded [on demand](crate::config::Loading::OnDemand) and the store
/// fails: as the middleware then fails otherwise, or not at all, as
/// [`on_store_failure`](crate::SessionMiddlewareBuilder::on_store_failure) says.
impl FromRequest for Session {
    type Error = actix_web::Error;
    type Future = ExtractSession;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let session = request.get_session();
        if session.is_loaded() {
            return ExtractSession(Extracting::Ready(Some(session)));
        }
        ExtractSession(Extracting::Loading(Box::pin(async move {
            let loaded = session.load().await;
            loaded.map_err(|error| SessionFailure::open(error, session.failure_status()))?;
            Ok(session)
        })))
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
            #[expect(clippy::expect_used, reason = "as any future that is asked once more")]
            Extracting::Ready(session) => {
                Poll::Ready(Ok(session.take().expect("polled after it was ready")))
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
