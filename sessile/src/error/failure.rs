//! The errors of opening and committing a session.

use std::time::Duration;

use crate::{
    cookie::CookieTooLargeError,
    error::{MergeError, SessionClosedError},
    session::RebaseError,
    storage::{Refusal, StoreError},
};

/// A session could not be opened.
///
/// ```
/// use std::time::Duration;
/// use sessile::error::OpenError;
///
/// let error = OpenError::Timeout { after: Duration::from_secs(1) };
/// assert!(error.is_store_failure());
/// assert_eq!(error.to_string(), "the session could not be loaded within 1s");
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The store failed.
    #[error("the session could not be loaded")]
    Store(#[from] StoreError),
    /// The store did not answer in time.
    #[error("the session could not be loaded within {after:?}")]
    Timeout {
        /// The time that the store had to reply.
        after: Duration,
    },
    /// Outer middleware changed the session before it was opened, and the change can't be applied to the stored values.
    #[error("the changes from before the session was opened could not be merged")]
    Merge(#[from] MergeError),
    /// With the changes from before the session was opened, the state is larger than the application allows.
    #[error("the session is too large with the changes from before it was opened")]
    StateTooLarge(#[from] StateTooLargeError),
    /// Another thread kept changing the session while the changes from before it was opened were applied.
    #[error("the session kept changing while it was opened")]
    KeepsChanging,
}

impl From<RebaseError> for OpenError {
    fn from(error: RebaseError) -> Self {
        match error {
            RebaseError::Merge(error) => Self::Merge(error),
            RebaseError::KeepsChanging => Self::KeepsChanging,
        }
    }
}

impl OpenError {
    /// Whether the store caused the failure. The same request may succeed later.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sessile::error::OpenError;
    ///
    /// let timeout = OpenError::Timeout { after: Duration::from_secs(1) };
    /// assert!(timeout.is_store_failure());
    /// assert!(!OpenError::KeepsChanging.is_store_failure());
    /// ```
    #[must_use]
    pub const fn is_store_failure(&self) -> bool {
        matches!(self, Self::Store(_) | Self::Timeout { .. })
    }

    /// Whether an outage of the store is the cause.
    pub(crate) const fn is_outage(&self) -> bool {
        match self {
            Self::Store(error) => error.is_outage(),
            Self::Timeout { .. } => true,
            _ => false,
        }
    }
}

impl From<OpenError> for CommitError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Store(error) => Self::Store(error),
            OpenError::Timeout { after } => Self::Timeout { after },
            OpenError::Merge(error) => Self::Merge(error),
            OpenError::StateTooLarge(error) => Self::StateTooLarge(error),
            OpenError::KeepsChanging => Self::Contention { attempts: 1 },
        }
    }
}

/// A session could not be committed: its changes are not acknowledged.
///
/// ```
/// use std::time::Duration;
/// use sessile::error::{CommitError, SessionClosedError};
///
/// let timeout = CommitError::Timeout { after: Duration::from_secs(1) };
/// assert!(timeout.is_store_failure());
///
/// let ended = CommitError::Closed(SessionClosedError::Ended);
/// assert!(!ended.is_store_failure());
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The store failed.
    #[error("the session could not be stored")]
    Store(#[from] StoreError),
    /// The store did not answer in time. It may have stored the changes.
    #[error("the session could not be stored within {after:?}")]
    Timeout {
        /// The time that the store had to reply.
        after: Duration,
    },
    /// Other requests changed the session before each attempt to store it.
    #[error(
        "the session was changed by other requests {attempts} times before this change was stored"
    )]
    Contention {
        /// The number of attempts.
        attempts: u32,
    },
    /// An earlier attempt to store the changes failed, and the store may have stored them. Another
    /// request has changed the session since, so another attempt could apply the changes twice.
    #[error("it is not known whether an earlier attempt stored the session's changes")]
    Unknown,
    /// The state, or the values for the next request, are too large once they are merged with what other requests stored.
    #[error("the session is too large to be stored")]
    StateTooLarge(#[from] StateTooLargeError),
    /// The cookie would be larger than browsers keep.
    #[error("the session cookie is too large to be sent")]
    CookieTooLarge(#[from] CookieTooLargeError),
    /// An update does not fit what another request stored in the meantime.
    #[error("the session's changes could not be merged")]
    Merge(#[from] MergeError),
    /// Another request renewed or ended the session, so the changes were not stored.
    #[error("the session's changes were not stored")]
    Closed(#[from] SessionClosedError),
    /// The store refused a sign-in.
    #[error("the sign-in was refused")]
    SignInRefused(#[from] Refusal),
    /// The session was opened by another manager.
    #[error("the session was opened by another manager")]
    ForeignSession,
}

impl CommitError {
    /// Whether the store caused the failure. The same request may succeed later.
    #[must_use]
    pub const fn is_store_failure(&self) -> bool {
        matches!(
            self,
            Self::Store(_) | Self::Timeout { .. } | Self::Contention { .. } | Self::Unknown
        )
    }

    /// As [`OpenError::is_outage`].
    pub(crate) const fn is_outage(&self) -> bool {
        match self {
            Self::Store(error) => error.is_outage(),
            Self::Timeout { .. } => true,
            _ => false,
        }
    }
}

/// The state would be larger than [`max_state_bytes`](crate::config::Settings::max_state_bytes), or the values for the next
/// request larger than their bound.
///
/// ```
/// use sessile::{
///     config::Settings,
///     engine::{SealingKey, SessionManager},
///     error::WriteError,
///     storage::MemorySessionStore,
/// };
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let mut settings = Settings::default();
/// settings.max_state_bytes = 100;
/// # let store = MemorySessionStore::default();
/// let manager = SessionManager::new(store, SealingKey::generate(), settings)?;
/// let session = manager.open([]).await?;
/// let error = session.insert("letters", "x".repeat(200)).unwrap_err();
/// assert!(matches!(error.source, WriteError::TooLarge(error) if error.max == 100));
/// # Ok::<(), Box<dyn std::error::Error>>(()) }).unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session would have {bytes} bytes, {over} more than its bound of {max}", over = bytes - max)]
#[non_exhaustive]
pub struct StateTooLargeError {
    /// The size that the state would have.
    pub bytes: usize,
    /// The bound.
    pub max: usize,
}
