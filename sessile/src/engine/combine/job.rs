//! [`Job`]: the changes of one request, and [`Batch`]: those that one update stores.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use tokio::sync::Notify;

use super::locked;
use crate::{
    error::CommitError,
    record::Record,
    session::{
        journal::Journal,
        machine::{Renewal, SharedAttempt, Stored},
    },
    storage::{Refusal, Version},
};

/// The changes of one request.
pub(super) struct Job {
    /// How many requests had joined the queue before.
    pub(super) number: u64,
    /// The session as the request loaded it.
    pub(super) base: Arc<Stored>,
    pub(super) journal: Journal,
    pub(super) renewal: Option<Renewal>,
    /// Whether the request extends the life of the session.
    pub(super) extends_life: bool,
    /// The update that contains the changes. The session needs it if the request is dropped.
    pub(super) attempt: Arc<SharedAttempt>,
    outcome: Mutex<Option<JobOutcome>>,
    has_left: AtomicBool,
    woken: Notify,
}

/// The outcome of a job.
pub(super) enum JobOutcome {
    /// The changes are stored. This is the session with them.
    Stored(Arc<Stored>),
    /// Another request ended the session.
    Ended,
    /// The store refused the changes.
    Refused(Refusal),
    /// Another request renewed the session.
    Superseded,
    /// The changes can't be stored.
    Failed(CommitError),
    /// It is not known whether the changes are stored.
    Unknown,
}

/// Jobs that are stored in one update.
pub(super) struct Batch {
    pub(super) version: Version,
    pub(super) state: Mutex<BatchState>,
}

#[derive(Default)]
pub(super) struct BatchState {
    pub(super) jobs: Vec<Arc<Job>>,
    /// `None` while the update is being prepared.
    pub(super) update: Option<Arc<PreparedUpdate>>,
    /// Whether a second request has sent the update. A conflict may then be with the first attempt.
    pub(super) is_repeated: bool,
}

/// An update of the stored session.
pub(super) struct PreparedUpdate {
    /// The session that the update replaces.
    pub(super) onto: Arc<Stored>,
    pub(super) record: Record,
}

/// The store's reply to the update of a batch.
pub(super) enum UpdateReply {
    Stored(Arc<Stored>),
    Conflict,
    /// The session is missing.
    Missing,
    /// The store refused the update, and every repetition of it.
    Refused(Refusal),
    /// The update was not sent: the store could not be reached, or no job was left.
    NotSent,
}

impl Job {
    pub(super) fn new(
        base: Arc<Stored>,
        journal: Journal,
        renewal: Option<Renewal>,
        extends_life: bool,
    ) -> Self {
        Self {
            number: 0,
            base,
            journal,
            renewal,
            extends_life,
            attempt: Arc::default(),
            outcome: Mutex::new(None),
            has_left: AtomicBool::new(false),
            woken: Notify::new(),
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        locked(&self.outcome).is_some()
    }

    pub(super) fn take_outcome(&self) -> Option<JobOutcome> {
        locked(&self.outcome).take()
    }

    pub(super) fn leave(&self) {
        self.has_left.store(true, Ordering::Relaxed);
    }

    /// Whether the request has left the queue. Its changes may be in an update that is in flight.
    pub(super) fn has_left(&self) -> bool {
        self.has_left.load(Ordering::Relaxed)
    }

    pub(super) fn wake(&self) {
        self.woken.notify_one();
    }

    pub(super) async fn woken(&self) {
        self.woken.notified().await;
    }

    /// Sets the outcome.
    pub(super) fn settle(&self, outcome: JobOutcome) {
        // If the changes are or may be stored, the session needs the attempt in case its request is dropped before it
        // takes the outcome.
        if !matches!(outcome, JobOutcome::Stored(_) | JobOutcome::Unknown) {
            self.attempt.clear();
        }
        *locked(&self.outcome) = Some(outcome);
        self.woken.notify_one();
    }
}

impl Batch {
    /// Whether a second request has sent the update.
    pub(super) fn is_repeated(&self) -> bool {
        locked(&self.state).is_repeated
    }

    /// The update, once it is published.
    pub(super) fn update(&self) -> Option<Arc<PreparedUpdate>> {
        locked(&self.state).update.clone()
    }
}
