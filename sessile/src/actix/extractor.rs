//! Getting at the [`Session`] of a request: the extractor and [`SessionExt`].

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpMessage as _, HttpRequest,
    dev::{Extensions, Payload, ServiceRequest, ServiceResponse},
    guard::GuardContext,
};

use crate::Session;

/// The session of whatever belongs to a request: for middleware, guards and handlers that don't
/// take it as an argument.
///
/// Without a [`SessionMiddleware`](crate::SessionMiddleware) in place the session is empty, shared
/// by all who ask within the request, and forgotten after it. In middleware further out than that it
/// is empty too; what is written to it there is made to the session once that is opened, on top of
/// what is stored, and the handle from before takes no more writes.
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

/// Takes the session as an argument of a handler; never fails. See [`SessionExt`] for what it is
/// without a middleware.
impl FromRequest for Session {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(request.get_session()))
    }
}
