//! [`Queues`]: the requests of one worker that store changes of the same session, in the order of their arrival.
//!
//! A request joins the queue with a [`Job`]. One of the requests in the queue leads: it takes the jobs that wait as a
//! [`Batch`], and stores them in one update. The batch stays here until its outcome is known, so that another request
//! can repeat the same update if the leader is dropped or does not go on.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, ThreadId},
    time::Duration,
};

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

/// The queues of an engine. Only time depends on them: the store decides which write wins.
#[derive(Default)]
pub(in crate::manager) struct Queues {
    queues: Mutex<HashMap<Place, Arc<Mutex<Queue>>>>,
    /// The number of queues, readable without the mutex. Usually there are none.
    len: AtomicUsize,
}

/// Each worker has queues of its own, so that a worker that is blocked delays no other one.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Place {
    id: SessionId,
    worker: ThreadId,
}

#[derive(Default)]
struct Queue {
    /// The number of requests that are here.
    members: usize,
    waiting: VecDeque<Arc<Job>>,
    /// The jobs whose update is being prepared or is on its way.
    batch: Option<Arc<Batch>>,
    leader: Option<Arc<Job>>,
    /// Counts the changes of the leader.
    terms: u64,
    /// The session as the last batch stored it.
    newest: Option<Arc<Stored>>,
}

/// The changes of one request.
pub(super) struct Job {
    /// The session as the request loaded it.
    pub(super) base: Arc<Stored>,
    pub(super) journal: Journal,
    pub(super) renewal: Option<Renewal>,
    /// The update that the changes are in, for the request if it is dropped.
    attempt: Arc<SharedAttempt>,
    outcome: Mutex<Option<Outcome>>,
    has_left: AtomicBool,
    woken: Notify,
}

/// What became of the changes of a job.
pub(super) enum Outcome {
    /// They are stored, and the session is now as this.
    Stored(Arc<Stored>),
    /// Another request ended the session.
    Ended,
    /// Another request renewed the session.
    Superseded,
    /// They can't be stored.
    Failed(CommitError),
    /// It is not known whether they are stored.
    Unknown,
}

/// Jobs that are stored in one update.
pub(super) struct Batch {
    version: Version,
    onto: Arc<Stored>,
    content: Mutex<Content>,
}

#[derive(Default)]
struct Content {
    jobs: Vec<Arc<Job>>,
    /// `None` while the update is being prepared.
    update: Option<Arc<Update>>,
    /// Whether a second request has sent it, so that a conflict may be with the first.
    is_repeated: bool,
}

/// An update of the stored session.
pub(super) struct Update {
    pub(super) onto: Arc<Stored>,
    pub(super) record: Record,
    pub(super) version: Version,
}

/// How the store answered an update.
pub(super) enum Answer {
    Stored(Arc<Stored>),
    Conflict,
    /// The session is missing, or the update was refused.
    Gone,
    /// The update was not sent.
    NotSent,
}

/// What a request in the queue does next.
pub(super) enum Turn {
    Done(Outcome),
    /// Store a new batch, on the newest session that is known.
    Lead(Option<Arc<Stored>>),
    /// Send the update of a batch whose leader has left or does not go on.
    Repeat(Arc<Batch>),
    /// Wait for the leader of this term.
    Wait(u64),
}

impl Queues {
    /// Whether a request of this worker stores changes of this session.
    pub(in crate::manager) fn is_busy(&self, id: &SessionId) -> bool {
        self.len.load(Ordering::Relaxed) > 0 && self.queues().contains_key(&Place::of(id))
    }

