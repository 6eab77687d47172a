//! Storing the changes of a session by compare-and-swap.

use std::{pin::pin, sync::Arc};

use super::{Engine, merge::Merged, perform::Performed};
use crate::{
    engine::lifetime::Lifetime,
    error::{CommitError, SessionClosedError},
    record::{Payload, Record},
    session::{
        Flush,
        decide::CookieDue,
        machine::{InFlight, Renewal, Stored},
    },
    storage::{Freshness, SessionStore, SignInWrite, StoreError, UpdateOutcome, Version},
    telemetry,
};

impl<S: SessionStore> Engine<S> {
    /// Stores the changes by compare-and-swap. If another request of this worker is storing changes of the session, or if
    /// the update conflicts, they are stored together with those of other requests.
    pub(super) async fn store_changes(
        &self,
        flush: &mut Flush<'_>,
        stored: Arc<Stored>,
        renewal: Option<Renewal>,
    ) -> Result<Performed, CommitError> {
        let version = Version::generate();
        let direct = if flush.work().unsettled.is_none() && !self.is_stateless {
            let Some(direct) = self.writers.begin_direct(&stored.id, version) else {
                // Another request of this worker stores changes of the session. Boxed, since it is rare.
                return Box::pin(self.combine(flush, stored, renewal)).await;
            };
            Some(direct)
        } else {
            // Unsettled changes are first retried on the version that was loaded.
            None
        };
        let extends = flush.work().extends_life;
        let record = self.next_record(&stored, flush.work().payload.clone(), renewal, extends);
        let updated = Arc::new(stored.updated(version, record, renewal));
        let outcome = {
            let updating = pin!(self.update_stored(&stored, &updated.record, version));
            let write = InFlight::Update { version, renewal };
            flush.write(write, updating).await?
        };
        match outcome {
            UpdateOutcome::Updated => {
                let cookie = self.cookie_of_change(&stored.record, &updated, renewal, extends);
                if let Some(direct) = direct {
                    direct.finish(&updated);
                }
                Ok(Performed::Stored(updated, cookie))
            }
            UpdateOutcome::Missing => self.ended(flush).await,
            UpdateOutcome::Refused(refusal) => Self::refused(flush, refusal),
            UpdateOutcome::Conflict => {
                telemetry::conflict();
                drop(direct);
                // Boxed, since it is rare.
                Box::pin(self.store_after_conflict(flush, stored, renewal)).await
            }
        }
    }

    /// Stores the changes together with those of other requests. Unsettled changes are merged first, which tells whether
    /// an earlier attempt was stored.
    async fn store_after_conflict(
        &self,
        flush: &mut Flush<'_>,
        stored: Arc<Stored>,
        mut renewal: Option<Renewal>,
    ) -> Result<Performed, CommitError> {
        if flush.work().unsettled.is_none() {
            return self.combine(flush, stored, renewal).await;
        }
        match self.merge(flush, &stored, &mut renewal).await? {
            Merged::Onto(newest, _) => self.combine(flush, newest, renewal).await,
            Merged::Landed(landed) => {
                let extends = flush.work().extends_life;
                let cookie = self.cookie_of_change(&stored.record, &landed, None, extends);
                Ok(Performed::Stored(landed, cookie))
            }
            Merged::Superseded if renewal.is_some() => {
                self.create_replacement(flush, &stored).await
            }
            Merged::Superseded => Ok(Performed::Refused(SessionClosedError::Superseded)),
            Merged::Ended => self.ended(flush).await,
        }
    }

    /// Replaces the record of `stored`, if the store still has its version.
    pub(super) async fn update_stored(
        &self,
        stored: &Stored,
        record: &Record,
        version: Version,
    ) -> Result<UpdateOutcome, StoreError> {
        if self.is_stateless {
            return Ok(match self.is_revoked(stored, Freshness::Current).await? {
                true => UpdateOutcome::Missing,
                false => UpdateOutcome::Updated,
            });
        }
        let now = match record.used_at > stored.record.used_at {
            true => record.used_at,
            false => self.clock.now(),
        };
        let ttl = self.lifetime.ttl(record, now);
        let (id, expected) = (&stored.id, stored.version);
        match &self.limiter {
            Some(limiter) if record.signs_in_after(&stored.record) => {
                let write = SignInWrite::update(id, expected, record, version, ttl);
                // Boxed, since it is rare.
                Box::pin(self.sign_in_limited(limiter, write)).await
            }
            _ => self.store.update(id, expected, record, version, ttl).await,
        }
    }

    /// The cookie that is due for a change of the record `before` with this renewal, after which the session is stored as
    /// `after`. `extends` is whether the request extends the life of the session.
    pub(super) fn cookie_of_change(
        &self,
        before: &Record,
        after: &Stored,
        renewal: Option<Renewal>,
        extends: bool,
    ) -> CookieDue {
        let lifetime = &self.lifetime;
        if self.is_stateless || renewal.is_some() {
            CookieDue::Issue
        } else if extends && lifetime.change_extends_cookie(&after.record)
            || lifetime.cookies_differ(before, &after.record)
        {
            CookieDue::Refresh
        } else {
            self.cookie_of_rotation(after)
        }
    }

    /// The record that replaces that of `stored`, with this renewal, and last used now if that `extends` its life. Its
    /// times never move backwards.
    pub(super) fn next_record(
        &self,
        stored: &Stored,
        payload: Payload,
        renewal: Option<Renewal>,
        extends: bool,
    ) -> Record {
        let now = self.clock.now();
        let mut record = stored.record.clone();
        record.set_payload(payload);
        record.undated = false;
        if extends || renewal.is_some() {
            record.used_at = record.used_at.max(now);
        }
        if renewal.is_none() {
            self.rotate(stored, &mut record, now);
        }
        record.forget_previous(now, self.secrets.grace);
        let ends_at = self.lifetime.ends_at(&record);
        let moves_end = extends || renewal.is_some();
        record.ends_at = match moves_end || !Lifetime::is_unchanged(&stored.record, &record) {
            true => ends_at,
            // The last use may be one that extended nothing.
            false => ends_at.min(stored.record.ends_at),
        };
        if let Some(Renewal { secret, epoch }) = &renewal {
            record.renew(secret, *epoch, now);
            if let (Some(_), Some(secrets)) = (self.secrets.rotation_interval, &mut record.secrets)
            {
                secrets.count_from(now);
            }
        }
        record
    }
}
