//! [`Observed`]: a store whose operations are measured, and whose outages are logged.

mod outage;
mod outcome;

use std::{
    ops::Deref,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::Instant;

use self::outage::{Access, Outages};
use super::{
    EndOutcome, EndingStore, SessionStore, StoreError, SubjectDigest,
    wrapper::{Answer, Described, StoreWrapper},
};
use crate::{
    clock::Timestamp,
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

impl<S: SessionStore> StoreWrapper for Observed<S> {
    type Inner = S;

    #[inline]
    fn inner(&self) -> &S {
        &self.store
    }

    #[inline]
    fn around<T: Answer>(
        &self,
        operation: Operation,
        future: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> impl Future<Output = Result<T, StoreError>> + Send {
        self.observe(operation, future)
    }
}

/// The methods of [`EndingStore`]. They are inherent because that trait is already implemented for every
/// [`SubjectStore`](super::SubjectStore).
impl<S: EndingStore> Observed<S> {
    pub(crate) async fn end_sessions_of(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
    ) -> Result<EndOutcome, StoreError> {
        let ending = self.store.end_sessions_of(subject, now);
        self.observe(Operation::EndSubject, ending).await
    }

    pub(crate) async fn end_all_sessions(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let ending = self.store.end_all_sessions(now);
        self.observe(Operation::EndEverything, ending).await
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
        match (self.operation, outcome) {
            (Operation::EndSubject, Outcome::Ok) => telemetry::sessions_ended(MarkScope::Subject),
            (Operation::EndEverything, Outcome::Ok) => {
                telemetry::sessions_ended(MarkScope::Everyone);
            }
            _ => {}
        }
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
