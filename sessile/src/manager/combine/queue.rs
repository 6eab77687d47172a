//! [`Queues`]: the requests of one worker that store changes of the same session, in the order of their arrival.
//!
//! A request that finds no other one sends an update of its own, and registers it as a [`DirectUpdate`]. Requests that
//! come meanwhile join a queue, each with a [`Job`]. One of them leads: it takes the jobs that wait as a [`Batch`], and
//! stores them in one update. The batch stays here until its outcome is known, so that another request can repeat the
//! same update if the leader is dropped or hangs.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ThreadId},
    time::Duration,
};

use hashbrown::{HashTable, hash_table::Entry};
use tokio::sync::Notify;

use crate::{
    failure::CommitError,
    id::SessionId,
    record::Record,
    session::{
        journal::Journal,
        machine::{Renewal, SharedAttempt, Stored},
    },
    storage::Version,
    timeout,
};

/// The requests of an engine that store changes. They affect only performance: the store decides which write wins.
#[derive(Default)]
pub(in crate::manager) struct Queues(Mutex<HashTable<(QueueKey, Writers)>>);

/// Each worker has its own queues, so that a blocked worker delays no other one.
#[derive(Clone, PartialEq, Eq)]
struct QueueKey {
    id: SessionId,
    worker: ThreadId,
}

/// The requests of one worker that store changes of one session.
enum Writers {
    /// Only one, which sends this version in an update of its own.
    Direct(Version),
    Queue(Arc<Mutex<Queue>>),
}

#[derive(Default)]
struct Queue {
    /// The number of requests in the queue.
    members: usize,
    waiting: VecDeque<Arc<Job>>,
    /// The jobs whose update is being prepared or is in flight.
    batch: Option<Arc<Batch>>,
    leader: Leader,
    /// Counts the changes of the leader.
    terms: u64,
    /// The session as the last batch or the direct update stored it.
    newest: Option<Arc<Stored>>,
}

/// The request that the others in a queue wait for.
#[derive(Default)]
enum Leader {
    #[default]
    Nobody,
    /// A request that sent this version before there was a queue.
    Direct(Version),
    /// The member with this job.
    Member(Arc<Job>),
}

/// The changes of one request.
pub(super) struct Job {
    /// The session as the request loaded it.
    pub(super) base: Arc<Stored>,
    pub(super) journal: Journal,
    pub(super) renewal: Option<Renewal>,
    /// The update that contains the changes. The session needs it if the request is dropped.
    attempt: Arc<SharedAttempt>,
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
    /// Another request renewed the session.
    Superseded,
    /// The changes can't be stored.
    Failed(CommitError),
    /// It is not known whether the changes are stored.
    Unknown,
}

/// Jobs that are stored in one update.
pub(super) struct Batch {
    version: Version,
    state: Mutex<BatchState>,
}

#[derive(Default)]
struct BatchState {
    jobs: Vec<Arc<Job>>,
    /// `None` while the update is being prepared.
    update: Option<Arc<PreparedUpdate>>,
    /// Whether a second request has sent the update. A conflict may then be with the first attempt.
    is_repeated: bool,
}

/// An update of the stored session.
pub(super) struct PreparedUpdate {
    pub(super) onto: Arc<Stored>,
    pub(super) record: Record,
}

/// The store's reply to the update of a batch.
pub(super) enum UpdateReply {
    Stored(Arc<Stored>),
    Conflict,
    /// The session is missing, or the update was refused.
    Gone,
    /// The update was not sent.
    NotSent,
}

/// The next step of a request in the queue.
pub(super) enum Step {
    Done(JobOutcome),
    /// Store a new batch, on the newest session that is known.
    Lead(Option<Arc<Stored>>),
    /// Send the update of a batch whose leader has left or hangs.
    Repeat(Arc<Batch>),
    /// Wait for the leader of this term.
    Wait(u64),
}

