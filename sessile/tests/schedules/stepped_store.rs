//! [`SteppedStore`]: a store whose operations stop before their effect and before their answer.

use std::{
    future::poll_fn,
    mem,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
    time::Duration,
};

use sessile::{
    clock::{Clock, Timestamp},
    record::Record,
    storage::{
        CreateOutcome, EndOutcome, Freshness, Kept, Loaded, SessionId, SessionLimit, SessionStore,
        SignInOutcome, SignInWrite, StoreError, StoreErrorKind, SubjectDigest, SubjectStore,
        UpdateOutcome, Version,
    },
};

use crate::model::{Answer, Model, Operation, Write};

/// The number of a request: 0 for A, 1 for B.
pub(crate) type RequestIndex = usize;

/// Where a request stands.
#[derive(Debug, Default)]
pub(crate) enum Stop {
    /// It runs, or waits for the other request.
    #[default]
    Nowhere,
    /// The operation has not taken effect.
    Sent(Operation),
    /// The operation has taken effect or failed, and the request does not know it.
    Answered(Operation, Result<Answer, Failed>),
    Released(Result<Answer, Failed>),
    /// The handler drops the save that is under way.
    Cancelled,
    /// A save has failed, and the handler can go on in several ways.
    Recovering,
    Recovered(Recovery),
}

impl Stop {
    /// Whether the request is registered as a writer on its server. `None` for a load, which leaves that as it was: it
    /// belongs to a merge, or comes before the first update.
    pub(crate) fn is_storing(&self) -> Option<bool> {
        match self {
            Self::Nowhere => Some(true),
            Self::Sent(operation) | Self::Answered(operation, _) => match operation {
                Operation::Load(_) => None,
                operation => Some(matches!(operation, Operation::Update(..))),
            },
            _ => Some(false),
        }
    }

    fn take_released(&mut self) -> Option<Result<Answer, Failed>> {
        match mem::take(self) {
            Self::Released(answer) => Some(answer),
            other => {
                *self = other;
                None
            }
        }
    }

    fn take_recovered(&mut self) -> Option<Recovery> {
        match mem::take(self) {
            Self::Recovered(recovery) => Some(recovery),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// How an operation failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Failed {
    MayHaveHappened,
    NotSent,
}

/// What a request does when its save has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Recovery {
    Commit,
    Save,
    Reload,
}

/// What the store and the scheduler share.
#[derive(Debug, Default)]
pub(crate) struct Controls {
    pub(crate) model: Model,
    /// The request that is being polled. Operations of others take effect at once.
    pub(crate) running: Option<RequestIndex>,
    pub(crate) stops: [Stop; 2],
    /// Whether the handler of the request can drop what it waits for.
    pub(crate) can_cancel: [bool; 2],
}

/// Clones share the store and the clock.
#[derive(Debug, Clone, Default)]
pub(crate) struct SteppedStore {
    controls: Arc<Mutex<Controls>>,
    clock: StepClock,
}

/// A clock that is set, also backwards for the next schedule.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepClock(Arc<AtomicU64>);

impl StepClock {
    pub(crate) fn set(&self, now: Timestamp) {
        self.0.store(now.as_unix_millis(), Ordering::Relaxed);
    }
}

impl Clock for StepClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_millis(self.0.load(Ordering::Relaxed))
    }
}

impl SteppedStore {
    pub(crate) fn controls(&self) -> MutexGuard<'_, Controls> {
        self.controls.lock().unwrap()
    }

    pub(crate) fn clock(&self) -> &StepClock {
        &self.clock
    }

    async fn operate(&self, operation: Operation) -> Result<Answer, StoreError> {
        let index = {
            let mut controls = self.controls();
            let Some(index) = controls.running else {
                return Ok(controls.model.apply(&operation, self.clock.now()));
            };
            controls.stops[index] = Stop::Sent(operation);
            index
        };
        let released = self.stopped(index, Stop::take_released).await;
        released.map_err(|failed| {
            let error = StoreError::new(StoreErrorKind::Unavailable, "a failure of the schedule");
            match failed {
                Failed::MayHaveHappened => error,
                Failed::NotSent => error.not_sent(),
            }
        })
    }

    /// Asks the scheduler what to do after a save that failed.
    pub(crate) async fn recovery(&self, index: RequestIndex) -> Recovery {
        self.controls().stops[index] = Stop::Recovering;
        self.stopped(index, Stop::take_recovered).await
    }

    /// The output of `saving`. `None` if the scheduler lets the handler drop it.
    pub(crate) async fn unless_cancelled<T>(
        &self,
        index: RequestIndex,
        saving: impl Future<Output = T>,
    ) -> Option<T> {
        let mut saving = pin!(saving);
        self.controls().can_cancel[index] = true;
        let saved = poll_fn(|cx| {
            if let Stop::Cancelled = self.controls().stops[index] {
                return Poll::Ready(None);
            }
            saving.as_mut().poll(cx).map(Some)
        })
        .await;
        let mut controls = self.controls();
        controls.can_cancel[index] = false;
        if saved.is_none() {
            controls.stops[index] = Stop::Nowhere;
        }
        saved
    }

    /// Waits until there is something to `take`.
    async fn stopped<T>(&self, index: RequestIndex, take: fn(&mut Stop) -> Option<T>) -> T {
        poll_fn(|_| match take(&mut self.controls().stops[index]) {
            Some(taken) => Poll::Ready(taken),
            None => Poll::Pending,
        })
        .await
    }
}

impl SessionStore for SteppedStore {
    async fn load(
        &self,
        id: &SessionId,
        _subject: Option<&SubjectDigest>,
        _freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        match self.operate(Operation::Load(id.clone())).await? {
            Answer::Loaded(loaded) => Ok(loaded),
            other => panic!("a load was answered {other:?}"),
        }
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        let write = write(record, version, ttl);
        match self.operate(Operation::Create(id.clone(), write)).await? {
            Answer::Created(outcome) => Ok(outcome),
            other => panic!("a create was answered {other:?}"),
        }
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let operation = Operation::Update(id.clone(), expected, write(record, version, ttl));
        match self.operate(operation).await? {
            Answer::Updated(outcome) => Ok(outcome),
            other => panic!("an update was answered {other:?}"),
        }
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.operate(Operation::Delete(id.clone())).await?;
        Ok(())
    }
}

impl SubjectStore for SteppedStore {
    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        assert!(kept.is_none(), "no program keeps a session");
        let ending = self.operate(Operation::EndSubject(*subject, now));
        match ending.await? {
            Answer::Ended(outcome) => Ok(outcome),
            other => panic!("an end of all sessions was answered {other:?}"),
        }
    }

    async fn sign_in(
        &self,
        _write: SignInWrite<'_>,
        _limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        unreachable!("there is no limit")
    }

    async fn list(&self, _subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        unreachable!("no program lists sessions")
    }

    async fn find_by_label(&self, _label: &str) -> Result<Vec<SessionId>, StoreError> {
        unreachable!("no session has a label")
    }

    async fn end_everything(&self, _now: Timestamp) -> Result<Timestamp, StoreError> {
        unreachable!("no program ends everything")
    }

    async fn is_revoked(
        &self,
        _id: &SessionId,
        _subject: Option<&SubjectDigest>,
        _since: Timestamp,
    ) -> Result<bool, StoreError> {
        unreachable!("no session is in a cookie")
    }
}

fn write(record: &Record, version: Version, ttl: Duration) -> Write {
    Write {
        record: record.clone(),
        version,
        ttl,
    }
}
