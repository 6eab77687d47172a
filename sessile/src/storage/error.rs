//! [`StoreError`]: the failure of a store's operation.

use std::{error::Error, fmt};

use crate::record::DecodeError;

/// The failure of an operation: its kind, its cause, and whether the operation may have been executed.
///
/// The operation may have been executed, unless the store marks the error as [not sent](Self::not_sent).
///
/// ```
/// use std::{error::Error, io};
/// use sessile::storage::{StoreError, StoreErrorKind};
///
/// let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
/// let error = StoreError::new(StoreErrorKind::Unavailable, refused).not_sent();
///
/// assert_eq!(error.kind(), StoreErrorKind::Unavailable);
/// assert!(!error.may_have_happened());
/// assert_eq!(error.to_string(), "the session store is not available");
/// assert!(error.source().unwrap().to_string().contains("refused"));
/// ```
#[derive(Debug)]
pub struct StoreError {
    kind: StoreErrorKind,
    source: Box<dyn Error + Send + Sync>,
    not_sent: bool,
}

/// The kinds of [`StoreError`].
///
/// ```
/// use sessile::storage::{AnySessionStore, StoreErrorKind};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let error = AnySessionStore::connect("no such address").await.unwrap_err();
/// assert_eq!(error.kind(), StoreErrorKind::Misconfigured);
/// # });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// The backend can't be reached, is busy or locked, or failed: the same operation may succeed later.
    Unavailable,
    /// The outcome of a write is unknown. Its reply was lost, or it was sent more than once and another
    /// request changed the record in between.
    Unknown,
    /// The record under the id can't be decoded.
    Corrupt,
    /// A later version of this crate wrote the record, in a way that this one must not ignore.
    Newer,
    /// The backend refuses writes, or does not grant a right that the store needs.
    Denied,
    /// The record is too large for the backend. Smaller records can be stored.
    TooLarge,
    /// The backend is not one that this version of the crate can work with: another kind of file
    /// or server, or a schema that is newer than the code.
    Incompatible,
    /// The configuration of the store is invalid: for example an address that can't be parsed.
    Misconfigured,
    /// The store does not have this operation, can't keep a state like this one, or the cursor is from another store.
    Unsupported,
}

impl StoreError {
    /// An error of this kind with its cause. The operation may have been executed.
    ///
    /// The cause is logged, so it must contain neither session keys nor values.
    pub fn new(kind: StoreErrorKind, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self {
            kind,
            source: source.into(),
            not_sent: false,
        }
    }

    /// Marks the error as that of an operation that was not executed and never will be: it was not sent
    /// to the backend, or the backend refused it.
    #[must_use]
    pub fn not_sent(mut self) -> Self {
        self.not_sent = true;
        self
    }

    /// Turns this error into [`Unknown`](StoreErrorKind::Unknown), because a part of the operation was
    /// executed.
    pub(super) fn unknown(self) -> Self {
        Self::new(StoreErrorKind::Unknown, self)
    }

    /// Marks the error as that of an operation of which a part was executed.
    #[cfg(feature = "redis-rs-session")]
    pub(super) fn partly_happened(mut self) -> Self {
        self.not_sent = false;
        self
    }

    /// Whether the store itself fails: `false` if only this record can't be read or is too large, or the operation is not
    /// supported.
    pub(crate) const fn is_outage(&self) -> bool {
        !matches!(
            self.kind,
            StoreErrorKind::Corrupt
                | StoreErrorKind::Newer
                | StoreErrorKind::TooLarge
                | StoreErrorKind::Unsupported
        )
    }

    /// The error for a [`sign_in`](super::SubjectStore::sign_in) whose record has no subject.
    pub(crate) fn without_subject() -> Self {
        let cause = "a session without a subject was passed to `sign_in`";
        Self::new(StoreErrorKind::Misconfigured, cause).not_sent()
    }

    /// The kind of the error.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }

    /// Whether the operation may have been executed, or may still be, in spite of the error.
    #[must_use]
    pub const fn may_have_happened(&self) -> bool {
        !self.not_sent
    }
}

/// [`Corrupt`](StoreErrorKind::Corrupt) or [`Newer`](StoreErrorKind::Newer).
impl From<DecodeError> for StoreError {
    fn from(error: DecodeError) -> Self {
        let kind = match error.is_newer() {
            true => StoreErrorKind::Newer,
            false => StoreErrorKind::Corrupt,
        };
        Self::new(kind, error).not_sent()
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.kind {
            StoreErrorKind::Unavailable => "the session store is not available",
            StoreErrorKind::Unknown => "the session store can't tell whether a write happened",
            StoreErrorKind::Corrupt => "the session store holds something that is not a record",
            StoreErrorKind::Newer => {
                "the session store holds a record of a later version of sessile"
            }
            StoreErrorKind::Denied => "the session store refuses the operation",
            StoreErrorKind::TooLarge => "the record is too large for the session store",
            StoreErrorKind::Incompatible => "the session store is not one that sessile can use",
            StoreErrorKind::Misconfigured => "the session store is misconfigured",
            StoreErrorKind::Unsupported => "the session store does not support the operation",
        })
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.source)
    }
}
