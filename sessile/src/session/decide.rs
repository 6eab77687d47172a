//! What a save or a commit has to do, as a pure function of the session's situation.

use super::SessionStatus;
use crate::engine::lifetime::OnRead;

/// Everything that the next action depends on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Situation {
    pub(crate) status: SessionStatus,
    pub(crate) binding: Bound,
    /// Whether it has no values and no user.
    pub(crate) is_empty: bool,
    /// Whether the request signs a user in.
    pub(crate) signs_in: bool,
    /// Whether the request has a cookie of our name, valid or not.
    pub(crate) cookie_came: bool,
    /// The cookie that earlier saves made due.
    pub(crate) cookie_due: CookieDue,
    /// What reading the session does to its lifetime now.
    pub(crate) on_read: OnRead,
}

/// The kind of a [`Binding`](super::machine::Binding). An unopened session counts as new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bound {
    New,
    Stored,
    Stale,
    Superseded,
    Ended,
    Detached,
}

/// The cookie that the next response has to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CookieDue {
    Nothing,
    /// The cookie that the browser has, with its full `Max-Age`.
    Refresh,
    /// A cookie that the browser does not have yet.
    Issue,
    /// A removal cookie.
    Remove,
}

impl CookieDue {
    /// What is due after a write that makes `later` due.
    pub(crate) const fn then(self, later: Self) -> Self {
        match (self, later) {
            (due, Self::Nothing) | (due @ Self::Issue, Self::Refresh) => due,
            (_, later) => later,
        }
    }
}

/// What a save or a commit has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
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

pub(crate) fn decide(situation: Situation) -> Action {
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
        (SessionStatus::Purged, _) | (_, Bound::Detached) => removal,
        (SessionStatus::Unchanged, Bound::Stored) => match (on_read, cookie_due) {
            (OnRead::Touch, _) => Action::Touch,
            (OnRead::Reissue, _) | (_, CookieDue::Refresh | CookieDue::Issue) => Action::Reissue,
            (OnRead::Nothing, _) => Action::Nothing,
        },
        (SessionStatus::Unchanged, _) => removal,
        (SessionStatus::Changed, Bound::Stored) => Action::Update,
        (SessionStatus::Changed, Bound::Stale | Bound::Superseded) => Action::RefuseSuperseded,
        (SessionStatus::Renewed, Bound::Stored) => Action::Renew,
        (SessionStatus::Renewed, Bound::Ended) if signs_in => Action::CreateFromChanges,
        (_, Bound::Ended) => Action::RefuseEnded,
        (_, Bound::New | Bound::Stale | Bound::Superseded) if is_empty => removal,
        (SessionStatus::Changed | SessionStatus::Renewed, Bound::New) => Action::Create,
        (SessionStatus::Renewed, Bound::Stale) if signs_in => Action::CreateCopy,
        (SessionStatus::Renewed, Bound::Stale) => Action::Create,
        (SessionStatus::Renewed, Bound::Superseded) => Action::CreateReplacement,
    }
}

#[cfg(test)]
mod tests;
