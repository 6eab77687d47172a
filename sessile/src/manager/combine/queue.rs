//! [`Queue`]: the requests of one worker that store changes of one session, in the order of their arrival.
//!
//! One of them leads: it takes the jobs that wait as a [`Batch`], and stores them in one update. The batch stays here until
//! its outcome is known, so that another request can repeat the same update if the leader is dropped or hangs.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use super::{
    job::{Batch, BatchState, Job, JobOutcome, PreparedUpdate, UpdateReply},
    table::{QueueKey, Queues, locked},
};
use crate::{
    session::machine::{SharedAttempt, Stored},
    storage::Version,
    timeout,
};

#[derive(Default)]
pub(super) struct Queue {
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
pub(super) enum Leader {
    #[default]
    Vacant,
    /// A request that sent this version before there was a queue.
    Direct(Version),
    /// The member with this job.
    Member(Arc<Job>),
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

/// A request in a queue. It leaves when this is dropped.
pub(super) struct Member<'a> {
    pub(super) queues: &'a Queues,
    pub(super) key: QueueKey,
    pub(super) queue: Arc<Mutex<Queue>>,
    pub(super) job: Arc<Job>,
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
        let is_led = !matches!(queue.leader, Leader::Vacant);
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
    pub(super) fn led_by(leader: Leader) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            leader,
            ..Self::default()
        }))
    }

    pub(super) fn join(&mut self, job: &Arc<Job>) {
        self.members += 1;
        self.waiting.push_back(Arc::clone(job));
    }

    /// Removes the request of `job`, and lets another one lead if that was the leader. Returns whether the queue is empty.
    pub(super) fn leave(&mut self, job: &Arc<Job>) -> bool {
        job.has_left.store(true, Ordering::Relaxed);
        self.waiting.retain(|it| !Arc::ptr_eq(it, job));
        self.members -= 1;
        if self.members == 0 {
            return true;
        }
        match self.leader {
            // It may have been woken to lead.
            Leader::Vacant => self.wake_next(),
            _ => self.step_down(job),
        }
        false
    }

    /// The version that a direct update sends, if the queue waits for one.
    pub(super) fn direct_update(&self) -> Option<Version> {
        match self.leader {
            Leader::Direct(version) => Some(version),
            _ => None,
        }
    }

    /// Ends the wait for a direct update, which stored the session as this if it succeeded.
    pub(super) fn finish_direct(&mut self, stored: Option<Arc<Stored>>) {
        self.newest = stored;
        self.replace_leader(Leader::Vacant);
        self.wake_next();
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
            self.replace_leader(Leader::Vacant);
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

/// A request that waits takes its changes back. An update in flight goes on.
impl Drop for Member<'_> {
    fn drop(&mut self) {
        self.queues.leave(&self.key, &self.queue, &self.job);
    }
}
