//! The errors of signing in, and of ending the sessions of a user.

use super::{CommitError, SessionClosedError, SessionSaveError};
use crate::{
    session::MAX_SUBJECT_BYTES,
    storage::{Refusal, StoreError},
};

/// A user could not be signed in.
///
/// A handler can return the error with `?`. The response has an empty body: 409 if the sign-in was refused or the session
/// is closed, 503 if the store failed, otherwise 500.
///
/// ```
/// use sessile::{Session, error::SignInError};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// // No middleware has opened this session.
/// let error = Session::new().sign_in("ferris").await.unwrap_err();
/// assert!(matches!(error, SignInError::NoStore));
///
/// let error = Session::new().sign_in(&"x".repeat(256)).await.unwrap_err();
/// assert!(matches!(error, SignInError::InvalidSubject(error) if error.len == 256));
/// # });
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignInError {
    /// The subject is empty or too long.
    #[error(transparent)]
    InvalidSubject(#[from] InvalidSubjectError),
    /// The store refused the sign-in. The session is as it was before, unless it belonged to another user: then it has ended.
    #[error("the sign-in was refused")]
    Refused(#[from] Refusal),
    /// The session has no store: it was created by [`Session::new`](crate::Session::new), no middleware has opened it, or
    /// the store failed and the request continued without it.
    #[error("the session has no store")]
    NoStore,
    /// The user's earlier sessions could not be ended. The user was not signed in.
    #[error("the user's earlier sessions could not be ended")]
    EndAll(#[source] StoreError),
    /// The session takes no changes.
    #[error(transparent)]
    Closed(#[from] SessionClosedError),
    /// The sign-in could not be stored. The session keeps it, and the commit at the end of the request tries to store
    /// it again.
    #[error("the sign-in could not be stored")]
    Save(#[source] SessionSaveError),
}

impl From<SessionSaveError> for SignInError {
    fn from(error: SessionSaveError) -> Self {
        match error {
            SessionSaveError::Commit(CommitError::SignInRefused(refusal)) => refusal.into(),
            SessionSaveError::Closed(reason) => reason.into(),
            SessionSaveError::NoStore => Self::NoStore,
            error => Self::Save(error),
        }
    }
}

impl From<CommitError> for SignInError {
    fn from(error: CommitError) -> Self {
        SessionSaveError::from(error).into()
    }
}

/// A subject is empty or longer than 255 bytes.
///
/// ```
/// use sessile::{Session, error::SignInError};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let error = Session::new().sign_in("").await.unwrap_err();
/// assert_eq!(error.to_string(), "a subject has 1 to 255 bytes, not 0");
/// # });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a subject has 1 to {MAX_SUBJECT_BYTES} bytes, not {len}")]
#[non_exhaustive]
pub struct InvalidSubjectError {
    /// The length of the subject in bytes.
    pub len: usize,
}

/// The other sessions of a user could not be ended.
///
/// A handler can return the error with `?`. The response has an empty body: 409 if the session has ended, 503 if the store
/// failed, 401 if the session is not signed in.
///
/// ```
/// use sessile::{Session, Sessions, error::EndOthersError, storage::MemorySessionStore};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let sessions = Sessions::new(MemorySessionStore::default());
/// let error = sessions.end_others(&Session::new()).await.unwrap_err();
/// assert!(matches!(error, EndOthersError::NotSignedIn));
/// # });
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndOthersError {
    /// The session is not signed in, or was not loaded.
    #[error("the session is not signed in")]
    NotSignedIn,
    /// Another request ended the session.
    #[error(transparent)]
    Closed(#[from] SessionClosedError),
    /// The store failed, so some sessions may not have ended.
    #[error("the other sessions of the user could not be ended")]
    Store(#[from] StoreError),
}
