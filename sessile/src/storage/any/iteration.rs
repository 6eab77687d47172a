//! Iterating over the sessions of a store whose type is not known.

use std::num::NonZeroU32;

use super::{AnySessionStore, boxed::BoxedIterableStore, unsupported};
use crate::storage::{Cursor, IterableStore, Page, StoreError};

impl AnySessionStore {
    fn iterable(&self) -> Result<&dyn BoxedIterableStore, StoreError> {
        let iterable = self.iterable.as_deref();
        iterable.ok_or_else(|| unsupported("the sessions of this store can't be iterated"))
    }
}

/// Each operation is an error of kind [`Unsupported`](crate::storage::StoreErrorKind::Unsupported)
/// if the wrapped store is no [`IterableStore`].
impl IterableStore for AnySessionStore {
    async fn page(&self, after: Option<&Cursor>, limit: NonZeroU32) -> Result<Page, StoreError> {
        self.iterable()?.page(after, limit).await
    }

    async fn count(&self) -> Result<u64, StoreError> {
        self.iterable()?.count().await
    }

    async fn clear(&self) -> Result<(), StoreError> {
        self.iterable()?.clear().await
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use crate::storage::{AnySessionStore, IterableStore as _, MemorySessionStore, StoreErrorKind};

    #[tokio::test]
    async fn a_store_is_iterable_if_the_store_behind_it_is() {
        let memory = MemorySessionStore::default();
        let with = AnySessionStore::with_capabilities(memory.clone());
        assert_eq!(with.count().await.unwrap(), 0);
        with.clear().await.unwrap();
        assert!(
            with.page(None, NonZeroU32::MIN)
                .await
                .unwrap()
                .next
                .is_none()
        );

        for without in [
            AnySessionStore::new(memory.clone()),
            AnySessionStore::with_subjects(memory),
        ] {
            let unsupported = StoreErrorKind::Unsupported;
            let page = without.page(None, NonZeroU32::MIN).await;
            assert_eq!(page.unwrap_err().kind(), unsupported);
            assert_eq!(without.count().await.unwrap_err().kind(), unsupported);
            assert_eq!(without.clear().await.unwrap_err().kind(), unsupported);
        }
    }
}