impl Queues {
    /// Registers an update that a request is about to send; `None` if another request of this worker stores changes of
    /// the session.
    pub(in crate::manager) fn begin_direct(
        &self,
        id: &SessionId,
        version: Version,
    ) -> Option<DirectUpdate<'_>> {
        let key = QueueKey::of(id);
        match key.entry(&mut locked(&self.0)) {
            Entry::Occupied(_) => None,
            Entry::Vacant(vacant) => {
                vacant.insert((key.clone(), Writers::Direct(version)));
                Some(DirectUpdate {
                    queues: self,
                    key,
                    version,
                    stored: None,
                })
            }
        }
    }

    /// Whether a request of this worker stores changes of this session.
    #[cfg(test)]
    pub(in crate::manager) fn is_busy(&self, id: &SessionId) -> bool {
        matches!(
            QueueKey::of(id).entry(&mut locked(&self.0)),
            Entry::Occupied(_)
        )
    }

    /// Queues the changes in `journal`, and the `renewal`, of a request that loaded the session as `base`.
    pub(super) fn join(
        &self,
        base: Arc<Stored>,
        journal: Journal,
        renewal: Option<Renewal>,
    ) -> Member<'_> {
        let key = QueueKey::of(&base.id);
        let job = Arc::new(Job {
            base,
            journal,
            renewal,
            attempt: Arc::default(),
            outcome: Mutex::new(None),
            has_left: AtomicBool::new(false),
            woken: Notify::new(),
        });
        let mut table = locked(&self.0);
        let queue = match key.entry(&mut table) {
            Entry::Occupied(mut occupied) => match &occupied.get().1 {
                Writers::Queue(queue) => Arc::clone(queue),
                Writers::Direct(version) => {
                    let queue = Queue::led_by(Leader::Direct(*version));
                    occupied.get_mut().1 = Writers::Queue(Arc::clone(&queue));
                    queue
                }
            },
            Entry::Vacant(vacant) => {
                let queue = Queue::led_by(Leader::Nobody);
                vacant.insert((key.clone(), Writers::Queue(Arc::clone(&queue))));
                queue
            }
        };
        {
            let mut queue = locked(&queue);
            queue.members += 1;
            queue.waiting.push_back(Arc::clone(&job));
        }
        Member {
            queues: self,
            key,
            queue,
            job,
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An update that a request sends without a queue. Requests that wait for its outcome go on when this is dropped.
pub(in crate::manager) struct DirectUpdate<'a> {
    queues: &'a Queues,
    key: QueueKey,
    version: Version,
    stored: Option<Arc<Stored>>,
}

impl DirectUpdate<'_> {
    /// Passes the session as it was stored to the requests that wait, so that they need not load it.
    pub(in crate::manager) fn finish(mut self, stored: &Arc<Stored>) {
        self.stored = Some(Arc::clone(stored));
    }
}

impl Drop for DirectUpdate<'_> {
    fn drop(&mut self) {
        let mut table = locked(&self.queues.0);
        let Entry::Occupied(occupied) = self.key.entry(&mut table) else {
            return;
        };
        match &occupied.get().1 {
            Writers::Direct(version) if *version == self.version => drop(occupied.remove()),
            // A later update: another request has replaced this one, which took too long, and has left.
            Writers::Direct(_) => {}
            Writers::Queue(queue) => {
                let mut queue = locked(queue);
                if matches!(queue.leader, Leader::Direct(version) if version == self.version) {
                    queue.newest = self.stored.take();
                    queue.replace_leader(Leader::Nobody);
                    queue.wake_next();
                }
            }
        }
    }
}

impl QueueKey {
    fn of(id: &SessionId) -> Self {
        Self {
            id: id.clone(),
            worker: thread::current().id(),
        }
    }

    fn entry<'a>(&self, table: &'a mut HashTable<(Self, Writers)>) -> Entry<'a, (Self, Writers)> {
        table.entry(self.hash(), |(key, _)| key == self, |(key, _)| key.hash())
    }

    /// A part of the id, which is random.
    fn hash(&self) -> u64 {
        let [hash @ .., _, _, _, _, _, _, _, _] = *self.id.as_bytes();
        u64::from_ne_bytes(hash)
    }
}

/// A request in a queue. It leaves when this is dropped.
pub(super) struct Member<'a> {
    queues: &'a Queues,
    key: QueueKey,
    queue: Arc<Mutex<Queue>>,
    job: Arc<Job>,
}

