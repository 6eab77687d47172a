//! Combining writers: the changes of several requests are stored in one update.
//!
//! Each worker has its own queues, so a worker that is blocked delays no other one.
//!
//! - **The update is published before it is sent.** If the leader is dropped, if its update fails, or if it takes a
//!   quarter of the store timeout, the next request repeats *the same* update, which the store recognizes by its
//!   version. A request that waited for an earlier leader waits for half of the timeout in all. A conflict of a
//!   repeated update is unknown to all requests in it, because the first attempt may have been stored.
//! - **A direct update is not published.** If it fails or hangs, the next request loads the session, and the versions
//!   decide.
//! - **A renewal is stored in a separate update**, so that no request before it gets its secret. Requests after it are
//!   superseded.
//! - **A purge does not queue.**
//! - **Changes that can't be replayed, or that make the state too large, fail alone.** If a request is dropped while
//!   it waits, its changes are withdrawn. If its changes are in flight, their outcome is unknown.

mod job;
mod member;
mod queue;
mod table;

use std::{pin::pin, sync::Arc, time::Duration};

pub(super) use self::table::WriterTable;
use self::{
    job::{Batch, Job, JobOutcome, PreparedUpdate, UpdateReply},
    member::{Member, NextStep},
    table::locked,
};
use super::{Engine, action::Performed, reload::newer};
use crate::{
    error::CommitError,
    session::{
        Flush,
        machine::{InFlight, Renewal, Stored},
    },
    storage::{SessionStore, UpdateOutcome},
    telemetry,
};

/// The number of conflicts after which a request gives up. Each conflict means that a request of another worker or
/// server succeeded. The store timeout bounds the total time.
const MAX_CONFLICTS: u32 = 100;

impl<S: SessionStore> Engine<S> {
    /// Stores the changes of a request whose update conflicted or would conflict, together with those of all requests
    /// of this worker that wait for the same session. `base` is the session as the request loaded it.
    pub(super) async fn combine(
        &self,
        flush: &mut Flush<'_>,
        base: Arc<Stored>,
        renewal: Option<Renewal>,
    ) -> Result<Performed, CommitError> {
        let work = flush.work();
        let extends = work.extends_life;
        let job = Job::new(Arc::clone(&base), work.journal.clone(), renewal, extends);
        let outcome = {
            let member = self.writers.join(job);
            let driving = pin!(self.drive(&member));
            let attempt = member.attempt();
            flush.in_flight = InFlight::Shared { attempt, renewal };
            driving.await?
        };
        match outcome {
            JobOutcome::Stored(stored) => {
                let cookie = self.cookie_of_change(&base.record, &stored, renewal, extends);
                Ok(Performed::Stored(stored, cookie))
            }
            JobOutcome::Superseded if renewal.is_some() => {
                self.create_replacement(flush, &base).await
            }
            JobOutcome::Superseded => Self::superseded(flush),
            JobOutcome::Ended => self.ended(flush).await,
            JobOutcome::Refused(refusal) => Self::refused(flush, refusal),
            JobOutcome::Failed(error) => Err(error),
            JobOutcome::Unknown => Err(CommitError::Unknown),
        }
    }

    /// Leads the queue, or waits for another leader, until the outcome of the member's job is known.
    async fn drive(&self, member: &Member<'_>) -> Result<JobOutcome, CommitError> {
        let leader_timeout = self.settings.store_timeout / 4;
        let mut stalled = None;
        let mut conflicts = 0;
        loop {
            match member.next_step(stalled.take()) {
                NextStep::Done(outcome) => return Ok(outcome),
                NextStep::Lead(newest) => self.lead(member, newest, &mut conflicts).await?,
                NextStep::Repeat(batch) => self.send(member, &batch, &mut conflicts).await?,
                NextStep::Wait(term) => {
                    if !member.wait_until_woken(leader_timeout).await {
                        stalled = Some(term);
                    }
                }
            }
        }
    }

    /// Stores a batch on the newest session.
    async fn lead(
        &self,
        member: &Member<'_>,
        newest: Option<Arc<Stored>>,
        conflicts: &mut u32,
    ) -> Result<(), CommitError> {
        let (newest, loaded_after) = match newest {
            Some(newest) => (newest, None),
            None => {
                back_off(*conflicts).await;
                let joined = member.joined();
                let base = member.base();
                match member.unless_done(self.load_current(base)).await {
                    None => return Ok(()),
                    Some(loaded) => match loaded? {
                        None => {
                            member.end_all();
                            return Ok(());
                        }
                        Some(current) => (Arc::new(newer(base, current)), Some(joined)),
                    },
                }
            }
        };
        match self.prepare(member, newest, loaded_after) {
            Some(batch) => self.send(member, &batch, conflicts).await,
            None => Ok(()),
        }
    }

