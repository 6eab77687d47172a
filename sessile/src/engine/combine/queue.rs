//! [`Queue`]: the requests of one worker that store changes of one session, in the order of their arrival.
//!
//! One of them leads: it takes the jobs that wait as a [`Batch`], and stores them in one update. The batch stays here until
//! its outcome is known, so that another request can repeat the same update if the leader is dropped or hangs.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

use super::{
    job::{Batch, BatchState, Job, JobOutcome, UpdateReply},
    locked,
};
use crate::{session::machine::Stored, storage::Version};

#[derive(Default)]
pub(super) struct Queue {
    /// The number of requests in the queue.
    pub(super) members: usize,
    /// The number of requests that have joined it.
    pub(super) joined: u64,
    pub(super) waiting: VecDeque<Arc<Job>>,
    /// The jobs whose update is being prepared or is in flight.
    pub(super) batch: Option<Arc<Batch>>,
    pub(super) leader: Leader,
    /// Counts the changes of the leader and the updates that it publishes: those that wait for one see that another one
    /// follows it.
    pub(super) term: u64,
    /// The session as the last batch or the direct update stored it.
    pub(super) newest: Option<Arc<Stored>>,
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

impl Queue {
    pub(super) fn led_by(leader: Leader) -> Arc<Mutex<Self>> {
        Arc::new(Mutex::new(Self {
            leader,
            ..Self::default()
        }))
    }

    pub(super) fn join(&mut self, mut job: Job) -> Arc<Job> {
        job.number = self.joined;
        self.joined += 1;
        self.members += 1;
        let job = Arc::new(job);
        self.waiting.push_back(Arc::clone(&job));
        job
    }

    /// Removes the request of `job`, and lets another one lead if that was the leader. Returns whether the queue is empty.
    pub(super) fn leave(&mut self, job: &Arc<Job>) -> bool {
        job.leave();
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
    pub(super) fn direct_version(&self) -> Option<Version> {
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

    pub(super) fn is_led_by(&self, job: &Arc<Job>) -> bool {
        matches!(&self.leader, Leader::Member(leader) if Arc::ptr_eq(leader, job))
    }

    pub(super) fn replace_leader(&mut self, leader: Leader) {
        self.leader = leader;
        self.term += 1;
    }

    /// Whether the leader still replays changes. Another request has no update to repeat then.
    pub(super) fn is_preparing(&self) -> bool {
        let batch = self.batch.as_ref();
        batch.is_some_and(|batch| locked(&batch.state).update.is_none())
    }

    pub(super) fn settle(&mut self, state: &BatchState, reply: UpdateReply) {
        if !matches!(reply, UpdateReply::NotSent) {
            self.newest = None;
        }
        match reply {
            // The first request to send it may have succeeded.
            UpdateReply::Conflict | UpdateReply::Missing | UpdateReply::Refused(_)
                if state.is_repeated =>
            {
                for job in &state.jobs {
                    job.settle(JobOutcome::Unknown);
                }
            }
            UpdateReply::Stored(stored) => {
                for job in &state.jobs {
                    let mut own = stored.presented_as(&job.base);
                    if let Some(renewal) = job.renewal {
                        own.secret = Some(renewal.secret);
                    }
                    job.settle(JobOutcome::Stored(Arc::new(own)));
                }
                self.newest = Some(stored);
            }
            UpdateReply::Missing => {
                for job in &state.jobs {
                    job.settle(JobOutcome::Ended);
                }
            }
            UpdateReply::Refused(refusal) => {
                for job in &state.jobs {
                    job.settle(JobOutcome::Refused(refusal));
                }
            }
            UpdateReply::Conflict | UpdateReply::NotSent => {
                // To a request that has left, the outcome stays unknown.
                let stayed = |job: &&Arc<Job>| !job.has_left() && !job.is_settled();
                for job in state.jobs.iter().filter(stayed).rev() {
                    job.attempt.clear();
                    self.waiting.push_front(Arc::clone(job));
                }
            }
        }
    }

    /// Lets another request lead, if the request of `job` is the leader.
    pub(super) fn step_down(&mut self, job: &Arc<Job>) {
        if self.is_led_by(job) {
            self.replace_leader(Leader::Vacant);
            self.wake_next();
        }
    }

    /// Wakes a request that may lead.
    pub(super) fn wake_next(&self) {
        self.wake_first(|_| true);
    }

    /// Wakes another request than that of `busy`, if the queue has no leader.
    pub(super) fn wake_another(&self, busy: &Arc<Job>) {
        if matches!(self.leader, Leader::Vacant) {
            self.wake_first(|job| !Arc::ptr_eq(job, busy));
        }
    }

    fn wake_first(&self, may_lead: impl Fn(&Arc<Job>) -> bool) {
        let in_flight = self.batch.as_ref().and_then(|batch| {
            let state = locked(&batch.state);
            let mut jobs = state.jobs.iter();
            jobs.find(|job| !job.has_left() && may_lead(job)).cloned()
        });
        let mut waiting = self.waiting.iter();
        if let Some(job) = in_flight.or_else(|| waiting.find(|job| may_lead(job)).cloned()) {
            job.wake();
        }
    }
}
