//! [`Member`]: a request in a queue.

use std::{
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::{
    job::{Batch, Job, JobOutcome, PreparedUpdate, UpdateReply},
    locked,
    queue::{Leader, Queue},
    table::{WriterKey, WriterTable},
};
use crate::{
    clock,
    session::machine::{SharedAttempt, Stored},
    storage::Version,
    telemetry,
};

/// The next step of a request in the queue.
pub(super) enum NextStep {
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
    pub(super) writers: &'a WriterTable,
    pub(super) key: WriterKey,
    pub(super) queue: Arc<Mutex<Queue>>,
    pub(super) job: Arc<Job>,
}

impl Member<'_> {
    pub(super) fn base(&self) -> &Stored {
        &self.job.base
    }

    /// The number of requests that have joined the queue.
    pub(super) fn joined(&self) -> u64 {
        locked(&self.queue).joined
    }

    /// The update that the changes of the request are in.
    pub(super) fn attempt(&self) -> Arc<SharedAttempt> {
        Arc::clone(&self.job.attempt)
    }

    /// The next step of the request. If the leader is still the one of the term `stalled`, this request replaces it.
    pub(super) fn next_step(&self, stalled: Option<u64>) -> NextStep {
        let mut queue = locked(&self.queue);
        if let Some(outcome) = self.job.take_outcome() {
            return NextStep::Done(outcome);
        }
        let is_led = !matches!(queue.leader, Leader::Vacant);
        if is_led && (stalled != Some(queue.term) || queue.is_preparing()) {
            return NextStep::Wait(queue.term);
        }
        queue.replace_leader(Leader::Member(Arc::clone(&self.job)));
        match &queue.batch {
            Some(batch) => {
                locked(&batch.state).is_repeated = true;
                NextStep::Repeat(Arc::clone(batch))
            }
            None => NextStep::Lead(queue.newest.clone()),
        }
    }

    /// Waits until the request may have another step to take, but no longer than `at_most`. Returns whether it was
    /// woken in time.
    pub(super) async fn wait_until_woken(&self, at_most: Duration) -> bool {
        let woken = clock::within(at_most, self.job.woken());
        woken.await.is_ok()
    }

    /// Runs `operation`, and stops it if another request settles the job first: then the result is `None`.
    pub(super) async fn unless_done<T>(&self, operation: impl Future<Output = T>) -> Option<T> {
        let mut operation = pin!(operation);
        // A leader whose own changes did not fit still stores those of the others.
        let was_settled = self.job.is_settled();
        loop {
            tokio::select! {
                biased;
                done = &mut operation => return Some(done),
                () = self.job.woken() => {
                    if !was_settled && self.job.is_settled() {
                        return None;
                    }
                    // It may have been woken to lead, and is busy.
                    locked(&self.queue).wake_another(&self.job);
                }
            }
        }
    }

    /// Takes jobs from the front of the queue as a batch, for an update of `onto`: all before the first one that needs
    /// an update of its own, or that one alone. `None` if another request has become the leader and prepares or sends an
    /// update. A leader whose load took long enough to be replaced goes on otherwise: its successor only loads as well.
    ///
    /// `onto` was loaded when `loaded_after` requests had joined the queue; `None` if it was not loaded. Another server may have
    /// renewed the session since. A later job with another epoch may come from a request that opened the renewed session. Then
    /// the session has to be loaded again, and the result is `None`.
    pub(super) fn claim(
        &self,
        onto: &Arc<Stored>,
        loaded_after: Option<u64>,
    ) -> Option<(Arc<Batch>, Vec<Arc<Job>>)> {
        let mut queue = locked(&self.queue);
        if !queue.is_led_by(&self.job) {
            if loaded_after.is_none() || queue.batch.is_some() {
                return None;
            }
            queue.replace_leader(Leader::Member(Arc::clone(&self.job)));
        }
        let may_be_newer = |job: &Arc<Job>| {
            job.base.record.epoch != onto.record.epoch
                && loaded_after.is_none_or(|joined| job.number >= joined)
        };
        if queue.waiting.iter().any(may_be_newer) {
            queue.newest = None;
            queue.step_down(&self.job);
            return None;
        }
        let together = (queue.waiting.iter().position(|job| job.renewal.is_some()))
            .map_or(queue.waiting.len(), |first| first.max(1));
        let batch = Arc::new(Batch {
            version: Version::generate(),
            state: Mutex::default(),
        });
        let jobs: Vec<_> = queue.waiting.drain(..together).collect();
        locked(&batch.state).jobs.clone_from(&jobs);
        queue.batch = Some(Arc::clone(&batch));
        Some((batch, jobs))
    }

    /// Publishes the update of a batch with these jobs, unless one of their requests has left: that one takes its
    /// changes back, and the update must not contain them. Returns whether the update is published.
    pub(super) fn publish(
        &self,
        batch: &Batch,
        jobs: &[Arc<Job>],
        update: Arc<PreparedUpdate>,
    ) -> bool {
        let mut queue = locked(&self.queue);
        if jobs.iter().any(|job| job.has_left()) {
            return false;
        }
        for job in jobs {
            job.attempt.set(batch.version, &update.onto);
        }
        // Waiting requests give the update a quarter of the timeout, counted from now.
        queue.term += 1;
        let mut state = locked(&batch.state);
        state.jobs = jobs.to_vec();
        state.update = Some(update);
        true
    }

    /// The batch that this request prepares.
    fn own_unpublished_batch(&self) -> Option<Arc<Batch>> {
        let queue = locked(&self.queue);
        let is_preparing = queue.is_led_by(&self.job) && queue.is_preparing();
        queue.batch.clone().filter(|_| is_preparing)
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
        let is_stored = matches!(reply, UpdateReply::Stored(_));
        let mut queue = locked(&self.queue);
        let finished = queue.batch.take_if(|it| Arc::ptr_eq(it, batch));
        if let Some(batch) = &finished {
            queue.settle(&locked(&batch.state), reply);
        }
        queue.step_down(&self.job);
        // The lock is released first: `finished` may hold the last copy of a closure, whose drop runs application code.
        drop(queue);
        if let Some(batch) = finished.filter(|_| is_stored) {
            let requests = locked(&batch.state).jobs.len();
            telemetry::writes_combined(requests);
        }
    }
}

/// Removes the changes of the request unless an update has them. Another request completes that update.
impl Drop for Member<'_> {
    fn drop(&mut self) {
        // Only if the request panics while it prepares an update. The other jobs in it wait again.
        if let Some(batch) = self.own_unpublished_batch() {
            self.finish(&batch, UpdateReply::NotSent);
        }
        self.writers.leave(&self.key, &self.queue, &self.job);
    }
}
