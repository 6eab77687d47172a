//! Performing what a save or a commit has to do in the store. Changes are stored by compare-and-swap.

use std::{pin::pin, sync::Arc};

use super::{Engine, merge::Merged};
use crate::{
    clock::Timestamp,
    engine::lifetime::{Lifetime, OnRead},
    error::{CommitError, SessionClosedError},
    record::{Payload, Record, RotationDue},
    session::{
        Flush, Work,
        decide::{Action, CookieDue, Situation, decide},
        machine::{InFlight, Renewal, Stored},
    },
    storage::{Freshness, SessionStore, SignInWrite, StoreError, UpdateOutcome, Version},
    telemetry,
};

/// What performing an [`Action`] did.
pub(super) enum Performed {
    /// Nothing that concerns the browser.
    Nothing,
    /// The session is stored as this, and this cookie is due for that.
    Stored(Arc<Stored>, CookieDue),
    /// The session was not changed, and its cookie is sent again.
    Reissue(Arc<Stored>),
    /// The browser has to remove its cookie.
    RemoveCookie,
    /// Another request renewed or ended the session: the changes were not stored.
    Refused(SessionClosedError),
    /// Another request ended the session, and there were no changes.
    Ended,
}

impl<S: SessionStore> Engine<S> {
    /// Ends the sessions that were purged, restarted or abandoned.
    pub(super) async fn end_pending(&self, flush: &mut Flush<'_>) -> Result<(), CommitError> {
        let work = flush.work();
        match work.ending.is_empty() && work.abandoned.is_empty() {
            true => Ok(()),
            // Boxed, since it is rare.
            false => Box::pin(self.end(flush)).await,
        }
    }

    /// What is left to do for this work.
    pub(super) fn decide(&self, work: &Work) -> Action {
        let on_read = match work.base() {
            None => OnRead::Nothing,
            // actix-session sealed the state without an expiry.
            Some(stored) if self.is_stateless && stored.record.undated => OnRead::Touch,
            Some(stored) => {
                let on_read = match work.extends_life {
                    true => self.on_read(&stored.record, || self.clock.now()),
                    false => OnRead::Nothing,
                };
                match self.rotation_due(stored) {
                    RotationDue::Nothing => on_read,
                    RotationDue::Resend => on_read.max(OnRead::Reissue),
                    RotationDue::Begin | RotationDue::Promote | RotationDue::Finish => {
                        OnRead::Touch
                    }
                }
            }
        };
        decide(Situation {
            status: work.status,
            binding: work.bound,
            is_empty: work.is_empty(),
            signs_in: work.signed_in().is_some(),
            cookie_came: work.cookie_came,
            cookie_due: work.cookie_due,
            on_read,
        })
    }

    /// What a request that only reads does to the session with this record.
    pub(super) fn on_read(&self, record: &Record, now: impl Fn() -> Timestamp) -> OnRead {
        match self.lifetime.on_read(record, &now) {
            OnRead::Nothing if !self.is_stateless && self.lifetime.stores_use(record, now) => {
                OnRead::Touch
            }
            on_read => on_read,
        }
    }

    pub(super) async fn perform(
        &self,
        action: Action,
        flush: &mut Flush<'_>,
    ) -> Result<Performed, CommitError> {
        let stored = flush.work().stored.clone();
        match (action, stored) {
            (Action::Create, _) => {
                let payload = flush.work().payload.clone();
                self.create(flush, payload).await
            }
            (Action::CreateCopy, _) => Box::pin(self.create_copy(flush)).await,
            (Action::CreateReplacement, Some(stored)) => {
                // Boxed, as a renewal is, since both are rare.
                Box::pin(self.create_replacement(flush, &stored)).await
            }
            (Action::CreateFromChanges, _) => Box::pin(self.create_from_changes(flush)).await,
            (Action::Update, Some(stored)) => self.store_changes(flush, stored, None).await,
            (Action::Renew, Some(stored)) => Box::pin(self.renew(flush, stored)).await,
            (Action::Touch, Some(stored)) => self.touch(flush, stored).await,
            (Action::Reissue, Some(stored)) => {
                let due = flush.work().cookie_due;
                self.reissue(stored, due).await
            }
            (Action::RemoveCookie, _) => Ok(Performed::RemoveCookie),
            (Action::RefuseSuperseded, _) => Self::superseded(flush),
            (Action::RefuseEnded, _) => Ok(Performed::Refused(SessionClosedError::Ended)),
            (_, _) => Ok(Performed::Nothing),
        }
    }

    async fn renew(
        &self,
        flush: &mut Flush<'_>,
        stored: Arc<Stored>,
    ) -> Result<Performed, CommitError> {
        if self.is_stateless {
            return self.renew_sealed(flush, stored).await;
        }
        if stored.secret.is_none() {
            // Boxed, since it is rare.
            return Box::pin(self.move_from_actix_session(flush, stored)).await;
        }
        // An earlier attempt may have landed, so the retry uses the same secret.
        let earlier = flush.work().unsettled.as_ref().and_then(|it| it.renewal);
        let renewal = earlier.unwrap_or_else(|| Renewal::to(flush.next_epoch()));
        self.store_changes(flush, stored, Some(renewal)).await
    }

    /// Stores the changes by compare-and-swap. If another request of this worker is storing changes of the session, or if
    /// the update conflicts, they are stored together with those of other requests.
    async fn store_changes(
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
            Merged::Superseded => Self::superseded(flush),
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
