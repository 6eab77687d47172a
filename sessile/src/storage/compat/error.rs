//! The errors of stores of actix-session.
//!
//! The enums are exhaustive, as those of actix-session are: stores match on them.

use crate::storage::{StoreError, StoreErrorKind};

/// Why [`SessionStore::load`](super::SessionStore::load) failed.
///
/// ```
/// use std::error::Error;
/// use sessile::storage::compat::LoadError;
///
/// let error = LoadError::Other(anyhow::anyhow!("the connection was reset"));
/// assert_eq!(error.to_string(), "the session could not be loaded");
/// assert_eq!(error.source().unwrap().to_string(), "the connection was reset");
/// ```
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The stored data is not a session. The request gets an empty session.
    #[error("the stored data is not a session")]
    Deserialization(#[source] anyhow::Error),
    /// The store failed.
    #[error("the session could not be loaded")]
    Other(#[source] anyhow::Error),
}

/// Why [`SessionStore::save`](super::SessionStore::save) failed.
///
/// ```
/// use std::error::Error;
/// use sessile::storage::compat::SaveError;
///
/// let error = SaveError::Other(anyhow::anyhow!("the disk is full"));
/// assert_eq!(error.to_string(), "the new session could not be stored");
/// assert_eq!(error.source().unwrap().to_string(), "the disk is full");
/// ```
#[derive(Debug, thiserror::Error)]
pub enum SaveError {
    /// The state could not be turned into the form in which the store keeps it.
    #[error("the state of the new session could not be serialized")]
    Serialization(#[source] anyhow::Error),
    /// The store failed.
    #[error("the new session could not be stored")]
    Other(#[source] anyhow::Error),
}

/// Why [`SessionStore::update`](super::SessionStore::update) failed.
///
/// ```
/// use std::error::Error;
/// use sessile::storage::compat::UpdateError;
///
/// let error = UpdateError::Other(anyhow::anyhow!("the disk is full"));
/// assert_eq!(error.to_string(), "the session could not be updated");
/// assert_eq!(error.source().unwrap().to_string(), "the disk is full");
/// ```
#[derive(Debug, thiserror::Error)]
pub enum UpdateError {
    /// The state could not be turned into the form in which the store keeps it.
    #[error("the state of the session could not be serialized")]
    Serialization(#[source] anyhow::Error),
    /// The store failed.
    #[error("the session could not be updated")]
    Other(#[source] anyhow::Error),
}

/// [`Corrupt`](StoreErrorKind::Corrupt) or [`Unavailable`](StoreErrorKind::Unavailable).
impl From<LoadError> for StoreError {
    fn from(error: LoadError) -> Self {
        let kind = match error {
            LoadError::Deserialization(_) => StoreErrorKind::Corrupt,
            LoadError::Other(_) => StoreErrorKind::Unavailable,
        };
        Self::new(kind, error)
    }
}

/// [`Unsupported`](StoreErrorKind::Unsupported) or [`Unavailable`](StoreErrorKind::Unavailable). The
/// operation may have been executed.
impl From<SaveError> for StoreError {
    fn from(error: SaveError) -> Self {
        let kind = match error {
            SaveError::Serialization(_) => StoreErrorKind::Unsupported,
            SaveError::Other(_) => StoreErrorKind::Unavailable,
        };
        Self::new(kind, error)
    }
}

/// [`Unsupported`](StoreErrorKind::Unsupported) or [`Unavailable`](StoreErrorKind::Unavailable). The
/// operation may have been executed.
impl From<UpdateError> for StoreError {
    fn from(error: UpdateError) -> Self {
        let kind = match error {
            UpdateError::Serialization(_) => StoreErrorKind::Unsupported,
            UpdateError::Other(_) => StoreErrorKind::Unavailable,
        };
        Self::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_the_store_cannot_keep_is_no_outage() {
        let cause = || anyhow::anyhow!("a number is too large");
        for (error, is_outage) in [
            (StoreError::from(SaveError::Serialization(cause())), false),
            (UpdateError::Serialization(cause()).into(), false),
            (LoadError::Deserialization(cause()).into(), false),
            (SaveError::Other(cause()).into(), true),
            (UpdateError::Other(cause()).into(), true),
            (LoadError::Other(cause()).into(), true),
        ] {
            assert_eq!(error.is_outage(), is_outage, "{error}");
        }
    }
}
