//! Committing: the changes of a session go to the store, and its cookie to the browser.

use std::sync::Arc;

use super::{
    Engine, HeaderChanges, ResponseHead, SessionFailure, SessionManager, cache_control::Dependence,
    perform::Performed,
};
use crate::{
    clock::{self, Timestamp},
    config::SupersededPolicy,
    cookie::{Content, CookieTooLargeError, SetCookie},
    engine::lifetime::OnRead,
    error::{CommitError, SessionClosedError},
    record::RotationDue,
    session::{
        Flush, FlushOutcome, Session, SessionStatus,
        decide::{Action, CookieDue},
        machine::{Machine, Stored},
    },
    storage::SessionStore,
    telemetry::{self, CookieCause, DropReason, Step},
};

/// What a commit does to the cookie of the browser.
enum CookieChange {
    Nothing,
    Issue(Arc<Stored>, CookieCause),
    Remove,
}

impl<S: SessionStore> SessionManager<S> {
    /// Stores the changes of the request, and returns the headers for its response.
    ///
    /// The session takes no changes after that. A second commit of the same session does nothing, and
    /// returns no headers.
    ///
    #[doc = include_str!("docs/commit.md")]
    /// # Errors
    ///
    /// If the changes were not stored, or the cookie would be too large. The failure has the status and the
    /// headers of the answer that replaces the response, which would acknowledge lost changes.
    pub async fn commit(
        &self,
        session: &Session,
        head: &ResponseHead<'_>,
    ) -> Result<HeaderChanges, SessionFailure> {
        let engine = &*self.0;
        if !session.is_of(engine) {
            return Err(SessionFailure::commit(
                CommitError::ForeignSession,
                500,
                None,
            ));
        }
        if let Some(dependence) = engine.close_untouched(session, head) {
            return Ok(engine.headers(dependence, None, head));
        }
        let committed = engine.store_and_seal(session, head).await;
        let dependence = {
            let mut machine = session.machine();
            machine.close();
            dependence(&machine, head)
        };
        match committed {
            Ok(cookie) => Ok(engine.headers(dependence, cookie, head)),
            Err(error) => {
                let is_gone = matches!(
                    error,
                    CommitError::Closed(_) | CommitError::SignInRefused(_)
                );
                let status = match &error {
                    _ if is_gone => 409,
                    error if error.is_store_failure() => engine.failure_status(),
                    _ => 500,
                };
                // Dropped changes were reported already, and are no failure of the server.
                if !is_gone {
                    engine.request_failed(Step::Commit, &error, error.is_outage());
                }
                let cookie = engine.due_cookie(session, is_gone);
                Err(SessionFailure::commit(error, status, cookie))
            }
        }
    }
}

impl<S: SessionStore> Engine<S> {
    /// Closes a session that needs nothing from its store or the browser, and returns how the response depends on it.
    fn close_untouched(&self, session: &Session, head: &ResponseHead<'_>) -> Option<Dependence> {
        // The clock is the application's code, so it is not read under the lock.
        let now = (self.lifetime.reading_extends_any()).then(|| self.clock.now());
        let mut machine = session.machine();
        let now = now.unwrap_or(machine.began_at);
        if machine.is_committed() {
            return Some(Dependence::default());
        }
        let needs_touch = |stored| self.needs_touch(stored, machine.extends_life.then_some(now));
        let is_untouched = machine.is_untouched() && !machine.stored().is_some_and(needs_touch);
        if is_untouched {
            machine.commit_untouched();
        }
        is_untouched.then(|| dependence(&machine, head))
    }

    /// Whether a session without changes has to be stored, or its cookie sent, for a rotation or to live longer. `now` is
    /// `None` if the request does not extend its life.
    fn needs_touch(&self, stored: &Arc<Stored>, now: Option<Timestamp>) -> bool {
        self.rotation_due(stored) != RotationDue::Nothing
            || now.is_some_and(|now| self.on_read(&stored.record, || now) != OnRead::Nothing)
    }

    /// The changes to the headers of a response to which this cookie is added.
    fn headers(
        &self,
        dependence: Dependence,
        set_cookie: Option<SetCookie>,
        head: &ResponseHead<'_>,
    ) -> HeaderChanges {
        self.response_policy
            .changes(dependence, head.cache_control, set_cookie)
    }

