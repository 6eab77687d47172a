//! [`StoreError`]: what a store could not do, and why.

use std::{error::Error, fmt};

/// What a store could not do: its kind, and the cause with all that the backend tells.
///
/// ```
/// use std::{error::Error, io};
/// use sessile::storage::{StoreError, StoreErrorKind};
///
/// let error = StoreError::new(
///     StoreErrorKind::Unavailable,
///     io::Error::from(io::ErrorKind::ConnectionRefused),
/// );
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
/// assert_eq!(error.to_string(), "the session store is not available");
/// assert!(error.source().unwrap().to_string().contains("refused"));
/// ```
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Box<dyn Error + Send + Sync>,
}

/// The kinds of [`StoreError`] that somebody may want to tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The backend can't be reached, is busy or locked, or failed: the same may succeed later.
    Unavailable,
    /// What lies under the key is no record.
    Corrupt,
    /// The backend refuses to be written to, or doesn't grant a right that is needed.
    Denied,
    /// The backend is not one that this version of the crate can work with: another kind of file
    /// or server, or a schema that is newer than the code.
    Incompatible,
    /// The store was asked for in a way that makes no sense: an address that can't be parsed, for
    /// example.
    Misconfigured,
}

impl StoreError {
    /// An error of this kind with its cause.
    ///
    /// The cause ends up in logs: it should tell neither session keys nor values.
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind,
            source: source.into(),
        }
    }

    /// What kind of error it is.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "the session store is not available",
            StoreErrorKind::Corrupt => "the session store holds something that is no record",
            StoreErrorKind::Denied => "the session store refuses the operation",
            StoreErrorKind::Incompatible => "the session store is not one that sessile can use",
            StoreErrorKind::Misconfigured => "the session store is misconfigured",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