    /// Queues the changes in `journal`, and the `renewal`, of a request that loaded the session as `base`.
    pub(super) fn join(
        &self,
        base: Arc<Stored>,
        journal: Journal,
        renewal: Option<Renewal>,
    ) -> Member<'_> {
        let place = Place::of(&base.id);
        let job = Arc::new(Job {
            base,
            journal,
            renewal,
            attempt: Arc::default(),
            outcome: Mutex::new(None),
            has_left: AtomicBool::new(false),
            woken: Notify::new(),
        });
        let mut queues = self.queues();
        let queue = Arc::clone(queues.entry(place.clone()).or_default());
        self.len.store(queues.len(), Ordering::Relaxed);
        {
            let mut queue = locked(&queue);
            queue.members += 1;
            queue.waiting.push_back(Arc::clone(&job));
        }
        Member {
            queues: self,
            place,
            queue,
            job,
        }
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<Place, Arc<Mutex<Queue>>>> {
        locked(&self.queues)
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Place {
    fn of(id: &SessionId) -> Self {
        Self {
            id: id.clone(),
            worker: thread::current().id(),
        }
    }
}

/// A request in a queue. It leaves when this is dropped.
pub(super) struct Member<'a> {
    queues: &'a Queues,
    place: Place,
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

    /// What the request does next. The leader of the term `stalled` is replaced.
    pub(super) fn turn(&self, stalled: Option<u64>) -> Turn {
        let mut queue = locked(&self.queue);
        if let Some(outcome) = locked(&self.job.outcome).take() {
            return Turn::Done(outcome);
        }
        if queue.leader.is_some() && (stalled != Some(queue.terms) || queue.is_preparing()) {
            return Turn::Wait(queue.terms);
        }
        queue.leader = Some(Arc::clone(&self.job));
        queue.terms += 1;
        match &queue.batch {
            Some(batch) => {
                locked(&batch.content).is_repeated = true;
                Turn::Repeat(Arc::clone(batch))
            }
            None => Turn::Lead(queue.newest.clone()),
        }
    }

    /// Waits until the request may have something to do, but no longer than `at_most`. Returns whether it may.
    pub(super) async fn is_woken(&self, at_most: Duration) -> bool {
        let woken = timeout::within(at_most, self.job.woken.notified());
        woken.await.is_ok()
    }

    /// What `operation` comes to, unless another request finds out the outcome of the changes first.
    pub(super) async fn unless_done<T>(&self, operation: impl Future<Output = T>) -> Option<T> {
        let mut operation = std::pin::pin!(operation);
        loop {
            tokio::select! {
                biased;
                done = &mut operation => return Some(done),
                () = self.job.woken.notified() => {
                    if locked(&self.job.outcome).is_some() {
                        return None;
                    }
                }
            }
        }
    }

    /// Takes the jobs that wait as a batch, for an update of `onto`: all up to the first one that is stored alone, or
    /// that one. `None` if another request leads by now.
    ///
    /// If `onto` was not `loaded` just now, another server may have renewed the session, and a job may come from a
    /// request that opened it after that. Then the session has to be loaded first.
    pub(super) fn claim(
        &self,
        onto: &Arc<Stored>,
        loaded: bool,
    ) -> Option<(Arc<Batch>, Vec<Arc<Job>>)> {
        let mut queue = locked(&self.queue);
        if !queue.is_led_by(&self.job) {
            return None;
        }
        let is_of_another_epoch = |job: &Arc<Job>| job.base.record.epoch != onto.record.epoch;
        if !loaded && queue.waiting.iter().any(is_of_another_epoch) {
            queue.newest = None;
            queue.step_down(&self.job);
            return None;
        }
        let together = (queue.waiting.iter().position(|job| job.is_alone()))
            .map_or(queue.waiting.len(), |first| first.max(1));
        let batch = Arc::new(Batch {
            version: Version::generate(),
            onto: Arc::clone(onto),
            content: Mutex::default(),
        });
        let jobs: Vec<_> = queue.waiting.drain(..together).collect();
        for job in &jobs {
            job.attempt.set(batch.version, &batch.onto);
        }
        queue.batch = Some(Arc::clone(&batch));
        Some((batch, jobs))
    }

    /// Publishes the update of a batch with these jobs.
    pub(super) fn publish(&self, batch: &Batch, jobs: Vec<Arc<Job>>, update: Arc<Update>) {
        let _queue = locked(&self.queue);
        let mut content = locked(&batch.content);
        content.jobs = jobs;
        content.update = Some(update);
    }

    /// The session is missing: all jobs that wait have this outcome.
    pub(super) fn end_all(&self) {
        let mut queue = locked(&self.queue);
        for job in queue.waiting.drain(..) {
            job.settle(Outcome::Ended);
        }
        queue.step_down(&self.job);
    }

    /// Lets another request lead. It repeats the update of this one, if there is one.
    pub(super) fn step_down(&self) {
        locked(&self.queue).step_down(&self.job);
    }

    /// Takes in the answer to the update of `batch`, unless another request has.
    pub(super) fn finish(&self, batch: &Arc<Batch>, answer: Answer) {
        let mut queue = locked(&self.queue);
        let finished = queue.batch.take_if(|it| Arc::ptr_eq(it, batch));
        if let Some(batch) = &finished {
            queue.settle(&locked(&batch.content), answer);
        }
        queue.step_down(&self.job);
        // The jobs may hold the last copy of a closure, which is dropped without the lock.
        drop(queue);
    }
}

impl Queue {
    fn is_led_by(&self, job: &Arc<Job>) -> bool {
        (self.leader.as_ref()).is_some_and(|leader| Arc::ptr_eq(leader, job))
    }

