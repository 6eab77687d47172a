//! Signing in.
//!
//! A sign-in is a renewal that also names the user. It is stored at once, so that the handler learns whether the store
//! refused it. It never loses to another request: where a renewal would be superseded or refused, a new session begins.

use super::Engine;
use crate::{
    clock,
    error::{CommitError, SessionSaveError, SignInError},
    record::{Payload, Record, id::SubjectDigest},
    session::{Flush, Session, journal::SignIn, machine::Binding},
    storage::{Freshness, SessionStore},
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
        let saved = clock::within(self.store_timeout, async {
            let mut flush = session.flush(false).await;
            // Before anything that can fail, so that the session keeps it.
            flush.work_mut().sign_in(sign_in, self.clock.now());
            self.take_over_state_of(&mut flush, session, subject)
                .await?;
            self.save_flush(session, flush).await
        });
        match saved.await {
            Ok(saved) => Ok(saved?),
            Err(after) => Err(CommitError::Timeout { after }.into()),
        }
    }

    /// If another request has just renewed the session that the request's cookie names, and signed the same user in,
    /// the new session begins with the values of that one: of two clicks, the second one keeps the cart as well.
    async fn take_over_state_of(
        &self,
        flush: &mut Flush<'_>,
        session: &Session,
        subject: &str,
    ) -> Result<(), SessionSaveError> {
        let stale = match &session.machine().binding {
            Binding::Stale { id, .. } => id.clone(),
            _ => return Ok(()),
        };
        let subject = SubjectDigest::of(subject);
        let loading = self.store.load(&stale, Some(&subject), Freshness::Current);
        let loaded = loading.await.map_err(CommitError::from)?;
        let is_theirs = |record: &Record| record.subject() == Some(subject);
        if let Some(loaded) = loaded
            && is_theirs(&loaded.record)
            && !self.lifetime.has_ended(&loaded.record, self.clock.now())
        {
            let payload = Payload::of_state(loaded.record.state);
            let work = flush.work_mut();
            work.payload = self.replayed(&payload, |payload| work.replay(payload))?;
        }
        Ok(())
    }
}
