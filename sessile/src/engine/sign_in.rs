//! Signing in.
//!
//! A sign-in is a renewal that also names the user. It is stored at once, so that the handler learns whether the store
//! refused it. It never loses to another request: where a renewal would be superseded or refused, a new session begins.

use std::fmt;

use super::{EndCause, Engine, EventKind, action::Performed};
use crate::{
    clock,
    error::{CommitError, SignInError},
    record::{Payload, Record, State, id::SubjectDigest},
    session::{Flush, FlushFor, Session, journal::SignIn},
    storage::{
        Freshness, SessionLimit, SessionStore, SignInFn, SignInOutcome, SignInWrite, StoreError,
        SubjectStore,
    },
    telemetry::Operation,
};

impl<S: SessionStore> Engine<S> {
    /// Signs `subject` in, and stores that together with the changes so far.
    pub(super) async fn sign_in(
        &self,
        session: &Session,
        subject: &str,
    ) -> Result<(), SignInError> {
        session.open().await.map_err(CommitError::from)?;
        let (began_at, restarted) = session.machine().begin_sign_in(subject)?;
        drop(restarted);
        let sign_in = SignIn {
            subject: subject.to_owned(),
            at: began_at,
        };
        let saved = clock::within(self.settings.store_timeout, async {
            let mut flush = session.flush(FlushFor::Save).await;
            // Before anything that can fail, so that the session keeps it.
            flush.work_mut().sign_in(sign_in, self.clock.now());
            self.save_flush(session, flush).await
        });
        match saved.await {
            Ok(saved) => Ok(saved?),
            Err(after) => Err(CommitError::Timeout { after }.into()),
        }
    }

    /// Stores a new session for a sign-in on a stale session. If the request that renewed that one signed the same user in,
    /// the new session begins with its values: of two clicks, the second one keeps the cart as well.
    pub(super) async fn create_copy(
        &self,
        flush: &mut Flush<'_>,
    ) -> Result<Performed, CommitError> {
        let payload = match self.renewed_state(flush).await? {
            Some(state) => {
                let payload = Payload::of_state(state);
                self.replayed(&payload, |payload| flush.work().replay(payload))?
            }
            None => flush.work().payload.clone(),
        };
        self.create(flush, payload).await
    }

    /// The values of the renewed session, if it is live and of the user that signs in.
    async fn renewed_state(&self, flush: &Flush<'_>) -> Result<Option<State>, CommitError> {
        let (Some(id), Some(sign_in)) = (flush.renewed_id(), flush.work().signed_in()) else {
            return Ok(None);
        };
        let subject = SubjectDigest::of(&sign_in.subject);
        let loading = self.store.load(&id, Some(&subject), Freshness::Current);
        let record = loading.await?.map(|loaded| loaded.record);
        let is_theirs = |record: &Record| {
            record.subject() == Some(subject) && !self.lifetime.has_ended(record, self.clock.now())
        };
        Ok(record.filter(is_theirs).map(|record| record.state))
    }

    /// Stores a sign-in under the limit, as a creation or as an update.
    pub(super) async fn sign_in_limited<Outcome: From<SignInOutcome>>(
        &self,
        limiter: &Limiter<S>,
        write: SignInWrite<'_>,
    ) -> Result<Outcome, StoreError> {
        let signing_in = (limiter.sign_in)(&self.store, write, limiter.limit);
        let outcome = self.store.observe(Operation::SignIn, signing_in).await?;
        if let SignInOutcome::Stored { displaced } = &outcome {
            for id in displaced {
                let ended = EventKind::Ended(EndCause::Limit);
                self.report(ended, Some(id), write.record.subject_name());
            }
        }
        Ok(outcome.into())
    }
}

/// The limit of the sessions of a user, and how its store applies it. The engine's type does not say that the store has
/// this capability, so the function is stored.
pub(crate) struct Limiter<S> {
    limit: SessionLimit,
    sign_in: SignInFn<S>,
    is_supported: fn(&S) -> bool,
}

impl<S: SubjectStore> Limiter<S> {
    #[cfg_attr(
        not(feature = "actix"),
        expect(dead_code, reason = "only the adapter sets a limit")
    )]
    pub(crate) fn new(limit: SessionLimit) -> Self {
        Self {
            limit,
            sign_in: |store, write, limit| Box::pin(store.sign_in(write, limit)),
            is_supported: S::has_subjects,
        }
    }
}

impl<S> Limiter<S> {
    pub(super) fn is_supported_by(&self, store: &S) -> bool {
        (self.is_supported)(store)
    }
}

impl<S> fmt::Debug for Limiter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Limiter").field(&self.limit).finish()
    }
}
