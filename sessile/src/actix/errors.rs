//! What a client sees of an error: a status, and nothing else.

use std::{error::Error, fmt};

use actix_web::{HttpResponse, ResponseError, body::BoxBody, http::StatusCode};

use super::headers::send_cookie;
use crate::{
    CommitError, OpenError, SessionClosedError, SessionGetError, SessionInsertError,
    SessionReloadError, SessionSaveError, SessionUpdateError, SetCookie,
};

/// Answers errors with their status and an empty body, by default an opaque 500.
macro_rules! opaque_responses {
    ($($error:ty $(: $status:expr)?),+ $(,)?) => {$(
        impl ResponseError for $error {
            $(fn status_code(&self) -> StatusCode {
                let status: fn(&Self) -> StatusCode = $status;
                status(self)
            })?

            fn error_response(&self) -> HttpResponse {
                HttpResponse::new(self.status_code())
            }
        }
    )+};
}

opaque_responses!(
    SessionGetError,
    SessionInsertError,
    SessionUpdateError,
    OpenError: |_| StatusCode::SERVICE_UNAVAILABLE,
    SessionSaveError: |error| match error {
        SessionSaveError::Closed(SessionClosedError::Ended) => StatusCode::CONFLICT,
        SessionSaveError::NoStore => StatusCode::SERVICE_UNAVAILABLE,
        SessionSaveError::Commit(error) if error.is_store_failure() => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    },
    SessionReloadError: |error| match error {
        SessionReloadError::Closed(SessionClosedError::Ended) => StatusCode::CONFLICT,
        SessionReloadError::NoStore
        | SessionReloadError::Load(_)
        | SessionReloadError::Uncertain => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    },
);

impl ResponseError for SessionFailure {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status);
        if let Some(cookie) = &self.cookie {
            send_cookie(response.headers_mut(), cookie.clone());
        }
        response
    }
}

/// The session of a request could not be opened or committed.
#[derive(Debug)]
pub(super) struct SessionFailure {
    cause: FailedStep,
    status: StatusCode,
    /// That of what was saved before.
    cookie: Option<SetCookie>,
}

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
enum FailedStep {
    Open(OpenError),
    Commit(CommitError),
}

impl fmt::Display for SessionFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl Error for SessionFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.source()
    }
}

impl SessionFailure {
    /// `store_failure` is the HTTP status that a failing store is to be answered with.
    pub(super) fn open(cause: OpenError, store_failure: u16) -> Self {
        Self {
            cause: FailedStep::Open(cause),
            status: status(store_failure),
            cookie: None,
        }
    }

    pub(super) fn commit(
        cause: CommitError,
        store_failure: u16,
        cookie: Option<SetCookie>,
    ) -> Self {
        Self {
            cookie,
            status: if cause.is_store_failure() {
                status(store_failure)
            } else {
                StatusCode::INTERNAL_SERVER_ERROR
            },
            cause: FailedStep::Commit(cause),
        }
    }
}

/// The settings were checked: it is the status of an error.
fn status(number: u16) -> StatusCode {
    StatusCode::from_u16(number).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}

/// An error that an inner service returned, on its way out with the session's cookie.
///
/// The client sees the error as it was. Middleware further out that looks for its type does not
/// find it: that is the price of the cookie, and paid only where there is one. Handlers' errors
/// never come this way, since Actix Web has turned them into responses by then.
pub(super) struct WithCookie {
    pub(super) error: actix_web::Error,
    pub(super) cookie: SetCookie,
}

impl fmt::Debug for WithCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.error, f)
    }
}

impl fmt::Display for WithCookie {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.error, f)
    }
}

impl ResponseError for WithCookie {
    fn status_code(&self) -> StatusCode {
        self.error.as_response_error().status_code()
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = self.error.error_response();
        send_cookie(response.headers_mut(), self.cookie.clone());
        response
    }
}
