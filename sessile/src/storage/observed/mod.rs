//! [`Observed`]: a store whose operations are measured, and whose outages are logged.

mod outage;
mod outcome;

use std::{
    num::NonZeroU32,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::Instant;

use self::{
    outage::{Access, Outages},
    outcome::Described,
};
use super::{
    CreateOutcome, Cursor, EndOutcome, EndReporter, EndingStore, Freshness, IterableStore, Kept,
    Loaded, ManagedStore, Page, RevocationList, SessionId, SessionLimit, SessionStore,
    SignInOutcome, SignInWrite, StoreError, SubjectDigest, SubjectStore, UpdateOutcome, Version,
};
use crate::{
    clock::Timestamp,
    record::Record,
    telemetry::{self, MarkScope, Operation, Outcome},
};

/// A store whose operations are measured, and whose outages are logged once.
pub(crate) struct Observed<S> {
    store: S,
    outages: Outages,
}

impl<S> Observed<S> {
    /// `patience` is how long requests wait for the store. An operation that is dropped after half of that has failed.
    pub(crate) const fn new(store: S, patience: Duration) -> Self {
        Self {
            store,
            outages: Outages::new(patience),
        }
    }

    /// Whether an outage was logged that has not ended.
    pub(crate) fn is_failing(&self) -> bool {
        self.outages.is_failing()
    }

    async fn end_subject_by(
        &self,
        ending: impl Future<Output = Result<EndOutcome, StoreError>>,
    ) -> Result<EndOutcome, StoreError> {
        let ended = self.observe(Operation::EndSubject, ending).await?;
        if matches!(ended, EndOutcome::Ended { .. }) {
            telemetry::sessions_ended(MarkScope::Subject);
        }
        Ok(ended)
    }

    /// The same operation, which is measured.
    #[inline]
    pub(crate) fn observe<F, T>(&self, operation: Operation, future: F) -> Observing<'_, F>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        Observing {
            future,
            running: Running {
                outages: &self.outages,
                operation,
                begun: None,
            },
        }
    }
}

/// Calls through this reach the store directly, and are not observed.
impl<S> Deref for Observed<S> {
    type Target = S;

    fn deref(&self) -> &S {
        &self.store
    }
}

impl<S: SessionStore> SessionStore for Observed<S> {
    #[inline]
    fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> impl Future<Output = Result<Option<Loaded>, StoreError>> + Send {
        let loading = self.store.load(id, subject, freshness);
        self.observe(Operation::Load, loading)
    }

    #[inline]
    fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> impl Future<Output = Result<CreateOutcome, StoreError>> + Send {
        let creating = self.store.create(id, record, version, ttl);
        self.observe(Operation::Create, creating)
    }

    #[inline]
    fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> impl Future<Output = Result<UpdateOutcome, StoreError>> + Send {
        let updating = self.store.update(id, expected, record, version, ttl);
        self.observe(Operation::Update, updating)
    }

    #[inline]
    fn delete(&self, id: &SessionId) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.observe(Operation::Delete, self.store.delete(id))
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

    fn end_reporter(&self) -> Option<&EndReporter> {
        self.store.end_reporter()
    }
}

/// The methods of [`EndingStore`]. They are inherent because that trait is already implemented for every [`SubjectStore`].
impl<S: EndingStore> Observed<S> {
    pub(crate) async fn end_sessions_of(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
    ) -> Result<EndOutcome, StoreError> {
        let ending = self.store.end_sessions_of(subject, now);
        self.end_subject_by(ending).await
    }

    pub(crate) async fn end_all_sessions(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let ending = self.store.end_all_sessions(now);
        let at = self.observe(Operation::EndEverything, ending).await?;
        telemetry::sessions_ended(MarkScope::Everyone);
        Ok(at)
    }
}

