//! The errors of the protection against cross-site request forgery.

/// Why a request counts as forged by another site.
///
/// A handler can return the error with `?`. The response has an empty body, and no cache stores it. Its status is 413 for
/// [`FormTooLarge`](Self::FormTooLarge), 503 for [`NoStore`](Self::NoStore), 500 for [`NotLoaded`](Self::NotLoaded),
/// otherwise 403.
///
/// ```
/// use sessile::{Session, error::CsrfError};
///
/// let error = Session::new().verify_csrf("a token of another session").unwrap_err();
/// assert_eq!(error, CsrfError::InvalidToken);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CsrfError {
    /// The browser says that a page of another site, or of another host of the same site, sent the request.
    #[error("a page of another origin sent the request")]
    CrossOrigin,
    /// The request has no token.
    #[error("the request has no CSRF token")]
    MissingToken,
    /// The token is not one of this session, or is too old.
    #[error("the CSRF token is not valid for the session")]
    InvalidToken,
    /// The form is too large for the guard to search it for the token.
    #[error("the form has more than {max} bytes")]
    FormTooLarge {
        /// The maximum.
        max: usize,
    },
    /// The store failed, and the request continued with an empty session.
    #[error("the session has no store")]
    NoStore,
    /// The session is loaded [lazily](crate::config::Loading::Lazy), and has not been loaded yet.
    #[error("the session has not been loaded")]
    NotLoaded,
}

/// The text is not an origin. An example of an origin is `https://example.com`.
///
/// ```
/// # #[cfg(feature = "actix")] {
/// use sessile::extract::CsrfGuard;
///
/// let error = CsrfGuard::new().allow_origin("example.com").unwrap_err();
/// assert_eq!(error.origin, "example.com");
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{origin}` is not an origin: a scheme, a host and a port that is not the scheme's own, without a path"
)]
#[non_exhaustive]
pub struct InvalidOriginError {
    /// The text.
    pub origin: String,
}
