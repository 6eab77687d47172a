//! Storing a new session, also in place of one that another request renewed or ended.

use std::{pin::pin, sync::Arc, time::Duration};

use super::{Engine, action::Performed};
use crate::{
    clock::Timestamp,
    error::{CommitError, SessionClosedError},
    record::{
        Epoch, Payload, Record, Secrets,
        id::{SessionKey, SubjectDigest},
    },
    session::{
        CookieDue, Flush,
        machine::{InFlight, Stored},
    },
    storage::{CreateOutcome, Freshness, Refusal, SessionStore, SignInWrite, StoreError, Version},
    telemetry,
};

/// The maximum number of ids that are tried for a new session. Random ids practically never collide.
const MAX_COLLISIONS: u32 = 3;

impl<S: SessionStore> Engine<S> {
    /// Stores a new session with this payload.
    pub(super) async fn create(
        &self,
        flush: &mut Flush<'_>,
        payload: Payload,
    ) -> Result<Performed, CommitError> {
        for _ in 0..MAX_COLLISIONS {
            let mut new = self.new_session(payload.clone(), flush.next_epoch());
            let created_at = new.presented_at;
            match self.store_new(flush, &mut new, created_at).await? {
                CreateOutcome::Taken => {}
                CreateOutcome::Refused(refusal) => return Self::refused(flush, refusal),
                CreateOutcome::Created | CreateOutcome::CreatedAs(_) => {
                    return Ok(Performed::Stored(Arc::new(new), CookieDue::Issue));
                }
            }
        }
        Err(CommitError::Contention {
            attempts: MAX_COLLISIONS,
        })
    }

    fn new_session(&self, payload: Payload, epoch: Epoch) -> Stored {
        let SessionKey { id, secret, .. } = SessionKey::generate();
        let now = self.clock.now();
        let mut record = Record::new(now);
        record.set_payload(payload);
        record.epoch = epoch;
        if !self.is_stateless {
            record.secrets = secret.map(|secret| Secrets::new(secret.digest()));
        }
        record.ends_at = self.lifetime.ends_at(&record);
        Stored {
            id,
            secret,
            version: Version::generate(),
            record,
            presented_at: now,
        }
    }

    /// Ends a flush whose session another request ended. A sign-in begins a new session instead.
    pub(super) async fn ended(&self, flush: &mut Flush<'_>) -> Result<Performed, CommitError> {
        match flush.work().signed_in() {
            Some(_) => Box::pin(self.create_from_changes(flush)).await,
            None => Ok(Performed::Refused(SessionClosedError::Ended)),
        }
    }

    /// Ends a flush that the store refused: the session has ended, or the sign-in is not allowed.
    pub(super) fn refused(
        flush: &mut Flush<'_>,
        refusal: Refusal,
    ) -> Result<Performed, CommitError> {
        let work = flush.work_mut();
        match work.signed_in() {
            Some(_) => {
                work.forget_sign_in();
                telemetry::sign_in_refused(refusal);
                Err(refusal.into())
            }
            None => Ok(Performed::Refused(SessionClosedError::Ended)),
        }
    }

    /// Stores a new session with only the changes of this request.
    pub(super) async fn create_from_changes(
        &self,
        flush: &mut Flush<'_>,
    ) -> Result<Performed, CommitError> {
        let mut payload = Payload::default();
        flush.work().replay(&mut payload)?;
        self.create(flush, payload).await
    }

    /// Stores `new`. If the store chose another id, `new` gets it.
    pub(super) async fn store_new(
        &self,
        flush: &mut Flush<'_>,
        new: &mut Stored,
        now: Timestamp,
    ) -> Result<CreateOutcome, CommitError> {
        if self.is_stateless {
            let is_refused =
                new.record.has_subject() && self.is_revoked(new, Freshness::Current).await?;
            return Ok(match is_refused {
                true => CreateOutcome::Refused(Refusal::SubjectEnded),
                false => CreateOutcome::Created,
            });
        }
        let ttl = self.lifetime.ttl(&new.record, now);
        let outcome = {
            let creating = pin!(self.create_stored(new, ttl));
            flush
                .write(InFlight::Create(new.id.clone()), creating)
                .await?
        };
        if let CreateOutcome::CreatedAs(id) = &outcome {
            // The id is the secret.
            new.id = id.clone();
            new.secret = None;
            new.record.secrets = None;
        }
        Ok(outcome)
    }

    async fn create_stored(
        &self,
        new: &Stored,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        let Stored {
            id,
            record,
            version,
            ..
        } = new;
        match &self.limiter {
            Some(limiter) if record.has_subject() => {
                let write = SignInWrite::create(id, record, *version, ttl);
                // Boxed, since it is rare.
                Box::pin(self.sign_in_limited(limiter, write)).await
            }
            _ => self.store.create(id, record, *version, ttl).await,
        }
    }

    /// Stores a new session in place of one that another request renewed. It has the state that was loaded, with the
    /// changes.
    ///
    /// If a user was signed in, only a sign-in begins a new session. A renewal is refused: the new session would have no user,
    /// and its cookie would replace that of the other renewal.
    pub(super) async fn create_replacement(
        &self,
        flush: &mut Flush<'_>,
        superseded: &Stored,
    ) -> Result<Performed, CommitError> {
        let work = flush.work();
        let payload = match (superseded.record.subject(), work.signed_in()) {
            (Some(_), None) => return Self::superseded(flush),
            (Some(owner), Some(sign_in)) if owner != SubjectDigest::of(&sign_in.subject) => {
                return self.create_from_changes(flush).await;
            }
            _ => work.payload.clone(),
        };
        self.create(flush, payload).await
    }

    /// Ends a flush whose session another request renewed.
    pub(super) fn superseded(flush: &Flush<'_>) -> Result<Performed, CommitError> {
        match flush.work().unsettled {
            // An attempt may have been stored before the renewal, which has kept it then.
            Some(_) => Err(CommitError::Unknown),
            None => Ok(Performed::Refused(SessionClosedError::Superseded)),
        }
    }
}
