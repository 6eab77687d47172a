//! Committing: the changes of a session go to the store, and its cookie to the browser.
//!
//! A response is private if the application used the session (`Machine::is_used`), or if a handle of the session still
//! exists at the commit. Its headers are a pure function of that, the cookie, and the handler's `Cache-Control`.

use std::{borrow::Cow, pin::Pin, sync::Arc};

use super::{
    Engine, HeaderChanges, ResponseHead, SessionFailure, SessionManager,
    action::{Action, Performed},
    cache_control::{PRIVATE, private},
    lifetime::OnRead,
};
use crate::{
    clock,
    config::{Caching, Settings, SupersededPolicy},
    cookie::SetCookie,
    error::{CommitError, SessionClosedError},
    session::{
        CookieDue, Flush, FlushFor, Session, SessionStatus,
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
        let policy = &engine.response_policy;
        if !session.is_of(engine) {
            let error = CommitError::ForeignSession;
            return Err(SessionFailure::commit(error, &engine.settings, None));
        }
        if let Some(dependence) = engine.close_untouched(session, head) {
            return Ok(policy.changes(dependence, head.cache_control, None));
        }
        let committed = engine.store_and_seal(session, head).await;
        let dependence = {
            let mut machine = session.machine();
            machine.close();
            dependence(&machine, head)
        };
        match committed {
            Ok(cookie) => Ok(policy.changes(dependence, head.cache_control, cookie)),
            Err(error) => {
                let is_gone = matches!(
                    error,
                    CommitError::Closed(_) | CommitError::SignInRefused(_)
                );
                // Dropped changes were reported already, and are no failure of the server.
                if !is_gone {
                    engine.request_failed(Step::Commit, &error, error.is_outage());
                }
                let cookie = engine.due_cookie(session, is_gone);
                Err(SessionFailure::commit(error, &engine.settings, cookie))
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
        if machine.is_committed {
            return Some(Dependence::default());
        }
        let is_kept =
            |stored| self.on_read(stored, machine.extends_life, || now) == OnRead::Nothing;
        let is_untouched =
            machine.is_untouched() && machine.stored().is_none_or(|stored| is_kept(stored));
        if is_untouched {
            machine.close_committed();
        }
        is_untouched.then(|| dependence(&machine, head))
    }

    async fn store_and_seal(
        &self,
        session: &Session,
        head: &ResponseHead<'_>,
    ) -> Result<Option<SetCookie>, CommitError> {
        // A lazy session may be renewed before it is opened. Boxed, since it is rare.
        let is_unopened = {
            let machine = session.machine();
            machine.status == SessionStatus::Renewed && !machine.is_loaded()
        };
        if is_unopened {
            Box::pin(session.open()).await?;
        }
        let mut action = Action::Nothing;
        let stored = {
            // Boxed: it is large, and most requests store nothing.
            let storing = boxed(|| async {
                let mut flush = session.flush(FlushFor::Commit).await;
                if flush.work().ends_sessions() {
                    // Boxed, since it is rare.
                    Box::pin(self.end(&mut flush)).await?;
                }
                action = self.decide(flush.work());
                let performed = self.perform(action, &mut flush).await?;
                self.conclude_commit(&mut flush, performed, head)
            });
            clock::within(self.settings.store_timeout, storing).await
        };
        match stored.unwrap_or_else(|after| Err(CommitError::Timeout { after })) {
            Ok(CookieChange::Nothing) => Ok(None),
            Ok(CookieChange::Remove) => Ok(Some(self.removal_cookie())),
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
                Err(error) => {
                    let mut machine = session.machine();
                    if machine.has_ended_any && machine.cookie_came {
                        // The browser's cookie names a session that has ended.
                        machine.cookie_due = CookieDue::Remove;
                    }
                    Err(error.into())
                }
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
            Performed::Nothing => (Ok(None), CookieChange::Nothing),
            Performed::RemoveCookie => (Ok(None), CookieChange::Remove),
            Performed::Reissue(stored) => {
                let change = CookieChange::Issue(stored, CookieCause::Reissued);
                (Ok(None), change)
            }
            Performed::Stored(stored, cookie) => {
                // Events are rarely received. A session that no cookie carries is not stored.
                let is_received = self.events.sender.get().is_some();
                if is_received && (!self.is_stateless || self.issue(&stored).is_ok()) {
                    self.report_stored(flush.work(), &stored);
                }
                let change = match due.then(cookie) {
                    CookieDue::Issue => CookieChange::Issue(stored.clone(), CookieCause::Issued),
                    CookieDue::Refresh => {
                        CookieChange::Issue(stored.clone(), CookieCause::Reissued)
                    }
                    CookieDue::Nothing | CookieDue::Remove => CookieChange::Nothing,
                };
                (Ok(Some(stored)), change)
            }
            Performed::Ended => (Err(SessionClosedError::Ended), CookieChange::Nothing),
            Performed::Refused(reason) => {
                telemetry::changes_dropped(match reason {
                    SessionClosedError::Superseded => DropReason::Superseded,
                    _ => DropReason::Ended,
                });
                if !head.is_safe() && self.settings.on_superseded == SupersededPolicy::Refuse {
                    // The browser has got another cookie since, and would lose it to the one that is due.
                    if due == CookieDue::Issue {
                        flush.work_mut().cookie_due = CookieDue::Nothing;
                    }
                    return Err(reason.into());
                }
                (Err(reason), CookieChange::Nothing)
            }
        };
        flush.work_mut().cookie_due = CookieDue::Nothing;
        flush.finish(outcome);
        Ok(cookie)
    }
}

/// The future that `make` makes, in a box. `Box::pin` makes the future on the stack and copies it, and most futures are large
/// and nearly empty until they are polled.
#[inline]
pub(crate) fn boxed<F: Future>(make: impl FnOnce() -> F) -> Pin<Box<F>> {
    let place = Box::new_uninit();
    Box::into_pin(Box::write(place, make()))
}

/// How a response with this head depends on the session.
fn dependence(machine: &Machine, head: &ResponseHead<'_>) -> Dependence {
    Dependence {
        is_used: machine.is_used || head.holds_session,
        is_signed_in: machine.was_signed_in,
        has_ended: machine.has_ended_any,
    }
}

/// Whether the action only extends the lifetime of the session or of its cookie.
const fn changes_nothing(action: Action) -> bool {
    matches!(action, Action::Touch | Action::Reissue)
}

/// How a response depends on its session.
#[derive(Debug, Clone, Copy, Default)]
struct Dependence {
    /// Whether the application read or changed the session, or may still do so.
    is_used: bool,
    is_signed_in: bool,
    /// Whether the request has ended its session.
    has_ended: bool,
}

/// What the application chose for the headers of responses.
#[derive(Debug)]
pub(super) struct ResponsePolicy {
    caching: Caching,
    clear_site_data: bool,
    /// The header of the requests that names their session.
    pub(super) request_header: Cow<'static, str>,
}

impl ResponsePolicy {
    pub(super) fn new(settings: &Settings, request_header: Cow<'static, str>) -> Self {
        Self {
            caching: settings.caching,
            clear_site_data: settings.clear_site_data,
            request_header,
        }
    }

    /// The changes to the headers of a response with this `Cache-Control`, to which this cookie is added.
    fn changes(
        &self,
        dependence: Dependence,
        cache_control: Option<&str>,
        set_cookie: Option<SetCookie>,
    ) -> HeaderChanges {
        let clears_site_data = self.clear_site_data && dependence.has_ended;
        let is_private = dependence.is_used || set_cookie.is_some();
        if !is_private || matches!(self.caching, Caching::Unchanged) {
            return HeaderChanges {
                set_cookie,
                clears_site_data,
                ..HeaderChanges::default()
            };
        }
        HeaderChanges {
            cache_control: match (self.caching, cache_control, &set_cookie) {
                (Caching::NoStoreSignedIn, ..) if dependence.is_signed_in => {
                    Some(Cow::Borrowed("no-store"))
                }
                // Most responses.
                (_, None, None) => Some(Cow::Borrowed(PRIVATE)),
                (_, current, cookie) => private(current, cookie.as_ref().map(SetCookie::header)),
            },
            vary: Some(self.request_header.clone()),
            set_cookie,
            clears_site_data,
            retry_after: None,
        }
    }
}

#[cfg(test)]
mod tests;
