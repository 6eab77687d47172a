//! Checking and closing the backend of a store whose type is not known.

use super::{AnySessionStore, boxed::BoxedManagedStore, unsupported};
use crate::storage::{ManagedStore, StoreError};

impl AnySessionStore {
    fn managed(&self) -> Result<&dyn BoxedManagedStore, StoreError> {
        let managed = self.managed.as_deref();
        managed.ok_or_else(|| unsupported("this store can be neither checked nor closed"))
    }

    /// Wraps a store that can be checked and closed, and has no other ability beside the contract.
    #[cfg(feature = "cookie-session")]
    pub(super) fn with_management(store: impl ManagedStore) -> Self {
        let store = std::sync::Arc::new(store);
        Self {
            managed: Some(store.clone()),
            ..Self::new(store)
        }
    }
}

/// Each operation is an error of kind [`Unsupported`](crate::storage::StoreErrorKind::Unsupported)
/// if the wrapped store is no [`ManagedStore`].
impl ManagedStore for AnySessionStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.managed()?.ping().await
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.managed()?.close().await
    }
}
