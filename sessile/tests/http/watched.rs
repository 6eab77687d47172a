//! A store that records its operations, and fails when the test demands it.

use std::{
    future::pending,
    mem,
    sync::{Arc, Mutex},
    time::Duration,
};

use sessile::{
    record::Record,
    storage::{
        CreateOutcome, Freshness, Loaded, RevocationList, SessionId, SessionStore, StoreError,
        StoreErrorKind, SubjectDigest, UpdateOutcome, Version,
    },
};
use tokio::sync::Semaphore;

/// The cause of a store's failure, which no response may have.
pub(crate) const CAUSE: &str = "db7.internal refused user sessions";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Load,
    Create,
    Update,
    Delete,
}

/// How an operation goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It fails without effect.
    Fail,
    /// It never completes, and has no effect.
    Hang,
    /// It reports a conflict or a taken id, although there is none.
    Conflict,
    /// It takes effect, and fails nevertheless: the reply was lost.
    Unsaid,
    /// It takes effect once the test [releases](Watch::release) it.
    Hold,
}

/// A store that records the operations of another one.
#[derive(Clone)]
pub(crate) struct Watched<S> {
    store: S,
    watch: Watch,
}

/// Observes and controls a [`Watched`] store.
#[derive(Clone, Default)]
pub(crate) struct Watch(Arc<Mutex<Orders>>, Arc<Gate>);

/// Where operations are held.
struct Gate {
    /// A permit for each that has arrived.
    arrived: Semaphore,
    /// A permit for each that may continue.
    released: Semaphore,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            arrived: Semaphore::new(0),
            released: Semaphore::new(0),
        }
    }
}

#[derive(Default)]
struct Orders {
    seen: Vec<Operation>,
    fault: Option<(Operation, Fault)>,
}

impl Watch {
    /// The operations since the last call.
    pub(crate) fn seen(&self) -> Vec<Operation> {
        mem::take(&mut self.0.lock().unwrap().seen)
    }

    /// From now on `operation` goes wrong.
    pub(crate) fn inject(&self, operation: Operation, fault: Fault) {
        self.0.lock().unwrap().fault = Some((operation, fault));
    }

    /// From now on all operations succeed.
    pub(crate) fn heal(&self) {
        self.0.lock().unwrap().fault = None;
    }

    /// Waits until an operation is held.
    pub(crate) async fn held(&self) {
        self.1.arrived.acquire().await.unwrap().forget();
    }

    /// Releases the operation that is held.
    pub(crate) fn release(&self) {
        self.1.released.add_permits(1);
    }

    async fn hold(&self) {
        self.1.arrived.add_permits(1);
        self.1.released.acquire().await.unwrap().forget();
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

    /// Runs `operation`, or lets it fail as the test demands.
    async fn attempt<T>(
        &self,
        operation: Operation,
        conflict: Option<T>,
        doing: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let failure = StoreError::new(StoreErrorKind::Unavailable, CAUSE);
        match self.watch.note(operation) {
            None => doing.await,
            Some(Fault::Fail) => Err(failure.not_sent()),
            Some(Fault::Hang) => pending().await,
            Some(Fault::Conflict) => Ok(conflict.expect("an operation that can conflict")),
            Some(Fault::Unsaid) => doing.await.and(Err(failure)),
            Some(Fault::Hold) => {
                self.watch.hold().await;
                doing.await
            }
        }
    }
}

impl<S: SessionStore> SessionStore for Watched<S> {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        let doing = self.store.load(id, subject, freshness);
        self.attempt(Operation::Load, None, doing).await
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        let doing = self.store.create(id, record, version, ttl);
        self.attempt(Operation::Create, Some(CreateOutcome::Taken), doing)
            .await
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let doing = self.store.update(id, expected, record, version, ttl);
        self.attempt(Operation::Update, Some(UpdateOutcome::Conflict), doing)
            .await
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        let doing = self.store.delete(id);
        self.attempt(Operation::Delete, None, doing).await
    }

    fn keeps_nothing(&self) -> bool {
        self.store.keeps_nothing()
    }

    fn revocations(&self) -> Option<&RevocationList> {
        self.store.revocations()
    }

    fn opens_actix_session_key(&self, key: &str) -> bool {
        self.store.opens_actix_session_key(key)
    }
}
