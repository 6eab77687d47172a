//! [`Outages`]: the outages of a store. Each is logged when it begins and when it has ended, however many requests fail.

use std::{
    error::Error,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    storage::lock::lock,
    telemetry::{self, Operation},
};

/// An outage ends with the first success after this time without a failure. So a store that fails now and then is
/// logged at most once in this time.
const QUIET: Duration = Duration::from_secs(1);

/// What an operation does. A store that can't be written to, such as a replica, may still be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl From<Operation> for Access {
    #[inline]
    fn from(operation: Operation) -> Self {
        match operation {
            Operation::Load
            | Operation::List
            | Operation::FindByLabel
            | Operation::IsRevoked
            | Operation::Page
            | Operation::Count
            | Operation::Ping => Self::Read,
            Operation::Create
            | Operation::Update
            | Operation::Delete
            | Operation::SignIn
            | Operation::EndSubject
            | Operation::EndEverything
            | Operation::Clear => Self::Write,
        }
    }
}

/// The outages of a store.
pub(super) struct Outages {
    reads: Outage,
    writes: Outage,
    /// How long a request waits for the store.
    patience: Duration,
}

impl Outages {
    pub(super) const fn new(patience: Duration) -> Self {
        Self {
            reads: Outage::new("read"),
            writes: Outage::new("write"),
            patience,
        }
    }

    #[inline]
    fn of(&self, access: Access) -> &Outage {
        match access {
            Access::Read => &self.reads,
            Access::Write => &self.writes,
        }
    }

    pub(super) fn is_failing(&self) -> bool {
        self.reads.is_on() || self.writes.is_on()
    }

    #[inline]
    pub(super) fn succeeded(&self, access: Access) {
        let outage = self.of(access);
        if outage.is_on() {
            outage.succeeded();
        }
    }

    pub(super) fn failed(&self, access: Access, error: &(dyn Error + 'static)) {
        self.of(access).failed(error);
    }

    /// An operation was dropped after this time. Returns whether that is because the store did not answer: a request
    /// that began with another operation has less time for this one.
    pub(super) fn abandoned(&self, access: Access, after: Duration) -> bool {
        let is_silent = after >= self.patience / 2;
        if is_silent {
            self.failed(access, &NoAnswer { after });
        }
        is_silent
    }
}

/// The store did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the session store did not answer within {after:?}")]
struct NoAnswer {
    after: Duration,
}

/// The outage of one kind of access, if there is one.
struct Outage {
    access: &'static str,
    /// Whether there is one. It is read after each operation.
    is_on: AtomicBool,
    current: Mutex<Option<Current>>,
}

struct Current {
    began: Instant,
    failed_last: Instant,
    /// The number of operations that failed.
    failed: u64,
}

impl Outage {
    const fn new(access: &'static str) -> Self {
        Self {
            access,
            is_on: AtomicBool::new(false),
            current: Mutex::new(None),
        }
    }

    #[inline]
    fn is_on(&self) -> bool {
        self.is_on.load(Ordering::Relaxed)
    }

    #[cold]
    fn failed(&self, error: &(dyn Error + 'static)) {
        let now = Instant::now();
        let mut current = lock(&self.current);
        match &mut *current {
            Some(current) => {
                current.failed_last = now;
                current.failed += 1;
            }
            None => {
                *current = Some(Current {
                    began: now,
                    failed_last: now,
                    failed: 1,
                });
                self.is_on.store(true, Ordering::Relaxed);
                drop(current);
                telemetry::outage_began(self.access, error);
            }
        }
    }

    #[cold]
    fn succeeded(&self) {
        let mut current = lock(&self.current);
        let Some(ended) = current.take_if(|it| it.failed_last.elapsed() >= QUIET) else {
            return;
        };
        self.is_on.store(false, Ordering::Relaxed);
        drop(current);
        telemetry::outage_ended(self.access, ended.began.elapsed(), ended.failed);
    }
}