    async fn store_and_seal(
        &self,
        session: &Session,
        head: &ResponseHead<'_>,
    ) -> Result<Option<SetCookie>, CommitError> {
        // A lazy session may be renewed before it is opened. Boxed, since it is rare.
        let is_unopened = {
            let machine = session.machine();
            machine.status == SessionStatus::Renewed && !machine.is_readable()
        };
        if is_unopened {
            Box::pin(session.open()).await?;
        }
        let mut action = Action::Nothing;
        let stored = {
            // Boxed: it is large, and most requests store nothing.
            let storing = Box::pin(async {
                let mut flush = session.flush(true).await;
                self.end_pending(&mut flush).await?;
                action = self.decide(flush.work());
                let performed = self.perform(action, &mut flush).await?;
                self.conclude_commit(&mut flush, performed, head)
            });
            clock::within(self.store_timeout, storing).await
        };
        match stored.unwrap_or_else(|after| Err(CommitError::Timeout { after })) {
            Ok(CookieChange::Nothing) => Ok(None),
            Ok(CookieChange::Remove) => Ok(Some(self.remove())),
            Ok(CookieChange::Issue(stored, cause)) => match self.issue(&stored) {
                Ok(cookie) => {
                    if cookie.is_some() {
                        telemetry::cookie_sent(cause);
                    }
                    // Handles that are used after the response have to know that the browser has a cookie.
                    session.machine().cookie_came = true;
                    Ok(cookie)
                }
                Err(error) if changes_nothing(action) => {
                    self.request_failed(Step::ResendCookie, &error, false);
                    Ok(None)
                }
                Err(error) => Err(error.into()),
            },
            // No change is lost: the request succeeds.
            Err(error) if changes_nothing(action) && !matches!(error, CommitError::Closed(_)) => {
                self.request_failed(Step::ExtendLifetime, &error, error.is_outage());
                Ok(self.due_cookie(session, false))
            }
            Err(error) => Err(error),
        }
    }

    /// Ends the flush of a commit.
    fn conclude_commit(
        &self,
        flush: &mut Flush<'_>,
        performed: Performed,
        head: &ResponseHead<'_>,
    ) -> Result<CookieChange, CommitError> {
        let due = flush.work().cookie_due;
        let (outcome, cookie) = match performed {
            Performed::Nothing => (FlushOutcome::Untouched, CookieChange::Nothing),
            Performed::RemoveCookie => (FlushOutcome::Untouched, CookieChange::Remove),
            Performed::Reissue(stored) => {
                let change = CookieChange::Issue(stored, CookieCause::Reissued);
                (FlushOutcome::Untouched, change)
            }
            Performed::Stored(stored, cookie) => {
                self.report_stored(flush.work(), &stored);
                let change = match due.then(cookie) {
                    CookieDue::Issue => CookieChange::Issue(stored.clone(), CookieCause::Issued),
                    CookieDue::Refresh => {
                        CookieChange::Issue(stored.clone(), CookieCause::Reissued)
                    }
                    CookieDue::Nothing | CookieDue::Remove => CookieChange::Nothing,
                };
                (FlushOutcome::Stored(stored), change)
            }
            Performed::Ended => (FlushOutcome::Ended, CookieChange::Nothing),
            Performed::Refused(reason) => {
                telemetry::changes_dropped(match reason {
                    SessionClosedError::Superseded => DropReason::Superseded,
                    _ => DropReason::Ended,
                });
                if !head.is_safe() && self.on_superseded == SupersededPolicy::Refuse {
                    // The browser has got another cookie since, and would lose it to the one that is due.
                    if due == CookieDue::Issue {
                        flush.work_mut().cookie_due = CookieDue::Nothing;
                    }
                    return Err(reason.into());
                }
                (reason.into(), CookieChange::Nothing)
            }
        };
        flush.work_mut().cookie_due = CookieDue::Nothing;
        flush.finish(outcome);
        Ok(cookie)
    }

    /// The cookie that an earlier save made due. It is sent with an error too, because the browser's old
    /// cookie may no longer name a session.
    fn due_cookie(&self, session: &Session, is_gone: bool) -> Option<SetCookie> {
        let (due, stored) = {
            let machine = session.machine();
            (machine.cookie_due, machine.stored().cloned())
        };
        match due {
            // The browser has this cookie already, and it may no longer be valid.
            CookieDue::Nothing | CookieDue::Refresh => None,
            // The session has ended or was renewed: this cookie would replace a valid one.
            CookieDue::Issue if is_gone => None,
            CookieDue::Issue => {
                let cookie = self.issue(&stored?).ok()??;
                telemetry::cookie_sent(CookieCause::Issued);
                Some(cookie)
            }
            CookieDue::Remove => Some(self.remove()),
        }
    }

    fn remove(&self) -> SetCookie {
        telemetry::cookie_sent(CookieCause::Removed);
        self.cookie.removal()
    }

    /// The cookie of this session, unless only the browser has its newest secret.
    pub(super) fn issue(
        &self,
        stored: &Arc<Stored>,
    ) -> Result<Option<SetCookie>, CookieTooLargeError> {
        let now = self.clock.now();
        let content = match self.is_stateless {
            true => Content::Record(Arc::clone(stored)),
            false => match self.newest_key(stored, now) {
                Some(key) => Content::Key(key),
                None => return Ok(None),
            },
        };
        let max_age = self.lifetime.max_age(&stored.record, now);
        self.cookie.issue(&content, now, max_age).map(Some)
    }
}

/// How a response with this head depends on the session.
fn dependence(machine: &Machine, head: &ResponseHead<'_>) -> Dependence {
    Dependence {
        is_used: machine.is_used || head.holds_session,
        is_signed_in: machine.was_signed_in,
        has_ended: machine.generation() > 0,
    }
}

/// Whether the action only extends the lifetime of the session or of its cookie.
const fn changes_nothing(action: Action) -> bool {
    matches!(action, Action::Touch | Action::Reissue)
}