impl<S: SubjectStore> SubjectStore for Observed<S> {
    fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> impl Future<Output = Result<SignInOutcome, StoreError>> + Send {
        self.observe(Operation::SignIn, self.store.sign_in(write, limit))
    }

    fn list(
        &self,
        subject: &SubjectDigest,
    ) -> impl Future<Output = Result<Vec<(SessionId, Loaded)>, StoreError>> + Send {
        self.observe(Operation::List, self.store.list(subject))
    }

    fn find_by_label(
        &self,
        label: &str,
    ) -> impl Future<Output = Result<Vec<SessionId>, StoreError>> + Send {
        self.observe(Operation::FindByLabel, self.store.find_by_label(label))
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        self.end_subject_by(self.store.end_subject(subject, now, kept))
            .await
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        self.end_all_sessions(now).await
    }

    fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> impl Future<Output = Result<bool, StoreError>> + Send {
        self.store.is_revoked(id, subject, since)
    }

    fn has_subjects(&self) -> bool {
        self.store.has_subjects()
    }
}

impl<S: IterableStore> IterableStore for Observed<S> {
    fn page(
        &self,
        after: Option<&Cursor>,
        limit: NonZeroU32,
    ) -> impl Future<Output = Result<Page, StoreError>> + Send {
        self.observe(Operation::Page, self.store.page(after, limit))
    }

    fn count(&self) -> impl Future<Output = Result<u64, StoreError>> + Send {
        self.observe(Operation::Count, self.store.count())
    }

    fn clear(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.observe(Operation::Clear, self.store.clear())
    }
}

impl<S: ManagedStore> ManagedStore for Observed<S> {
    fn ping(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.observe(Operation::Ping, self.store.ping())
    }

    fn close(&self) -> impl Future<Output = Result<(), StoreError>> + Send {
        self.store.close()
    }
}

pin_project! {
    /// An operation of a store that is measured.
    pub(crate) struct Observing<'a, F> {
        #[pin]
        future: F,
        running: Running<'a>,
    }
}

impl<T: Described, F: Future<Output = Result<T, StoreError>>> Future for Observing<'_, F> {
    type Output = F::Output;

    #[inline(always)]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // Without a recorder, only an operation that is not ready at once needs the time.
        #[cfg(feature = "metrics")]
        if telemetry::is_recording() {
            this.running.begin();
        }
        let polled = this.future.poll(cx);
        match &polled {
            Poll::Pending => this.running.begin(),
            Poll::Ready(Ok(done)) => this.running.succeed(done.outcome()),
            Poll::Ready(Err(error)) => this.running.fail(error),
        }
        polled
    }
}

/// An operation that has not ended. If it is dropped, its request gave up.
struct Running<'a> {
    outages: &'a Outages,
    operation: Operation,
    begun: Option<Instant>,
}

impl Running<'_> {
    #[inline]
    fn begin(&mut self) {
        self.begun.get_or_insert_with(Instant::now);
    }

    #[inline]
    fn succeed(&mut self, outcome: Outcome) {
        self.end(outcome);
        self.outages.succeeded(self.operation.into());
    }

    #[cold]
    fn fail(&mut self, error: &StoreError) {
        self.end(error.kind().into());
        if error.is_outage() {
            self.outages.failed(self.operation.into(), error);
        }
    }

    #[inline]
    fn end(&mut self, outcome: Outcome) {
        if let Some(begun) = self.begun.take() {
            telemetry::store_operation(self.operation, outcome, begun);
        }
    }
}

impl Drop for Running<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(begun) = self.begun {
            self.abandoned(begun);
        }
    }
}

impl Running<'_> {
    #[cold]
    fn abandoned(&mut self, begun: Instant) {
        let access = Access::from(self.operation);
        let outcome = match self.outages.abandoned(access, begun.elapsed()) {
            true => Outcome::TimedOut,
            false => Outcome::Cancelled,
        };
        self.end(outcome);
    }
}

#[cfg(test)]
mod tests;