impl Member<'_> {
    pub(super) fn base(&self) -> &Stored {
        &self.job.base
    }

    /// The update that the changes of the request are in.
    pub(super) fn attempt(&self) -> Arc<SharedAttempt> {
        Arc::clone(&self.job.attempt)
    }

    /// The next step of the request. If the leader is still the one of the term `stalled`, this request replaces it.
    pub(super) fn next_step(&self, stalled: Option<u64>) -> Step {
        let mut queue = locked(&self.queue);
        if let Some(outcome) = locked(&self.job.outcome).take() {
            return Step::Done(outcome);
        }
        let is_led = !matches!(queue.leader, Leader::Nobody);
        if is_led && (stalled != Some(queue.terms) || queue.is_preparing()) {
            return Step::Wait(queue.terms);
        }
        queue.replace_leader(Leader::Member(Arc::clone(&self.job)));
        match &queue.batch {
            Some(batch) => {
                locked(&batch.state).is_repeated = true;
                Step::Repeat(Arc::clone(batch))
            }
            None => Step::Lead(queue.newest.clone()),
        }
    }

    /// Waits until the request may have another step to take, but no longer than `at_most`. Returns whether it was
    /// woken in time.
    pub(super) async fn wait_until_woken(&self, at_most: Duration) -> bool {
        let woken = timeout::within(at_most, self.job.woken.notified());
        woken.await.is_ok()
    }

    /// Runs `operation`, and stops it if another request settles the job first: then the result is `None`.
    pub(super) async fn unless_done<T>(&self, operation: impl Future<Output = T>) -> Option<T> {
        let mut operation = std::pin::pin!(operation);
        // A leader whose own changes did not fit still stores those of the others.
        let was_settled = locked(&self.job.outcome).is_some();
        loop {
            tokio::select! {
                biased;
                done = &mut operation => return Some(done),
                () = self.job.woken.notified() => {
                    if !was_settled && locked(&self.job.outcome).is_some() {
                        return None;
                    }
                }
            }
        }
    }

    /// Takes jobs from the front of the queue as a batch, for an update of `onto`: all before the first one that needs
    /// an update of its own, or that one alone. `None` if another request has become the leader.
    ///
    /// If `onto` has not just been loaded (`is_loaded`), another server may have renewed the session, and a job may come
    /// from a request that opened the renewed session. The session has to be loaded first then: the result is `None`.
    pub(super) fn claim(
        &self,
        onto: &Arc<Stored>,
        is_loaded: bool,
    ) -> Option<(Arc<Batch>, Vec<Arc<Job>>)> {
        let mut queue = locked(&self.queue);
        if !queue.is_led_by(&self.job) {
            return None;
        }
        let is_of_another_epoch = |job: &Arc<Job>| job.base.record.epoch != onto.record.epoch;
        if !is_loaded && queue.waiting.iter().any(is_of_another_epoch) {
            queue.newest = None;
            queue.step_down(&self.job);
            return None;
        }
        let together = (queue.waiting.iter().position(|job| job.needs_own_update()))
            .map_or(queue.waiting.len(), |first| first.max(1));
        let batch = Arc::new(Batch {
            version: Version::generate(),
            state: Mutex::default(),
        });
        let jobs: Vec<_> = queue.waiting.drain(..together).collect();
        for job in &jobs {
            job.attempt.set(batch.version, onto);
        }
        queue.batch = Some(Arc::clone(&batch));
        Some((batch, jobs))
    }

    /// Publishes the update of a batch with these jobs.
    pub(super) fn publish(&self, batch: &Batch, jobs: Vec<Arc<Job>>, update: Arc<PreparedUpdate>) {
        let _queue = locked(&self.queue);
        let mut state = locked(&batch.state);
        state.jobs = jobs;
        state.update = Some(update);
    }

    /// Settles all jobs that wait: the session is missing.
    pub(super) fn end_all(&self) {
        let mut queue = locked(&self.queue);
        for job in queue.waiting.drain(..) {
            job.settle(JobOutcome::Ended);
        }
        queue.step_down(&self.job);
    }

    /// Lets another request lead. If there is an update in flight, that request repeats it.
    pub(super) fn step_down(&self) {
        locked(&self.queue).step_down(&self.job);
    }

    /// Settles the jobs of `batch` by the reply to its update, unless another request has done so.
    pub(super) fn finish(&self, batch: &Arc<Batch>, reply: UpdateReply) {
        let mut queue = locked(&self.queue);
        let finished = queue.batch.take_if(|it| Arc::ptr_eq(it, batch));
        if let Some(batch) = &finished {
            queue.settle(&locked(&batch.state), reply);
        }
        queue.step_down(&self.job);
        // The lock is released first: `finished` may hold the last copy of a closure, whose drop runs application code.
        drop(queue);
    }
}

