//! [`ManagedStore`]: stores whose backend can be checked and closed.

use super::{SessionStore, StoreError};

/// A store whose backend can be checked and closed: for health checks, and for the shutdown of an application.
///
/// [`Sessions`](crate::Sessions) has these operations for applications. The page
/// [`guide::administration`](crate::guide::administration) shows a health endpoint and a shutdown.
///
/// ```
/// use sessile::storage::{ManagedStore, MemorySessionStore};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let store = MemorySessionStore::default();
/// assert!(store.ping().await.is_ok());
/// store.close().await?;
/// # Ok::<(), sessile::storage::StoreError>(()) }).unwrap();
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be checked or closed: use a store of `sessile::storage` that can, or implement `ManagedStore` for this type"
)]
pub trait ManagedStore: SessionStore {
    /// Fails if the store can't serve sessions at the moment.
    ///
    /// It loads a session that does not exist, so it costs as much as a load and tests everything that a load needs.
    /// It does not test writes.
    ///
    /// # Errors
    ///
    /// As a [`load`](SessionStore::load): mostly [`Unavailable`](super::StoreErrorKind::Unavailable).
    fn ping(&self) -> impl Future<Output = Result<(), StoreError>> + Send;

    /// Closes the store and all its clones, after the operations that have begun. Later operations fail.
    ///
    /// The application's pool stays open. A store without a backend has nothing to close, and stays usable.
    /// Closing a store twice is no error.
    ///
    /// # Errors
    ///
    /// If the backend can't be closed. Later operations fail all the same.
    fn close(&self) -> impl Future<Output = Result<(), StoreError>> + Send;
}
