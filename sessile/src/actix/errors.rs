//! The responses to errors: a status, and an empty body.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{
        StatusCode,
        header::{HeaderValue, WWW_AUTHENTICATE},
    },
};

use super::{
    headers::{apply, cache_control_of},
    session_of::NoSessionError,
};
use crate::{
    SessionGetError, SessionInsertError, SessionUpdateError,
    engine::{HeaderChanges, SessionFailure},
    error::{
        AuthenticationError, CsrfError, EndOthersError, OpenError, ReadError, SessionClosedError,
        SessionReloadError, SessionSaveError, SignInError, WriteError, status::HttpStatus as _,
    },
    storage::StoreError,
};

/// The response to an error is its status with an empty body. No cache stores it.
macro_rules! opaque_responses {
    ($($error:ty),+ $(,)?) => {$(
        impl ResponseError for $error {
            fn status_code(&self) -> StatusCode {
                status_code(self.http_status())
            }

            fn error_response(&self) -> HttpResponse {
                opaque(self.status_code())
            }
        }
    )+};
}

opaque_responses!(
    SessionGetError,
    SessionInsertError,
    SessionUpdateError,
    ReadError,
    WriteError,
    OpenError,
    SessionSaveError,
    SessionReloadError,
    SessionClosedError,
    StoreError,
    EndOthersError,
    SignInError,
    CsrfError,
);

impl ResponseError for NoSessionError {
    fn error_response(&self) -> HttpResponse {
        opaque(self.status_code())
    }
}

/// The statuses of the engine's errors are valid, and those of the settings were checked.
fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// The header of a 401 (RFC 9110, section 15.5.2). No browser knows its scheme, so all of them show the
/// page.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Cookie realm=\"session\"");

/// The response has the parameters of RFC 9470 if the user has to authenticate again.
impl ResponseError for AuthenticationError {
    fn status_code(&self) -> StatusCode {
        status_code(self.http_status())
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = opaque(self.status_code());
        if let Self::NotRecent { max_age } = self {
            let challenge = format!(
                r#"Cookie realm="session", error="insufficient_user_authentication", max_age="{}""#,
                max_age.as_secs()
            );
            let challenge = HeaderValue::try_from(challenge).unwrap_or(CHALLENGE);
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

fn opaque(status: StatusCode) -> HttpResponse {
    let mut response = HttpResponse::new(status);
    let headers = response.headers_mut();
    apply(HeaderChanges::of_failure(status.as_u16()), headers);
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, CHALLENGE);
    }
    response
}

/// An empty body, unless the application renders its own page: see
/// [`failure_page`](crate::SessionMiddlewareBuilder::failure_page).
impl ResponseError for SessionFailure {
    fn status_code(&self) -> StatusCode {
        status_code(self.status())
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        apply(self.headers().clone(), response.headers_mut());
        response
    }
}

/// An error of an inner service, with the headers of the session.
///
/// The client sees the same error. Outer middleware that downcasts the error does not find its type; this
/// affects only errors with a session header. Errors of handlers are never affected, because Actix Web turns
/// them into responses first.
pub(super) struct WithHeaders {
    pub(super) error: actix_web::Error,
    pub(super) headers: HeaderChanges,
}

impl WithHeaders {
    pub(super) fn of(error: actix_web::Error, headers: HeaderChanges) -> actix_web::Error {
        Self { error, headers }.into()
    }
}

impl fmt::Debug for WithHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for WithHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl ResponseError for WithHeaders {
    fn status_code(&self) -> StatusCode {
        self.error.as_response_error().status_code()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = self.error.error_response();
        let headers = self.headers.clone();
        let headers = headers.with_cache_control(cache_control_of(response.headers()).as_deref());
        apply(headers, response.headers_mut());
        response
    }
}
