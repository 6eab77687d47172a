//! [`WithOutages`]: a store that fails when a visitor asks for it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use sessile::storage::{Answer, Operation, SessionStore, StoreError, StoreErrorKind, StoreWrapper};

/// Whether the store is down. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outage {
    ends_at: Arc<Mutex<Option<Instant>>>,
}

impl Outage {
    /// Makes every operation of the store fail for this time.
    pub(crate) fn begin(&self, length: Duration) {
        let ends_at = Instant::now().checked_add(length);
        *self.ends_at.lock().unwrap_or_else(PoisonError::into_inner) = ends_at;
    }

    fn check(&self) -> Result<(), StoreError> {
        let ends_at = *self.ends_at.lock().unwrap_or_else(PoisonError::into_inner);
        match ends_at {
            Some(ends_at) if Instant::now() < ends_at => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "a visitor took it down",
            )
            .not_sent()),
            _ => Ok(()),
        }
    }
}

/// A store that fails during an [`Outage`], and passes all operations on otherwise.
#[derive(Clone, Debug)]
pub(crate) struct WithOutages<S> {
    store: S,
    outage: Outage,
}

impl<S> WithOutages<S> {
    pub(crate) fn new(store: S, outage: Outage) -> Self {
        Self { store, outage }
    }
}

impl<S: SessionStore> StoreWrapper for WithOutages<S> {
    type Inner = S;

    fn inner(&self) -> &S {
        &self.store
    }

    async fn around<T: Answer>(
        &self,
        _operation: Operation,
        future: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        self.outage.check()?;
        future.await
    }
}
