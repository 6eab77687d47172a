//! Saving: the changes of a session go to the store during a request, or after it.

use super::{
    Engine,
    action::{Action, Performed},
};
use crate::{
    clock,
    error::{CommitError, SessionClosedError, SessionSaveError},
    session::{CookieDue, Flush, FlushFor, Session, SessionStatus, Work},
    storage::SessionStore,
};

impl<S: SessionStore> Engine<S> {
    /// Stores the changes so far.
    pub(super) async fn save(&self, session: &Session) -> Result<(), SessionSaveError> {
        if session.status() != SessionStatus::Unchanged {
            session.open().await.map_err(CommitError::from)?;
        }
        let saved = clock::within(self.settings.store_timeout, async {
            let flush = session.flush(FlushFor::Save).await;
            self.save_flush(session, flush).await
        });
        saved
            .await
            .unwrap_or_else(|after| Err(CommitError::Timeout { after }.into()))
    }

    /// Stores the changes of this flush.
    pub(super) async fn save_flush(
        &self,
        session: &Session,
        mut flush: Flush<'_>,
    ) -> Result<(), SessionSaveError> {
        if flush.work().ends_sessions() {
            self.end(&mut flush).await?;
        }
        let action = match self.decide(flush.work()) {
            // The commit does that: no change is lost.
            Action::Touch | Action::Reissue => Action::Nothing,
            action => action,
        };
        let needs_cookie = self.needs_cookie(action, flush.work());
        if needs_cookie && !session.machine().can_send_cookie() {
            return Err(SessionSaveError::ResponseSent);
        }
        let performed = self.perform(action, &mut flush).await?;
        // The client may have disconnected in the meantime.
        if needs_cookie && !session.machine().can_send_cookie() {
            return self.conclude_unsent(&mut flush, performed).await;
        }
        self.conclude_save(&mut flush, performed)
    }

    /// Ends the flush of a save.
    fn conclude_save(
        &self,
        flush: &mut Flush<'_>,
        performed: Performed,
    ) -> Result<(), SessionSaveError> {
        let stored = match performed {
            Performed::Nothing | Performed::Reissue(_) => None,
            Performed::RemoveCookie => {
                flush.work_mut().cookie_due = CookieDue::Remove;
                None
            }
            Performed::Stored(stored, cookie) => {
                if self.is_stateless {
                    // The caller of `save` gets the error if the cookie is too large.
                    self.issue(&stored).map_err(CommitError::from)?;
                }
                self.report_stored(flush.work(), &stored);
                let work = flush.work_mut();
                work.cookie_due = work.cookie_due.then(cookie);
                Some(stored)
            }
            Performed::Ended => {
                flush.finish(Err(SessionClosedError::Ended));
                return Err(SessionClosedError::Ended.into());
            }
            Performed::Refused(reason) => {
                flush.finish(Err(reason));
                return Err(reason.into());
            }
        };
        flush.finish(Ok(stored));
        Ok(())
    }

    /// Ends the flush of a save whose cookie can't be sent, because the client disconnected. A session that was
    /// created is deleted again. A session that was renewed stays usable for handles that outlive the request.
    async fn conclude_unsent(
        &self,
        flush: &mut Flush<'_>,
        performed: Performed,
    ) -> Result<(), SessionSaveError> {
        match performed {
            Performed::Stored(stored, _) if !self.is_stateless => {
                // The renewal of a session that actix-session made moves it to another id.
                let known = flush.work().base();
                if known.is_some_and(|it| it.id == stored.id || it.secret.is_none()) {
                    self.report_stored(flush.work(), &stored);
                    flush.finish(Ok(Some(stored)));
                } else {
                    self.delete_unneeded(&stored.id).await;
                }
            }
            Performed::Stored(..) | Performed::RemoveCookie => {}
            performed => return self.conclude_save(flush, performed),
        }
        Err(SessionSaveError::ResponseSent)
    }

    /// Whether the action has no effect unless the browser gets a cookie.
    fn needs_cookie(&self, action: Action, work: &Work) -> bool {
        match action {
            Action::Create
            | Action::CreateCopy
            | Action::CreateReplacement
            | Action::CreateFromChanges
            | Action::Renew => true,
            Action::Update => self.is_stateless,
            // A session that has ended on the server stays ended, even if the browser keeps the cookie.
            Action::RemoveCookie => !self.can_end_sessions() && work.cookie_came,
            _ => false,
        }
    }
}
