//! Performing what a save or a commit has to do in the store.

use std::sync::Arc;

use super::{EndCause, Engine, merge::newer};
use crate::{
    clock::Timestamp,
    engine::lifetime::OnRead,
    error::{CommitError, SessionClosedError},
    record::{Record, RotationDue, id::SessionId},
    session::{
        Flush, Work,
        decide::CookieDue,
        decide::{Action, Situation, decide},
        machine::{Renewal, Stored, Target},
    },
    storage::{Freshness, SessionStore, StoreErrorKind, UpdateOutcome, Version},
    telemetry::{self, Step},
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

    /// Removes each session from the work once it has ended, so that a retry ends only the others.
    async fn end(&self, flush: &mut Flush<'_>) -> Result<(), CommitError> {
        while let Some(target) = flush.work().ending.last().cloned() {
            match target {
                Target::Session(id) => {
                    self.delete(&id).await?;
                    self.report_ended(EndCause::Request, &[id]);
                }
                Target::Cookies(cookies) if self.ends_sessions() => {
                    let cookies = cookies.iter().map(|cookie| &**cookie);
                    for id in self.ended_by(cookies).await? {
                        self.delete(&id).await?;
                        self.report_ended(EndCause::Request, &[id]);
                    }
                }
                Target::Unjudged(cookies) if self.ends_sessions() => {
                    if let Some(id) = self.ended_by_one(&cookies).await? {
                        self.delete(&id).await?;
                        self.report_ended(EndCause::Request, &[id]);
                    }
                }
                Target::Cookies(_) | Target::Unjudged(_) => {}
            }
            let work = flush.work_mut();
            work.ending.pop();
            work.cookie_due = match work.cookie_came {
                true => CookieDue::Remove,
                false => CookieDue::Nothing,
            };
        }
        while let Some(id) = flush.work_mut().abandoned.pop() {
            self.delete_unneeded(&id).await;
        }
        Ok(())
    }

    /// Deletes a session that no cookie names. If that fails, the session expires.
    pub(super) async fn delete_unneeded(&self, id: &SessionId) {
        if let Err(error) = self.delete(id).await {
            self.request_failed(Step::DeleteUnneeded, &error, error.is_outage());
        }
    }

    async fn delete(&self, id: &SessionId) -> Result<(), CommitError> {
        match self.is_stateless {
            true => self.revoke(id).await?,
            false => self.store.delete(id).await?,
        }
        Ok(())
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
            // An attempt may have been stored before the renewal, which has kept it then.
            (Action::RefuseSuperseded, _) if flush.work().unsettled.is_some() => {
                Err(CommitError::Unknown)
            }
            (Action::RefuseSuperseded, _) => Ok(Performed::Refused(SessionClosedError::Superseded)),
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

    /// Stores that a session was read, which extends its lifetime if the policy says so.
    async fn touch(
        &self,
        flush: &mut Flush<'_>,
        stored: Arc<Stored>,
    ) -> Result<Performed, CommitError> {
        // Otherwise, the touch is for a rotation, or for the list of the user's sessions.
        let extends_life = flush.work().extends_life;
        let extends = extends_life
            && (self.lifetime.reading_extends(&stored.record) || stored.record.undated);
        let mut record = self.next_record(&stored, stored.record.payload(), None, extends);
        if extends_life && record.has_subject() {
            record.used_at = record.used_at.max(self.clock.now());
        }
        let version = Version::generate();
        let touched = Arc::new(stored.updated(version, record, None));
        let cookie = self.cookie_of_change(&stored.record, &touched, None, extends);
        let sends = matches!(
            flush.work().cookie_due.then(cookie),
            CookieDue::Refresh | CookieDue::Issue
        );
        // If this fails, its outcome does not matter: it changes no values.
        match self
            .update_stored(&stored, &touched.record, version)
            .await?
        {
            UpdateOutcome::Updated => Ok(Performed::Stored(touched, cookie)),
            // Another request changed the session, which extended its lifetime.
            UpdateOutcome::Conflict if sends => self.reissue(stored, CookieDue::Nothing).await,
            UpdateOutcome::Conflict => Ok(Performed::Nothing),
            UpdateOutcome::Missing | UpdateOutcome::Refused(_) => Ok(Performed::Ended),
        }
    }

    /// Sends the cookie of an unchanged session again, unless another request renewed the session: the browser
    /// has the new cookie then, and this one would replace it.
    async fn reissue(&self, stored: Arc<Stored>, due: CookieDue) -> Result<Performed, CommitError> {
        let gone = match due {
            // A save of this request stored the session. The response would say that it exists.
            CookieDue::Issue => Performed::Refused(SessionClosedError::Ended),
            _ => Performed::Ended,
        };
        if self.is_stateless {
            return Ok(match self.is_revoked(&stored, Freshness::Current).await? {
                true => gone,
                false => Performed::Reissue(stored),
            });
        }
        match self.load_current(&stored).await {
            Ok(Some(current)) if current.record.epoch == stored.record.epoch => {
                let differs = current.record.is_rotated()
                    || (self.lifetime).cookies_differ(&stored.record, &current.record);
                Ok(Performed::Reissue(match differs {
                    true => Arc::new(newer(&stored, current)),
                    false => stored,
                }))
            }
            Ok(Some(_)) => Ok(Performed::Nothing),
            Ok(None) => Ok(gone),
            Err(error) if error.kind() == StoreErrorKind::Corrupt => {
                telemetry::record_corrupt(&error);
                Ok(gone)
            }
            Err(error) => Err(error.into()),
        }
    }
}
