//! Storing the changes of a session by compare-and-swap.

use std::{pin::pin, sync::Arc, time::Duration};

use super::{Engine, merge::Merged, perform::Performed};
use crate::{
    failure::CommitError,
    record::Record,
    session::{
        Flush, SessionClosedError,
        machine::{CookieDue, InFlight, Renewal, Stored},
    },
    state::State,
    storage::{SessionStore, StoreError, UpdateOutcome, Version},
    telemetry,
};

/// The maximum number of attempts while other requests keep changing the session. Each failed attempt means that
/// another request succeeded. The store timeout bounds the total time.
const MAX_ATTEMPTS: u32 = 100;

impl<S: SessionStore> Engine<S> {
    /// Stores the changes by compare-and-swap. After a conflict it merges them with the newest stored session.
    pub(super) async fn store_changes(
        &self,
        flush: &mut Flush<'_>,
        mut stored: Arc<Stored>,
        mut renewal: Option<Renewal>,
    ) -> Result<Performed, CommitError> {
        let mut state = flush.work().state.clone();
        // Unsettled changes are first retried on the version that was loaded.
        let mut merges = flush.work().unsettled.is_none() && self.queue.is_busy(&stored.id);
        let mut head = None;
        for attempt in 1..=MAX_ATTEMPTS {
            if merges {
                match head {
                    // Boxed, since it is rare.
                    None => {
                        let queue = self.queue.wait(&stored.id, self.store_timeout / 4);
                        head = Some((stored.id.clone(), Box::pin(queue).await));
                    }
                    Some(_) => pause_before(attempt).await,
                }
                match Box::pin(self.merge(flush, &stored, &mut renewal)).await? {
                    Merged::Onto(newest, merged) => (stored, state) = (newest, merged),
                    Merged::Landed(landed) => {
                        return Ok(Performed::Stored(landed, self.cookie_of_change()));
                    }
                    Merged::Superseded if renewal.is_some() => {
                        return self.create_replacement(flush, &stored).await;
                    }
                    Merged::Superseded => {
                        return Ok(Performed::Refused(SessionClosedError::Superseded));
                    }
                    Merged::Ended => return Ok(Performed::Refused(SessionClosedError::Ended)),
                }
            }
            let mut record = self.next_record(&stored, state.clone());
            if let Some(Renewal { secret, epoch }) = &renewal {
                record.renew(secret, *epoch, self.clock.now());
            }
            let version = Version::generate();
            let write = InFlight::Update { version, renewal };
            let updated = flush
                .write(write, pin!(self.update_stored(&stored, &record, version)))
                .await?;
            match updated {
                UpdateOutcome::Updated => {
                    let secret = renewal.map_or(stored.secret, |it| Some(it.secret));
                    let cookie = match renewal {
                        Some(_) => CookieDue::Issue,
                        None => self.cookie_of_change(),
                    };
                    let updated = Stored {
                        id: stored.id.clone(),
                        secret,
                        version,
                        record,
                        promotes: false,
                    };
                    return Ok(Performed::Stored(Arc::new(updated), cookie));
                }
                UpdateOutcome::Missing | UpdateOutcome::Refused => {
                    return Ok(Performed::Refused(SessionClosedError::Ended));
                }
                UpdateOutcome::Conflict => {
                    telemetry::conflict();
                    merges = true;
                }
            }
        }
        Err(CommitError::Contention {
            attempts: MAX_ATTEMPTS,
        })
    }

    /// Replaces the record of `stored`, if the store still has its version.
    pub(super) async fn update_stored(
        &self,
        stored: &Stored,
        record: &Record,
        version: Version,
    ) -> Result<UpdateOutcome, StoreError> {
        if self.is_stateless {
            return Ok(UpdateOutcome::Updated);
        }
        let ttl = self.lifetime.ttl(record, record.used_at);
        self.store
            .update(&stored.id, stored.version, record, version, ttl)
            .await
    }

    /// The cookie that is due for a change without a renewal.
    pub(super) const fn cookie_of_change(&self) -> CookieDue {
        if self.is_stateless {
            CookieDue::Issue
        } else if self.lifetime.is_persistent() || self.lifetime.reading_extends() {
            CookieDue::Refresh
        } else {
            CookieDue::Nothing
        }
    }

    /// The record that replaces that of `stored`, last used now. Its times never move backwards.
    pub(super) fn next_record(&self, stored: &Stored, state: State) -> Record {
        let now = self.clock.now();
        let mut record = stored.record.clone();
        record.state = state;
        record.undated = false;
        record.used_at = record.used_at.max(now);
        if let (true, Some(secret)) = (stored.promotes, &stored.secret) {
            record.promote(&secret.digest(), now);
        }
        record.forget_previous(now, self.grace);
        record.ends_at = self.lifetime.ends_at(&record);
        record
    }
}

/// Backs off before another attempt: exponentially, and at random, so that requests that conflicted do not
/// conflict again. They are on other servers, or gave up waiting for the queue.
async fn pause_before(attempt: u32) {
    /// The number of attempts without a pause.
    const PATIENT: u32 = 4;
    /// The longest pause between two attempts.
    const MAX_PAUSE: Duration = Duration::from_millis(16);
    let Some(losses @ 1..) = attempt.checked_sub(PATIENT) else {
        return;
    };
    let longest = Duration::from_millis(1 << losses.min(10)).min(MAX_PAUSE);
    tokio::time::sleep(longest.mul_f64(fastrand::f64())).await;
}
