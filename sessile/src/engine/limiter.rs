//! [`Limiter`]: the limit of the sessions of a user.

use std::fmt;

use super::{EndCause, Engine, EventKind};
use crate::{
    storage::{
        CreateOutcome, SessionLimit, SignInFn, SignInOutcome, SignInWrite, StoreError,
        SubjectStore, UpdateOutcome,
    },
    telemetry::Operation,
};

/// The limit of the sessions of a user, and how its store applies it. The engine does not know otherwise that the store
/// has this capability.
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

impl<S> Engine<S> {
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

impl<S> fmt::Debug for Limiter<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Limiter").field(&self.limit).finish()
    }
}

impl From<SignInOutcome> for CreateOutcome {
    fn from(outcome: SignInOutcome) -> Self {
        match outcome {
            SignInOutcome::Stored { .. } => Self::Created,
            SignInOutcome::Refused(refusal) => Self::Refused(refusal),
            // A creation has no other outcome.
            SignInOutcome::Taken | SignInOutcome::Conflict | SignInOutcome::Missing => Self::Taken,
        }
    }
}

impl From<SignInOutcome> for UpdateOutcome {
    fn from(outcome: SignInOutcome) -> Self {
        match outcome {
            SignInOutcome::Stored { .. } => Self::Updated,
            SignInOutcome::Refused(refusal) => Self::Refused(refusal),
            SignInOutcome::Missing => Self::Missing,
            // An update has no other outcome.
            SignInOutcome::Conflict | SignInOutcome::Taken => Self::Conflict,
        }
    }
}