    /// Replays the changes of the waiting jobs on `newest`, and publishes the update. `loaded_after` is as in
    /// [`claim`](Member::claim).
    ///
    /// It runs closures, so it must not be called under a lock. A job whose changes can't be replayed fails alone.
    fn prepare(
        &self,
        member: &Member<'_>,
        newest: Arc<Stored>,
        loaded_after: Option<u64>,
    ) -> Option<Arc<Batch>> {
        let (batch, mut jobs) = member.claim(&newest, loaded_after)?;
        loop {
            let Some((update, included)) = self.replay_jobs(&newest, jobs) else {
                member.finish(&batch, UpdateReply::NotSent);
                return None;
            };
            if member.publish(&batch, &included, Arc::new(update)) {
                return Some(batch);
            }
            jobs = included;
            jobs.retain(|job| !job.has_left());
        }
    }

    /// The update of `newest` with the changes of `jobs`, and the jobs that it contains; `None` if it contains none. The
    /// others are settled.
    fn replay_jobs(
        &self,
        newest: &Arc<Stored>,
        jobs: Vec<Arc<Job>>,
    ) -> Option<(PreparedUpdate, Vec<Arc<Job>>)> {
        let mut payload = newest.record.payload();
        let mut included = Vec::new();
        let mut onto = Arc::clone(newest);
        let mut renewal = None;
        let mut extends = false;
        for job in jobs {
            if job.base.record.epoch != onto.record.epoch {
                job.settle(JobOutcome::Superseded);
                continue;
            }
            match self.replayed(&payload, |payload| job.journal.replay(payload)) {
                Ok(replayed) => {
                    payload = replayed;
                    extends |= job.extends_life;
                    if job.renewal.is_some() || self.promotes(&job.base, &onto) {
                        renewal = job.renewal;
                        onto = Arc::new(onto.presented_as(&job.base));
                    }
                    included.push(job);
                }
                Err(error) => job.settle(JobOutcome::Failed(error)),
            }
        }
        if included.is_empty() {
            return None;
        }
        let record = self.next_record(&onto, payload, renewal, extends);
        Some((PreparedUpdate { onto, record }, included))
    }

    /// Sends the update of a batch, and settles its jobs by the reply.
    async fn send(
        &self,
        member: &Member<'_>,
        batch: &Arc<Batch>,
        conflicts: &mut u32,
    ) -> Result<(), CommitError> {
        let Some(update) = batch.update() else {
            return Ok(());
        };
        let sending = self.update_stored(&update.onto, &update.record, batch.version);
        let Some(reply) = member.unless_done(sending).await else {
            return Ok(());
        };
        match reply {
            Ok(UpdateOutcome::Updated) => {
                let record = update.record.clone();
                let stored = update.onto.updated(batch.version, record);
                member.finish(batch, UpdateReply::Stored(Arc::new(stored)));
            }
            Ok(UpdateOutcome::Conflict) => {
                telemetry::conflict();
                member.finish(batch, UpdateReply::Conflict);
                *conflicts += 1;
                if *conflicts >= MAX_CONFLICTS {
                    return Err(CommitError::Contention {
                        attempts: MAX_CONFLICTS,
                    });
                }
            }
            Ok(UpdateOutcome::Missing) => member.finish(batch, UpdateReply::Missing),
            Ok(UpdateOutcome::Refused(refusal)) => {
                member.finish(batch, UpdateReply::Refused(refusal));
            }
            Err(error) => {
                // Only this request fails. If the update may have happened, also when another request sent it, the next
                // leader repeats it.
                match error.may_have_happened() || batch.is_repeated() {
                    true => member.step_down(),
                    false => member.finish(batch, UpdateReply::NotSent),
                }
                return Err(error.into());
            }
        }
        Ok(())
    }
}

/// Backs off before another attempt: exponentially and with jitter, so that requests that conflicted do not conflict
/// again.
async fn back_off(conflicts: u32) {
    const CONFLICTS_WITHOUT_PAUSE: u32 = 3;
    /// The longest pause between two attempts.
    const MAX_PAUSE: Duration = Duration::from_millis(16);
    let Some(exponent @ 1..) = conflicts.checked_sub(CONFLICTS_WITHOUT_PAUSE) else {
        return;
    };
    let longest = Duration::from_millis(1 << exponent.min(10)).min(MAX_PAUSE);
    tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
}
