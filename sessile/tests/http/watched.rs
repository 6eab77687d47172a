//! A store that notes what it is asked, and fails when it is told to.

use std::{
    future::pending,
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use sessile::{
    Record,
    storage::{
        Loaded, SessionKey, SessionStore, StoreError, StoreErrorKind, Stored, Swap, Version,
    },
};

/// What a failing store tells, and no client may hear.
pub(crate) const CAUSE: &str = "db7.internal refused user sessions";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Load,
    Create,
    Update,
    Renew,
    Delete,
}

/// How an operation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails, and nothing is done.
    Fail,
    /// It never answers, and nothing is done.
    Hang,
    /// It reports a conflict, though there is none.
    Conflict,
    /// It is done, and fails all the same: the answer was lost.
    Unsaid,
}

/// A store of one's own around another.
#[derive(Clone)]
pub(crate) struct Watched<S> {
    store: S,
    watch: Watch,
}

/// Sees and directs what a [`Watched`] store does.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Orders>>);

#[derive(Default)]
struct Orders {
    seen: Vec<Operation>,
    fault: Option<(Operation, Fault)>,
}

impl Watch {
    /// The operations since this was asked last.
    pub(crate) fn seen(&self) -> Vec<Operation> {
        mem::take(&mut self.0.lock().unwrap().seen)
    }

    /// From now on `operation` goes wrong.
    pub(crate) fn inject(&self, operation: Operation, fault: Fault) {
        self.0.lock().unwrap().fault = Some((operation, fault));
    }

    /// From now on all is well.
    pub(crate) fn heal(&self) {
        self.0.lock().unwrap().fault = None;
    }

    fn note(&self, operation: Operation) -> Option<Fault> {
        let mut orders = self.0.lock().unwrap();
        orders.seen.push(operation);
        let (faulty, fault) = orders.fault?;
        (faulty == operation).then_some(fault)
    }
}

impl<S> Watched<S> {
    pub(crate) fn new(store: S, watch: Watch) -> Self {
        Self { store, watch }
    }

    /// Does what `operation` comes down to, unless it is to go wrong.
    async fn attempt<T>(
        &self,
        operation: Operation,
        conflict: Option<T>,
        doing: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let failure = StoreError::new(StoreErrorKind::Unavailable, CAUSE);
        match self.watch.note(operation) {
            None => doing.await,
            Some(Fault::Fail) => Err(failure),
            Some(Fault::Hang) => pending().await,
            Some(Fault::Conflict) => Ok(conflict.expect("an operation that can conflict")),
            Some(Fault::Unsaid) => doing.await.and(Err(failure)),
        }
    }
}

impl<S: SessionStore> SessionStore for Watched<S> {
    async fn load(&self, key: &SessionKey) -> Result<Option<Loaded>, StoreError> {
        let doing = self.store.load(key);
        self.attempt(Operation::Load, None, doing).await
    }

    async fn create(&self, record: &Record, ttl: Duration) -> Result<Stored, StoreError> {
        let doing = self.store.create(record, ttl);
        self.attempt(Operation::Create, None, doing).await
    }

    async fn update(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        let doing = self.store.update(key, version, record, ttl);
        self.attempt(Operation::Update, Some(Swap::Conflict), doing)
            .await
    }

    async fn renew(
        &self,
        key: &SessionKey,
        version: Version,
        record: &Record,
        ttl: Duration,
    ) -> Result<Swap, StoreError> {
        let doing = self.store.renew(key, version, record, ttl);
        self.attempt(Operation::Renew, Some(Swap::Conflict), doing)
            .await
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), StoreError> {
        let doing = self.store.delete(key);
        self.attempt(Operation::Delete, None, doing).await
    }
}