impl Queue {
    fn led_by(leader: Leader) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            leader,
            ..Self::default()
        }))
    }

    fn is_led_by(&self, job: &Arc<Job>) -> bool {
        matches!(&self.leader, Leader::Member(leader) if Arc::ptr_eq(leader, job))
    }

    fn replace_leader(&mut self, leader: Leader) {
        self.leader = leader;
        self.terms += 1;
    }

    /// Whether the leader still replays changes. Another request has no update to repeat then.
    fn is_preparing(&self) -> bool {
        let batch = self.batch.as_ref();
        batch.is_some_and(|batch| locked(&batch.state).update.is_none())
    }

    fn settle(&mut self, state: &BatchState, reply: UpdateReply) {
        if !matches!(reply, UpdateReply::NotSent) {
            self.newest = None;
        }
        match reply {
            // The first request to send it may have succeeded.
            UpdateReply::Conflict | UpdateReply::Gone if state.is_repeated => {
                state.jobs.iter().for_each(|job| job.give_up());
            }
            UpdateReply::Stored(stored) => {
                for job in &state.jobs {
                    let own = Stored {
                        secret: job.renewal.map_or(job.base.secret, |it| Some(it.secret)),
                        ..(*stored).clone()
                    };
                    job.settle(JobOutcome::Stored(Arc::new(own)));
                }
                self.newest = Some(stored);
            }
            UpdateReply::Gone => {
                for job in &state.jobs {
                    job.settle(JobOutcome::Ended);
                }
            }
            UpdateReply::Conflict | UpdateReply::NotSent => {
                // To a request that has left, the outcome stays unknown.
                let stayed = |job: &&Arc<Job>| !job.has_left.load(Ordering::Relaxed);
                for job in state.jobs.iter().filter(stayed).rev() {
                    job.attempt.clear();
                    self.waiting.push_front(Arc::clone(job));
                }
            }
        }
    }

    /// Lets another request lead, if the request of `job` is the leader.
    fn step_down(&mut self, job: &Arc<Job>) {
        if self.is_led_by(job) {
            self.replace_leader(Leader::Nobody);
            self.wake_next();
        }
    }

    /// Wakes a request that may lead.
    fn wake_next(&self) {
        let in_flight = self.batch.as_ref().and_then(|batch| {
            let state = locked(&batch.state);
            let mut jobs = state.jobs.iter();
            jobs.find(|job| !job.has_left.load(Ordering::Relaxed))
                .cloned()
        });
        if let Some(job) = in_flight.as_ref().or_else(|| self.waiting.front()) {
            job.woken.notify_one();
        }
    }
}

impl Job {
    /// Whether the job is stored in an update of its own, because it replaces the secret.
    pub(super) fn needs_own_update(&self) -> bool {
        self.renewal.is_some() || self.base.promotes
    }

    /// Sets an outcome that tells whether the changes are stored.
    pub(super) fn settle(&self, outcome: JobOutcome) {
        self.attempt.clear();
        *locked(&self.outcome) = Some(outcome);
        self.woken.notify_one();
    }

    /// Sets the outcome [`Unknown`](JobOutcome::Unknown). The attempt stays, because it may have been stored.
    fn give_up(&self) {
        *locked(&self.outcome) = Some(JobOutcome::Unknown);
        self.woken.notify_one();
    }
}

impl Batch {
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// The update, once it is published.
    pub(super) fn update(&self) -> Option<Arc<PreparedUpdate>> {
        locked(&self.state).update.clone()
    }
}

/// A request that waits takes its changes back. An update in flight goes on.
impl Drop for Member<'_> {
    fn drop(&mut self) {
        let mut table = locked(&self.queues.0);
        let mut queue = locked(&self.queue);
        self.job.has_left.store(true, Ordering::Relaxed);
        queue.waiting.retain(|job| !Arc::ptr_eq(job, &self.job));
        queue.members -= 1;
        if queue.members > 0 {
            match queue.leader {
                // It may have been woken to lead.
                Leader::Nobody => queue.wake_next(),
                _ => queue.step_down(&self.job),
            }
        } else if let Entry::Occupied(mut occupied) = self.key.entry(&mut table) {
            match queue.leader {
                Leader::Direct(version) => occupied.get_mut().1 = Writers::Direct(version),
                _ => drop(occupied.remove()),
            }
        }
    }
}