    /// Whether the leader replays changes, so that there is nothing that another request could repeat.
    fn is_preparing(&self) -> bool {
        let batch = self.batch.as_ref();
        batch.is_some_and(|batch| locked(&batch.content).update.is_none())
    }

    fn settle(&mut self, content: &Content, answer: Answer) {
        if !matches!(answer, Answer::NotSent) {
            self.newest = None;
        }
        match answer {
            // The first request to send it may have succeeded.
            Answer::Conflict | Answer::Gone if content.is_repeated => {
                content.jobs.iter().for_each(|job| job.give_up());
            }
            Answer::Stored(stored) => {
                for job in &content.jobs {
                    let own = Stored {
                        secret: job.renewal.map_or(job.base.secret, |it| Some(it.secret)),
                        ..(*stored).clone()
                    };
                    job.settle(Outcome::Stored(Arc::new(own)));
                }
                self.newest = Some(stored);
            }
            Answer::Gone => {
                for job in &content.jobs {
                    job.settle(Outcome::Ended);
                }
            }
            Answer::Conflict | Answer::NotSent => {
                // To a request that has left, the outcome stays unknown.
                let stayed = |job: &&Arc<Job>| !job.has_left.load(Ordering::Relaxed);
                for job in content.jobs.iter().filter(stayed).rev() {
                    job.attempt.clear();
                    self.waiting.push_front(Arc::clone(job));
                }
            }
        }
    }

    /// Lets another request lead, if this one does.
    fn step_down(&mut self, job: &Arc<Job>) {
        if self.is_led_by(job) {
            self.leader = None;
            self.terms += 1;
            self.wake_next();
        }
    }

    /// Wakes a request that may lead.
    fn wake_next(&self) {
        let in_flight = self.batch.as_ref().and_then(|batch| {
            let content = locked(&batch.content);
            let mut jobs = content.jobs.iter();
            jobs.find(|job| !job.has_left.load(Ordering::Relaxed))
                .cloned()
        });
        if let Some(job) = in_flight.as_ref().or_else(|| self.waiting.front()) {
            job.woken.notify_one();
        }
    }
}

impl Job {
    /// Whether it is stored in an update of its own: it replaces the secret.
    pub(super) fn is_alone(&self) -> bool {
        self.renewal.is_some() || self.base.promotes
    }

    /// The changes are known to be stored, or not to be.
    pub(super) fn settle(&self, outcome: Outcome) {
        self.attempt.clear();
        *locked(&self.outcome) = Some(outcome);
        self.woken.notify_one();
    }

    /// It stays unknown whether the changes are stored.
    fn give_up(&self) {
        *locked(&self.outcome) = Some(Outcome::Unknown);
        self.woken.notify_one();
    }
}

impl Batch {
    pub(super) fn version(&self) -> Version {
        self.version
    }

    /// The update, once it is published.
    pub(super) fn update(&self) -> Option<Arc<Update>> {
        locked(&self.content).update.clone()
    }
}

/// A request that waits takes its changes back. What is on its way goes on.
impl Drop for Member<'_> {
    fn drop(&mut self) {
        let mut queues = self.queues.queues();
        let mut queue = locked(&self.queue);
        self.job.has_left.store(true, Ordering::Relaxed);
        queue.waiting.retain(|job| !Arc::ptr_eq(job, &self.job));
        queue.members -= 1;
        if queue.members == 0 {
            queues.remove(&self.place);
            self.queues.len.store(queues.len(), Ordering::Relaxed);
        } else if queue.is_led_by(&self.job) {
            queue.step_down(&self.job);
        } else if queue.leader.is_none() {
            // It may have been woken to lead.
            queue.wake_next();
        }
    }
}
