//! [`Action`]: what a save or a commit has to do. `decide` chooses it, and `perform` executes it. Changes are stored by
//! compare-and-swap.

use std::{pin::pin, sync::Arc};

use super::{
    Engine,
    lifetime::{Lifetime, OnRead},
};
use crate::{
    clock::Timestamp,
    error::{CommitError, SessionClosedError},
    record::{Payload, Record},
    session::{
        BindingKind, CookieDue, Flush, SessionStatus, Work,
        machine::{InFlight, Renewal, Stored},
    },
    storage::{SessionStore, SignInWrite, StoreError, UpdateOutcome, Version},
    telemetry,
};

/// What a save or a commit has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    /// Send the cookie again, if no other request renewed the session. The store changes nothing.
    Reissue,
    /// Extend the lifetime of the stored session, and of a persistent cookie.
    Touch,
    /// Store a new session, and send its cookie.
    Create,
    /// Store a new session for a sign-in, and send its cookie. If another request has just signed the same user in with the
    /// cookie that came, it has the values of that session.
    CreateCopy,
    /// Store a new session in place of one that another request renewed, and send its cookie. If a user was signed in,
    /// only for a sign-in.
    CreateReplacement,
    /// Store a new session with only the changes of this request, in place of one that another request ended, and
    /// send its cookie.
    CreateFromChanges,
    /// Store the changes.
    Update,
    /// Store the session with another secret, and send its cookie.
    Renew,
    /// Send a removal cookie.
    RemoveCookie,
    /// Store nothing, since another request renewed the session.
    RefuseSuperseded,
    /// Store nothing, since another request ended the session.
    RefuseEnded,
}

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
    /// What is left to do for this work.
    pub(super) fn decide(&self, work: &Work) -> Action {
        decide(Situation {
            status: work.status,
            binding: work.binding_kind,
            is_empty: work.is_empty(),
            signs_in: work.signed_in().is_some(),
            cookie_came: work.cookie_came,
            cookie_due: work.cookie_due,
            on_read: match work.base() {
                Some(stored) => self.on_read(stored, work.extends_life, || self.clock.now()),
                None => OnRead::Nothing,
            },
        })
    }

    /// What a request that only reads does to the session. `extends` is whether it extends the session's life.
    pub(super) fn on_read(
        &self,
        stored: &Stored,
        extends: bool,
        now: impl Fn() -> Timestamp,
    ) -> OnRead {
        let record = &stored.record;
        // actix-session sealed the state without an expiry.
        if self.is_stateless && record.undated {
            return OnRead::Touch;
        }
        let on_read = match extends {
            true if !self.is_stateless && self.lifetime.stores_use(record, &now) => OnRead::Touch,
            true => self.lifetime.on_read(record, now),
            false => OnRead::Nothing,
        };
        match self.rotates(record) {
            true => on_read.max(self.rotation_on_read(stored)),
            false => on_read,
        }
    }

    /// Whether the secrets of the session with this record are rotated, or have been.
    fn rotates(&self, record: &Record) -> bool {
        self.secrets.rotation_interval.is_some() || record.is_rotated()
    }

    /// Executes `action`.
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
        let updated = Arc::new(Stored {
            id: stored.id.clone(),
            secret: renewal.map_or(stored.secret, |it| Some(it.secret)),
            version,
            record,
            presented_at: stored.presented_at,
        });
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

    /// Replaces the record of `stored`, if the store still has its version.
    pub(super) async fn update_stored(
        &self,
        stored: &Stored,
        record: &Record,
        version: Version,
    ) -> Result<UpdateOutcome, StoreError> {
        if self.is_stateless {
            return Ok(match self.is_missing(stored).await? {
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
            || self.rotates(&after.record) && self.rotation_on_read(after) == OnRead::Reissue
        {
            CookieDue::Refresh
        } else {
            CookieDue::Nothing
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
        let moves_end = extends || renewal.is_some();
        if moves_end {
            record.used_at = record.used_at.max(now);
        }
        if renewal.is_none() && self.rotates(&record) {
            self.rotate(stored, &mut record, now);
        }
        record.forget_previous(now, self.secrets.grace);
        let ends_at = self.lifetime.ends_at(&record);
        record.ends_at =
            match moves_end || !Lifetime::have_same_own_lifetime(&stored.record, &record) {
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

/// Everything that the next action depends on.
#[derive(Debug, Clone, Copy)]
struct Situation {
    status: SessionStatus,
    binding: BindingKind,
    /// Whether it has no values and no user.
    is_empty: bool,
    /// Whether the request signs a user in.
    signs_in: bool,
    /// Whether the request has a cookie of our name, valid or not.
    cookie_came: bool,
    /// The cookie that earlier saves made due.
    cookie_due: CookieDue,
    /// What reading the session does to its lifetime now.
    on_read: OnRead,
}

/// The next action, as a pure function of the situation.
fn decide(situation: Situation) -> Action {
    let Situation {
        status,
        binding,
        is_empty,
        signs_in,
        cookie_came,
        cookie_due,
        on_read,
    } = situation;
    let removal = match cookie_due {
        CookieDue::Remove => Action::RemoveCookie,
        CookieDue::Nothing | CookieDue::Refresh | CookieDue::Issue => Action::Nothing,
    };
    match (status, binding) {
        (SessionStatus::Purged, _) if cookie_came => Action::RemoveCookie,
        (SessionStatus::Purged, _) | (_, BindingKind::Detached) => removal,
        (SessionStatus::Unchanged, BindingKind::Stored) => match (on_read, cookie_due) {
            (OnRead::Touch, _) => Action::Touch,
            (OnRead::Reissue, _) | (_, CookieDue::Refresh | CookieDue::Issue) => Action::Reissue,
            (OnRead::Nothing, _) => Action::Nothing,
        },
        (SessionStatus::Unchanged, _) => removal,
        (SessionStatus::Changed, BindingKind::Stored) => Action::Update,
        (SessionStatus::Changed, BindingKind::Stale | BindingKind::Superseded) => {
            Action::RefuseSuperseded
        }
        (SessionStatus::Renewed, BindingKind::Stored) => Action::Renew,
        (SessionStatus::Renewed, BindingKind::Ended) if signs_in => Action::CreateFromChanges,
        (_, BindingKind::Ended) => Action::RefuseEnded,
        (_, BindingKind::New | BindingKind::Stale | BindingKind::Superseded) if is_empty => removal,
        (SessionStatus::Changed | SessionStatus::Renewed, BindingKind::New) => Action::Create,
        (SessionStatus::Renewed, BindingKind::Stale) if signs_in => Action::CreateCopy,
        (SessionStatus::Renewed, BindingKind::Stale) => Action::Create,
        (SessionStatus::Renewed, BindingKind::Superseded) => Action::CreateReplacement,
    }
}

#[cfg(test)]
mod tests;
