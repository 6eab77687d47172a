//! The HTTP statuses of the errors. Every adapter responds with them, except that `Settings::status_of` replaces 503 by
//! the status of [`StoreFailurePolicy`](crate::config::StoreFailurePolicy).

use super::{
    AuthenticationError, CommitError, CsrfError, EndOthersError, OpenError, ReadError,
    SessionClosedError, SessionGetError, SessionInsertError, SessionReloadError, SessionSaveError,
    SessionUpdateError, SignInError, WriteError,
};
use crate::storage::StoreError;

const UNAUTHORIZED: u16 = 401;
const FORBIDDEN: u16 = 403;
/// Another request renewed or ended the session, or the store refused a sign-in.
const CONFLICT: u16 = 409;
const CONTENT_TOO_LARGE: u16 = 413;
pub(crate) const INTERNAL_SERVER_ERROR: u16 = 500;
/// The store failed. The application can choose another status for the responses to such requests.
pub(crate) const SERVICE_UNAVAILABLE: u16 = 503;

/// An error whose response has this status.
pub(crate) trait HttpStatus {
    fn http_status(&self) -> u16;
}

macro_rules! statuses {
    ($($error:ty: $status:expr;)+) => {$(
        impl HttpStatus for $error {
            fn http_status(&self) -> u16 {
                let status: fn(&Self) -> u16 = $status;
                status(self)
            }
        }
    )+};
}

statuses! {
    SessionGetError: |_| INTERNAL_SERVER_ERROR;
    SessionInsertError: |_| INTERNAL_SERVER_ERROR;
    SessionUpdateError: |_| INTERNAL_SERVER_ERROR;
    ReadError: |_| INTERNAL_SERVER_ERROR;
    WriteError: |error| match error {
        WriteError::Closed(reason) => reason.http_status(),
        _ => INTERNAL_SERVER_ERROR,
    };
    SessionClosedError: |reason| match reason {
        SessionClosedError::Ended | SessionClosedError::Superseded => CONFLICT,
        _ => INTERNAL_SERVER_ERROR,
    };
    StoreError: |_| SERVICE_UNAVAILABLE;
    OpenError: |error| match error.is_store_failure() {
        true => SERVICE_UNAVAILABLE,
        false => INTERNAL_SERVER_ERROR,
    };
    CommitError: |error| match error {
        CommitError::Closed(_) | CommitError::SignInRefused(_) => CONFLICT,
        _ if error.is_store_failure() => SERVICE_UNAVAILABLE,
        _ => INTERNAL_SERVER_ERROR,
    };
    SessionSaveError: |error| match error {
        SessionSaveError::Closed(reason) => reason.http_status(),
        SessionSaveError::NoStore => SERVICE_UNAVAILABLE,
        SessionSaveError::Commit(error) if error.is_store_failure() => SERVICE_UNAVAILABLE,
        _ => INTERNAL_SERVER_ERROR,
    };
    SessionReloadError: |error| match error {
        SessionReloadError::Closed(reason) => reason.http_status(),
        SessionReloadError::NoStore
        | SessionReloadError::Load(_)
        | SessionReloadError::Unknown => SERVICE_UNAVAILABLE,
        _ => INTERNAL_SERVER_ERROR,
    };
    SignInError: |error| match error {
        SignInError::Refused(_) => CONFLICT,
        SignInError::Closed(reason) => reason.http_status(),
        SignInError::Save(error) => error.http_status(),
        SignInError::EndAll(_) | SignInError::NoStore => SERVICE_UNAVAILABLE,
        _ => INTERNAL_SERVER_ERROR,
    };
    EndOthersError: |error| match error {
        EndOthersError::NotSignedIn => UNAUTHORIZED,
        EndOthersError::Closed(reason) => reason.http_status(),
        EndOthersError::Store(_) => SERVICE_UNAVAILABLE,
    };
    AuthenticationError: |error| match error {
        AuthenticationError::NotSignedIn | AuthenticationError::NotRecent { .. } => UNAUTHORIZED,
        AuthenticationError::Superseded => CONFLICT,
        AuthenticationError::NoStore => SERVICE_UNAVAILABLE,
        AuthenticationError::NotLoaded => INTERNAL_SERVER_ERROR,
    };
    CsrfError: |error| match error {
        CsrfError::FormTooLarge { .. } => CONTENT_TOO_LARGE,
        CsrfError::NoStore => SERVICE_UNAVAILABLE,
        CsrfError::NotLoaded => INTERNAL_SERVER_ERROR,
        _ => FORBIDDEN,
    };
}
