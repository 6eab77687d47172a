//! Ending the sessions that a request purges, restarts or abandons.

use super::{EndCause, Engine, EventKind, Opened, choose::MAX_ENDED, open::by_session};
use crate::{
    clock::Timestamp,
    cookie::Unsealed,
    error::{CommitError, OpenError},
    record::id::SessionId,
    session::{
        CookieDue, Flush,
        machine::{Binding, Target},
    },
    storage::{SessionStore, StoreErrorKind},
    telemetry::Step,
};

impl<S: SessionStore> Engine<S> {
    /// Removes each session from the work once it has ended, so that a retry ends only the others.
    pub(super) async fn end(&self, flush: &mut Flush<'_>) -> Result<(), CommitError> {
        while let Some(target) = flush.work().ending.last().cloned() {
            match target {
                Target::Session(id) => self.end_one(&id).await?,
                Target::Cookies(cookies, at) if self.can_end_sessions() => {
                    let cookies = cookies.iter().map(|cookie| &**cookie);
                    for id in self.ended_by(cookies, at).await? {
                        self.end_one(&id).await?;
                    }
                }
                Target::Unjudged(cookies, at) if self.can_end_sessions() => {
                    if let Some(id) = self.ended_by_one(&cookies, at).await? {
                        self.end_one(&id).await?;
                    }
                }
                Target::Cookies(..) | Target::Unjudged(..) => {}
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

    async fn end_one(&self, id: &SessionId) -> Result<(), CommitError> {
        self.delete(id).await?;
        self.report(EventKind::Ended(EndCause::Request), Some(id), None);
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

    /// The sessions that a purge ends for cookies with these values, which the request presented at
    /// `presented_at`.
    async fn ended_by(
        &self,
        cookies: impl Iterator<Item = &[u8]>,
        presented_at: Timestamp,
    ) -> Result<Vec<SessionId>, OpenError> {
        let mut ids = Vec::new();
        for cookies in by_session(&self.unseal(cookies)?).take(MAX_ENDED) {
            ids.extend(self.ended_by_one(cookies, presented_at).await?);
        }
        Ok(ids)
    }

    /// The session that a purge ends, by all cookies that name one session.
    async fn ended_by_one(
        &self,
        cookies: &[Unsealed],
        presented_at: Timestamp,
    ) -> Result<Option<SessionId>, OpenError> {
        let own = || Some(cookies[0].content.id().clone());
        match self.find_one(cookies, presented_at).await {
            Ok(Opened {
                binding: Binding::Stale { id, .. },
                ..
            }) => Ok(Some(id)),
            Ok(Opened {
                binding: Binding::New,
                others,
                ..
            }) if others.is_empty() => Ok(None),
            Ok(_) => Ok(own()),
            // Signing out also ends a session that a later version of this crate wrote.
            Err(OpenError::Store(error)) if error.kind() == StoreErrorKind::Newer => Ok(own()),
            Err(error) => Err(error),
        }
    }
}
