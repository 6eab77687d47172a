//! What can go wrong on the way between cookie and store.

use std::time::Duration;

use crate::{cookie::CookieTooLargeError, journal::MergeError, storage::StoreError};

/// A session could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store failed.
    #[error("the session could not be loaded")]
    Store(#[from] StoreError),
    /// The store did not answer in time.
    #[error("the session could not be loaded within {after:?}")]
    Timeout {
        /// How long it was given.
        after: Duration,
    },
}

impl From<OpenError> for CommitError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Store(error) => Self::Store(error),
            OpenError::Timeout { after } => Self::Timeout { after },
        }
    }
}

/// A session could not be committed: its changes are not acknowledged.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The store failed.
    #[error("the session could not be stored")]
    Store(#[from] StoreError),
    /// The store did not answer in time. The changes may have been stored or not.
    #[error("the session could not be stored within {after:?}")]
    Timeout {
        /// How long it was given.
        after: Duration,
    },
    /// Other requests changed the session again and again, each time before this one could.
    #[error("the session was changed by others {attempts} times before this change got through")]
    Contention {
        /// How often storing was tried.
        attempts: u32,
    },
    /// An earlier attempt to store the changes failed in a way that leaves open whether they were
    /// stored, and somebody changed the session since: trying once more might apply them twice.
    #[error("it is not known whether an earlier attempt stored the session's changes")]
    Uncertain,
    /// The state, merged with what other requests stored, is larger than the application allows.
    #[error("the session is too large to be stored")]
    StateTooLarge(#[from] StateTooLargeError),
    /// The cookie would be larger than browsers keep.
    #[error("the session cookie is too large to be sent")]
    CookieTooLarge(#[from] CookieTooLargeError),
    /// An update doesn't fit what another request stored meanwhile.
    #[error("the session's changes could not be merged")]
    Merge(#[from] MergeError),
}

impl CommitError {
    /// Whether the store, not the application, is at fault: the same request may succeed later.
    #[must_use]
    pub const fn is_store_failure(&self) -> bool {
        match self {
            Self::Store(_) | Self::Timeout { .. } | Self::Contention { .. } | Self::Uncertain => {
                true
            }
            Self::StateTooLarge(_) | Self::CookieTooLarge(_) | Self::Merge(_) => false,
        }
    }
}

/// The state would be larger than [`max_state_bytes`](crate::Settings::max_state_bytes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session would have {bytes} bytes, {over} more than its bound of {max}", over = bytes - max)]
#[non_exhaustive]
pub struct StateTooLargeError {
    /// The size it would have.
    pub bytes: usize,
    /// The bound.
    pub max: usize,
}

impl StateTooLargeError {
    /// Whether a state of `before` bytes may become one of `bytes`, where `max` is the bound.
    ///
    /// A state that is over it already, because that was lowered, may still shrink.
    pub(crate) fn check(before: usize, bytes: usize, max: usize) -> Result<(), Self> {
        if bytes > max && bytes > before {
            return Err(Self { bytes, max });
        }
        Ok(())
    }
}
