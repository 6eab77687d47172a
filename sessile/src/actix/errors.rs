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
    marked::NoSessionError,
};
use crate::{
    SessionGetError, SessionInsertError, SessionUpdateError,
    engine::{HeaderChanges, SessionFailure},
    error::{
        AuthenticationError, CsrfError, EndOthersError, OpenError, ReadError, SessionClosedError,
        SessionReloadError, SessionSaveError, SignInError, WriteError,
    },
    storage::StoreError,
};

/// The response to an error is its status with an empty body, by default an opaque 500. No cache stores it.
macro_rules! opaque_responses {
    ($($error:ty $(: $status:expr)?),+ $(,)?) => {$(
        impl ResponseError for $error {
            $(fn status_code(&self) -> StatusCode {
                let status: fn(&Self) -> StatusCode = $status;
                status(self)
            })?

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
    NoSessionError,
    OpenError: |error| match error.is_store_failure() {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::INTERNAL_SERVER_ERROR,
    },
    SessionSaveError: |error| match error {
        SessionSaveError::Closed(reason) => closed_status(*reason),
        SessionSaveError::NoStore => StatusCode::SERVICE_UNAVAILABLE,
        SessionSaveError::Commit(error) if error.is_store_failure() => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    },
    SessionReloadError: |error| match error {
        SessionReloadError::Closed(reason) => closed_status(*reason),
        SessionReloadError::NoStore
        | SessionReloadError::Load(_)
        | SessionReloadError::Unknown => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    },
    SessionClosedError: |reason| closed_status(*reason),
    StoreError: |_| StatusCode::SERVICE_UNAVAILABLE,
    EndOthersError: |error| match error {
        EndOthersError::NotSignedIn => StatusCode::UNAUTHORIZED,
        EndOthersError::Closed(reason) => closed_status(*reason),
        EndOthersError::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
    },
    SignInError: |error| match error {
        SignInError::EndAll(_) => StatusCode::SERVICE_UNAVAILABLE,
        SignInError::Refused(_) => StatusCode::CONFLICT,
        SignInError::Closed(reason) => closed_status(*reason),
        SignInError::Save(error) => error.status_code(),
        SignInError::NoStore => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    },
    CsrfError: |error| match error {
        CsrfError::FormTooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        CsrfError::NoStore => StatusCode::SERVICE_UNAVAILABLE,
        CsrfError::NotLoaded => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::FORBIDDEN,
    },
    ReadError,
    WriteError: |error| match error {
        WriteError::Closed(reason) => closed_status(*reason),
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    },
);

/// The header of a 401 (RFC 9110, section 15.5.2). No browser knows its scheme, so all of them show the
/// page.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Cookie realm=\"session\"");

/// The response has the parameters of RFC 9470 if the user has to authenticate again.
impl ResponseError for AuthenticationError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotSignedIn | Self::NotRecent { .. } => StatusCode::UNAUTHORIZED,
            Self::Superseded => StatusCode::CONFLICT,
            Self::NoStore => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotLoaded => StatusCode::INTERNAL_SERVER_ERROR,
        }
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

fn closed_status(reason: SessionClosedError) -> StatusCode {
    match reason {
        SessionClosedError::Ended | SessionClosedError::Superseded => StatusCode::CONFLICT,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An empty body, unless the application renders its own page: see
/// [`failure_page`](crate::SessionMiddlewareBuilder::failure_page).
impl ResponseError for SessionFailure {
    fn status_code(&self) -> StatusCode {
        // The settings were checked, so it is an error status.
        StatusCode::from_u16(self.status()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
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
