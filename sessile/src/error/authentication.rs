//! The error of a request whose user is not authenticated.

use std::time::Duration;

/// The user is not authenticated as the request requires.
///
/// A handler can return the error with `?`. The response has an empty body, and no cache stores it. Its status is 401 for
/// [`NotSignedIn`](Self::NotSignedIn) and [`NotRecent`](Self::NotRecent), 409 for [`Superseded`](Self::Superseded), 503 for
/// [`NoStore`](Self::NoStore), otherwise 500.
///
/// ```
/// use sessile::{Session, error::AuthenticationError};
///
/// let error = Session::new().require_signed_in().unwrap_err();
/// assert_eq!(error, AuthenticationError::NotSignedIn);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuthenticationError {
    /// No user is signed in to the session.
    #[error("no user is signed in")]
    NotSignedIn,
    /// The user authenticated longer ago than the application allows for this request.
    #[error("the user did not authenticate within the last {max_age:?}")]
    NotRecent {
        /// How long ago the user may have authenticated.
        max_age: Duration,
    },
    /// Another request renewed the session, for example by signing in. The browser has the new cookie or gets it soon,
    /// so a retry may succeed.
    #[error("the session was renewed by another request")]
    Superseded,
    /// The store failed, and the request continued with an empty session.
    #[error("the session has no store")]
    NoStore,
    /// The session is loaded [lazily](crate::config::Loading::Lazy), and has not been loaded yet.
    #[error("the session has not been loaded")]
    NotLoaded,
}
