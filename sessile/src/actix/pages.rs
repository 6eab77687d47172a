//! The application's own pages for requests that are refused because of their session.

use std::{fmt, sync::Arc};

use actix_web::{
    HttpMessage as _, HttpRequest, HttpResponse, ResponseError,
    error::InternalError,
    http::{
        StatusCode,
        header::{RETRY_AFTER, WWW_AUTHENTICATE},
    },
};

use super::{extensions::Slot, headers::apply};
use crate::{
    engine::{HeaderChanges, SessionFailure},
    error::{AuthenticationError, status::HttpStatus as _},
};

pub(super) type Render<E> = dyn Fn(&HttpRequest, &E) -> HttpResponse + Send + Sync;

/// The application's own pages.
#[derive(Clone, Default)]
pub(super) struct Pages {
    /// For requests whose session fails.
    pub(super) failure: Option<Arc<Render<SessionFailure>>>,
    /// For requests whose user is not authenticated.
    pub(super) unauthenticated: Option<Arc<Render<AuthenticationError>>>,
}

impl Pages {
    /// The pages of the middleware whose session is in this slot of the request.
    pub(super) fn of(request: &HttpRequest, slot: Slot) -> Self {
        let extensions = request.extensions();
        let held = slot.get(&extensions);
        held.map(|held| held.pages.clone()).unwrap_or_default()
    }

    /// The error whose response to `request` is the application's page for `failure`, if there is one.
    pub(super) fn answer(
        &self,
        failure: SessionFailure,
        request: &HttpRequest,
    ) -> actix_web::Error {
        let headers = failure.headers().clone();
        match &self.failure {
            Some(render) => rendered(&**render, failure, headers, request),
            None => failure.into(),
        }
    }

    /// The error of an extractor of `request` that did not get a session.
    pub(super) fn fail(self, failure: SessionFailure, request: &HttpRequest) -> actix_web::Error {
        let headers = failure.headers().clone();
        extractor_error(self.failure, failure, headers, request)
    }

    /// The error of an extractor of `request` whose user is not authenticated as it requires.
    pub(super) fn refuse(
        self,
        error: AuthenticationError,
        request: &HttpRequest,
    ) -> actix_web::Error {
        match error {
            AuthenticationError::NotSignedIn | AuthenticationError::NotRecent { .. } => {
                let headers = HeaderChanges::of_failure(error.http_status());
                extractor_error(self.unauthenticated, error, headers, request)
            }
            // Signing in does not help.
            error => self.fail(SessionFailure::authentication(error), request),
        }
    }
}

/// The error of an extractor, with the application's page if it has one.
fn extractor_error<E: ResponseError + 'static>(
    page: Option<Arc<Render<E>>>,
    error: E,
    headers: HeaderChanges,
    request: &HttpRequest,
) -> actix_web::Error {
    let is_routed = request.match_info().unprocessed().is_empty();
    match page {
        None => error.into(),
        Some(render) if is_routed => Unrendered {
            error,
            render,
            headers,
            request: request.clone(),
        }
        .into(),
        Some(render) => rendered(&*render, error, headers, request),
    }
}

/// The error of an extractor. Its page is rendered when the error becomes the response, and not for `Option<SignedIn>`, which
/// drops the error. The router can't change a request of which there is a copy, so this is only for requests that were routed.
struct Unrendered<E> {
    error: E,
    render: Arc<Render<E>>,
    headers: HeaderChanges,
    request: HttpRequest,
}

impl<E: ResponseError> ResponseError for Unrendered<E> {
    fn status_code(&self) -> StatusCode {
        self.error.status_code()
    }

    fn error_response(&self) -> HttpResponse {
        page(
            &*self.render,
            &self.error,
            self.headers.clone(),
            &self.request,
        )
    }
}

impl<E: fmt::Debug> fmt::Debug for Unrendered<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<E: fmt::Display> fmt::Display for Unrendered<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

/// The error with its page, which may change the session. Extractors of middleware return errors that are not rendered when
/// the session is committed.
pub(super) fn with_page(error: actix_web::Error) -> actix_web::Error {
    let is_unrendered = error
        .as_error::<Unrendered<AuthenticationError>>()
        .is_some()
        || error.as_error::<Unrendered<SessionFailure>>().is_some();
    match is_unrendered {
        true => {
            let response = error.error_response();
            InternalError::from_response(error, response).into()
        }
        false => error,
    }
}

/// The error whose response is this page.
pub(super) fn rendered<E: ResponseError + 'static>(
    render: &Render<E>,
    error: E,
    headers: HeaderChanges,
    request: &HttpRequest,
) -> actix_web::Error {
    let response = page(render, &error, headers, request);
    InternalError::from_response(error, response).into()
}

/// The page with these headers. The status of the error replaces a status of success, which would acknowledge a change
/// that was not made.
fn page<E: ResponseError>(
    render: &Render<E>,
    error: &E,
    mut headers: HeaderChanges,
    request: &HttpRequest,
) -> HttpResponse {
    let mut response = render(request, error);
    if response.status().is_success() {
        *response.status_mut() = error.status_code();
    }
    if response.headers().contains_key(RETRY_AFTER) {
        headers.retry_after = None;
    }
    apply(headers, response.headers_mut());
    require_challenge(&mut response, error);
    response
}

/// A 401 has to name a way to authenticate (RFC 9110, section 15.5.2). If the page has no such header, it gets that of
/// the error's response.
fn require_challenge(page: &mut HttpResponse, error: &impl ResponseError) {
    if page.status() == StatusCode::UNAUTHORIZED && !page.headers().contains_key(WWW_AUTHENTICATE) {
        let response = error.error_response();
        if let Some(challenge) = response.headers().get(WWW_AUTHENTICATE) {
            page.headers_mut()
                .insert(WWW_AUTHENTICATE, challenge.clone());
        }
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("failure", &self.failure.is_some())
            .field("unauthenticated", &self.unauthenticated.is_some())
            .finish()
    }
}
