//! [`Faulty`]: a real store that fails on request.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use super::*;
use crate::{
    record::DecodeError,
    storage::{
        CreateOutcome, EndOutcome, Kept, SessionLimit, SignInOutcome, SignInWrite, StoreError,
        StoreErrorKind, SubjectDigest, SubjectStore, UpdateOutcome,
    },
};

/// The fault of the store's next write.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Fault {
    /// Fail, and do nothing.
    Fail,
    /// Fail, do nothing, and say that nothing was sent.
    NotSent,
    /// Do it, and then report a failure.
    DoAndFail,
    /// Never answer.
    Hang,
    /// Do it when the test releases it.
    Wait,
    /// Do it, and answer when the test releases it.
    DoAndWait,
}

/// A real store that counts its operations, lets other requests run first, and fails on request.
pub(super) struct Faulty {
    pub(super) memory: MemorySessionStore,
    next_write: Mutex<Option<Fault>>,
    next_load: Mutex<Option<Fault>>,
    /// The record that every load returns, whatever is stored.
    undecodable: Mutex<Option<DecodeError>>,
    /// The answer of a near cache to every load that may come from one.
    cached: Mutex<Option<Loaded>>,
    pub(super) go_on: tokio::sync::Notify,
    /// Whether it opens sessions under the keys of actix-session.
    pub(super) takes_over: AtomicBool,
    /// The milliseconds that each operation takes.
    latency: AtomicU64,
    loads: AtomicU32,
    writes: AtomicU32,
}

impl Faulty {
    pub(super) fn new(clock: &ManualClock) -> Self {
        Self {
            memory: MemorySessionStore::builder().clock(clock.clone()).build(),
            next_write: Mutex::new(None),
            next_load: Mutex::new(None),
            undecodable: Mutex::new(None),
            cached: Mutex::new(None),
            go_on: tokio::sync::Notify::new(),
            takes_over: AtomicBool::new(false),
            latency: AtomicU64::new(0),
            loads: AtomicU32::new(0),
            writes: AtomicU32::new(0),
        }
    }

    pub(super) fn inject(&self, fault: Fault) {
        *self.next_write.lock().unwrap() = Some(fault);
    }

    /// Makes each operation take this long.
    pub(super) fn set_latency(&self, latency: Duration) {
        let millis = latency.as_millis().try_into().unwrap();
        self.latency.store(millis, Ordering::SeqCst);
    }

    /// Removes all faults.
    pub(super) fn clear(&self) {
        *self.next_write.lock().unwrap() = None;
    }

    pub(super) fn inject_into_load(&self, fault: Fault) {
        *self.next_load.lock().unwrap() = Some(fault);
    }

    pub(super) fn fail_to_decode(&self, error: Option<DecodeError>) {
        *self.undecodable.lock().unwrap() = error;
    }

    pub(super) fn serve_cached(&self, loaded: Option<Loaded>) {
        *self.cached.lock().unwrap() = loaded;
    }

    /// How many loads and writes there were since the last call.
    pub(super) fn take_counts(&self) -> (u32, u32) {
        let take = |counter: &AtomicU32| counter.swap(0, Ordering::SeqCst);
        (take(&self.loads), take(&self.writes))
    }

    async fn read<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let fault = self.next_load.lock().unwrap().take();
        self.run(fault, operation).await
    }

    async fn write<T>(
        &self,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.writes.fetch_add(1, Ordering::SeqCst);
        let fault = self.next_write.lock().unwrap().take();
        self.run(fault, operation).await
    }

    async fn run<T>(
        &self,
        fault: Option<Fault>,
        operation: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        match self.latency.load(Ordering::SeqCst) {
            0 => tokio::task::yield_now().await,
            millis => tokio::time::sleep(Duration::from_millis(millis)).await,
        }
        let failure = || StoreError::new(StoreErrorKind::Unavailable, "a fault");
        let answer = match fault {
            None => operation.await,
            Some(Fault::Fail) => Err(failure()),
            Some(Fault::NotSent) => Err(failure().not_sent()),
            Some(Fault::DoAndFail) => operation.await.and(Err(failure())),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Wait) => {
                self.go_on.notified().await;
                operation.await
            }
            Some(Fault::DoAndWait) => {
                let answer = operation.await;
                self.go_on.notified().await;
                answer
            }
        };
        // The answer is in flight.
        tokio::task::yield_now().await;
        answer
    }
}

impl SessionStore for Faulty {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        self.loads.fetch_add(1, Ordering::SeqCst);
        let cached = self.cached.lock().unwrap().clone();
        if let (Freshness::Cached, Some(loaded)) = (freshness, cached) {
            return Ok(Some(loaded));
        }
        let fault = self.next_load.lock().unwrap().take();
        let loaded = self
            .run(fault, self.memory.load(id, subject, freshness))
            .await?;
        match *self.undecodable.lock().unwrap() {
            Some(error) if loaded.is_some() => Err(error.into()),
            _ => Ok(loaded),
        }
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        self.write(self.memory.create(id, record, version, ttl))
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
        self.write(self.memory.update(id, expected, record, version, ttl))
            .await
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.write(self.memory.delete(id)).await
    }

    fn opens_actix_session_key(&self, _key: &str) -> bool {
        self.takes_over.load(Ordering::SeqCst)
    }
}

impl SubjectStore for Faulty {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        self.write(self.memory.sign_in(write, limit)).await
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        self.run(None, self.memory.list(subject)).await
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        self.run(None, self.memory.find_by_label(label)).await
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        self.write(self.memory.end_subject(subject, now, kept))
            .await
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        self.read(self.memory.is_revoked(id, subject, since)).await
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.write(self.memory.end_everything(now)).await
    }
}
