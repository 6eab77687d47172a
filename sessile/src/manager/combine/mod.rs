//! Storing the changes of several requests in one update.

mod queue;

use std::{pin::pin, sync::Arc, time::Duration};

pub(super) use self::queue::Queues;
use self::queue::{Answer, Batch, Job, Member, Outcome, Turn, Update};
use super::{Engine, merge::newer, perform::Performed};
use crate::{
    failure::{CommitError, StateTooLargeError},
    session::{
        Flush, SessionClosedError,
        machine::{CookieDue, Renewal, Stored},
    },
    state::State,
    storage::{SessionStore, UpdateOutcome},
    telemetry,
};

/// The maximum number of updates of one request that conflict with those of other servers. Each conflict means that
/// another request succeeded. The store timeout bounds the total time.
const MAX_CONFLICTS: u32 = 100;

impl<S: SessionStore> Engine<S> {
    /// Stores the changes of a request that another one overtook, together with those of all requests of this worker
    /// that wait for the same session. `base` is the session as the request loaded it.
    pub(super) async fn combine(
        &self,
        flush: &mut Flush<'_>,
        base: Arc<Stored>,
        renewal: Option<Renewal>,
    ) -> Result<Performed, CommitError> {
        let journal = flush.work().journal.clone();
        let outcome = {
            let member = self.queues.join(Arc::clone(&base), journal, renewal);
            let taking_turns = pin!(self.take_turns(&member));
            flush
                .write_shared(member.attempt(), renewal, taking_turns)
                .await?
        };
        match outcome {
            Outcome::Stored(stored) => {
                let cookie = match renewal {
                    Some(_) => CookieDue::Issue,
                    None => self.cookie_of_change(),
                };
                Ok(Performed::Stored(stored, cookie))
            }
            Outcome::Superseded if renewal.is_some() => self.create_replacement(flush, &base).await,
            Outcome::Superseded => Ok(Performed::Refused(SessionClosedError::Superseded)),
            Outcome::Ended => Ok(Performed::Refused(SessionClosedError::Ended)),
            Outcome::Failed(error) => Err(error),
            Outcome::Unknown => Err(CommitError::Unknown),
        }
    }

    /// Leads, or waits for another request to do so, until the outcome of the member's job is known.
    async fn take_turns(&self, member: &Member<'_>) -> Result<Outcome, CommitError> {
        let patience = self.store_timeout / 4;
        let mut stalled = None;
        let mut conflicts = 0;
        loop {
            match member.turn(stalled.take()) {
                Turn::Done(outcome) => return Ok(outcome),
                Turn::Lead(newest) => self.lead(member, newest, &mut conflicts).await?,
                Turn::Repeat(batch) => self.send(member, &batch, &mut conflicts).await?,
                Turn::Wait(term) => {
                    if !member.is_woken(patience).await {
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
        let is_loaded = newest.is_none();
        let newest = match newest {
            Some(newest) => newest,
            None => {
                pause_after(*conflicts).await;
                let base = member.base();
                match member.unless_done(self.load_current(base)).await {
                    None => return Ok(()),
                    Some(loaded) => match loaded? {
                        None => {
                            member.end_all();
                            return Ok(());
                        }
                        Some(current) => Arc::new(newer(base, current)),
                    },
                }
            }
        };
        match self.prepare(member, newest, is_loaded) {
            Some(batch) => self.send(member, &batch, conflicts).await,
            None => Ok(()),
        }
    }

    /// Replays the changes of the jobs that wait on `newest`, and publishes the update.
    ///
    /// Runs closures, so it must not be called under a lock. A job whose changes can't be replayed fails alone.
    fn prepare(
        &self,
        member: &Member<'_>,
        newest: Arc<Stored>,
        is_loaded: bool,
    ) -> Option<Arc<Batch>> {
        let (batch, jobs) = member.claim(&newest, is_loaded)?;
        let mut state = newest.record.state.clone();
        let mut included = Vec::new();
        let mut onto = newest;
        let mut renewal = None;
        for job in jobs {
            if job.base.record.epoch != onto.record.epoch {
                job.settle(Outcome::Superseded);
                continue;
            }
            match self.replayed_on(&state, &job) {
                Ok(replayed) => {
                    state = replayed;
                    if job.is_alone() {
                        renewal = job.renewal;
                        onto = Arc::new(Stored {
                            secret: job.base.secret,
                            promotes: job.base.promotes,
                            ..(*onto).clone()
                        });
                    }
                    included.push(job);
                }
                Err(error) => job.settle(Outcome::Failed(error)),
            }
        }
        if included.is_empty() {
            member.finish(&batch, Answer::NotSent);
            return None;
        }
        let mut record = self.next_record(&onto, state);
        if let Some(Renewal { secret, epoch }) = &renewal {
            record.renew(secret, *epoch, self.clock.now());
        }
        let update = Update {
            onto,
            record,
            version: batch.version(),
        };
        member.publish(&batch, included, Arc::new(update));
        Some(batch)
    }

    /// `state` with the changes of `job`.
    fn replayed_on(&self, state: &State, job: &Job) -> Result<State, CommitError> {
        let mut replayed = state.clone();
        job.journal.replay(&mut replayed)?;
        let (before, after) = (state.byte_len(), replayed.byte_len());
        StateTooLargeError::check(before, after, self.max_state_bytes)?;
        Ok(replayed)
    }

    /// Sends the update of a batch, and takes in the answer.
    async fn send(
        &self,
        member: &Member<'_>,
        batch: &Arc<Batch>,
        conflicts: &mut u32,
    ) -> Result<(), CommitError> {
        let Some(update) = batch.update() else {
            return Ok(());
        };
        let sending = self.update_stored(&update.onto, &update.record, update.version);
        let Some(answer) = member.unless_done(sending).await else {
            return Ok(());
        };
        match answer {
            Ok(UpdateOutcome::Updated) => {
                let stored = Stored {
                    version: update.version,
                    record: update.record.clone(),
                    promotes: false,
                    ..(*update.onto).clone()
                };
                member.finish(batch, Answer::Stored(Arc::new(stored)));
            }
            Ok(UpdateOutcome::Conflict) => {
                telemetry::conflict();
                member.finish(batch, Answer::Conflict);
                *conflicts += 1;
                if *conflicts >= MAX_CONFLICTS {
                    return Err(CommitError::Contention {
                        attempts: MAX_CONFLICTS,
                    });
                }
            }
            Ok(UpdateOutcome::Missing | UpdateOutcome::Refused) => {
                member.finish(batch, Answer::Gone);
            }
            Err(error) => {
                // The error is this request's. If the update may have happened, the next one repeats it.
                match error.may_have_happened() {
                    true => member.step_down(),
                    false => member.finish(batch, Answer::NotSent),
                }
                return Err(error.into());
            }
        }
        Ok(())
    }
}

/// Backs off before another attempt: exponentially, and at random, so that servers that conflicted do not conflict
/// again.
async fn pause_after(conflicts: u32) {
    /// The number of conflicts without a pause.
    const PATIENT: u32 = 3;
    /// The longest pause between two attempts.
    const MAX_PAUSE: Duration = Duration::from_millis(16);
    let Some(losses @ 1..) = conflicts.checked_sub(PATIENT) else {
        return;
    };
    let longest = Duration::from_millis(1 << losses.min(10)).min(MAX_PAUSE);
    tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
}
