//! What a save or a commit has to do, as a pure function of the session's situation.

use super::{SessionStatus, machine::CookieDue};
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
    /// Store a new session in place of one that another request renewed, and send its cookie.
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
        (SessionStatus::Renewed, Bound::Stale) => Action::Create,
        (SessionStatus::Renewed, Bound::Superseded) => Action::CreateReplacement,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUSES: [SessionStatus; 4] = [
        SessionStatus::Unchanged,
        SessionStatus::Changed,
        SessionStatus::Renewed,
        SessionStatus::Purged,
    ];
    const BOUNDS: [Bound; 6] = [
        Bound::New,
        Bound::Stored,
        Bound::Stale,
        Bound::Superseded,
        Bound::Ended,
        Bound::Detached,
    ];
    const DUES: [CookieDue; 4] = [
        CookieDue::Nothing,
        CookieDue::Refresh,
        CookieDue::Issue,
        CookieDue::Remove,
    ];
    const READS: [OnRead; 3] = [OnRead::Nothing, OnRead::Reissue, OnRead::Touch];

    /// Every situation that there is.
    fn situations() -> Vec<Situation> {
        let mut situations = Vec::new();
        for (status, binding) in STATUSES.iter().flat_map(|s| BOUNDS.map(|b| (*s, b))) {
            for (cookie_due, on_read) in DUES.iter().flat_map(|d| READS.map(|r| (*d, r))) {
                for bits in 0..8 {
                    let [is_empty, signs_in, cookie_came] = [1, 2, 4].map(|bit| bits & bit != 0);
                    situations.push(Situation {
                        status,
                        binding,
                        is_empty,
                        signs_in,
                        cookie_came,
                        cookie_due,
                        on_read,
                    });
                }
            }
        }
        situations
    }

    /// Checks the rows that match, which have to be as many as expected.
    #[track_caller]
    fn all(count: usize, matching: impl Fn(&Situation) -> bool, expected: Action) {
        let rows = situations().into_iter().filter(matching);
        let rows: Vec<_> = rows.map(|row| (row, decide(row))).collect();
        assert_eq!(rows.len(), count);
        for (row, action) in rows {
            assert_eq!(action, expected, "{row:?}");
        }
    }

    use Bound::{Detached, Ended, New, Stale, Superseded};
    use SessionStatus::{Changed, Purged, Renewed, Unchanged};

    #[test]
    fn a_purge_has_the_browser_forget_its_cookie() {
        all(
            6 * 12 * 2 * 2,
            |s| s.status == Purged && s.cookie_came,
            Action::RemoveCookie,
        );
        // A session of this request's own that was saved and then purged.
        let removes = |s: &Situation| s.cookie_due == CookieDue::Remove;
        all(
            6 * 3 * 2 * 2,
            |s| s.status == Purged && !s.cookie_came && removes(s),
            Action::RemoveCookie,
        );
        all(
            6 * 9 * 2 * 2,
            |s| s.status == Purged && !s.cookie_came && !removes(s),
            Action::Nothing,
        );
    }

    #[test]
    fn a_request_without_the_store_leaves_no_trace() {
        let detached = |s: &Situation| s.binding == Detached && s.status != Purged;
        all(
            3 * 9 * 4 * 2,
            |s| detached(s) && s.cookie_due != CookieDue::Remove,
            Action::Nothing,
        );
    }

    #[test]
    fn a_session_that_is_not_stored_and_left_empty_leaves_no_trace() {
        let traceless = |s: &Situation| {
            s.binding == New
                && s.is_empty
                && s.status != Purged
                && s.cookie_due != CookieDue::Remove
        };
        all(3 * 9 * 2 * 2, traceless, Action::Nothing);
    }

    #[test]
    fn a_restart_that_leaves_nothing_removes_the_cookie() {
        let restarted = |s: &Situation| {
            s.binding == New
                && s.is_empty
                && s.status != Purged
                && s.cookie_due == CookieDue::Remove
        };
        all(3 * 3 * 2 * 2, restarted, Action::RemoveCookie);
    }

    #[test]
    fn the_first_content_creates_a_session() {
        let written = |s: &Situation| s.binding == New && !s.is_empty;
        all(
            12 * 2 * 2,
            |s| written(s) && s.status == Changed,
            Action::Create,
        );
        all(
            12 * 2 * 2,
            |s| written(s) && s.status == Renewed,
            Action::Create,
        );
    }

    #[test]
    fn changes_are_stored_even_if_nothing_is_left() {
        let stored = |s: &Situation| s.binding == Bound::Stored;
        all(
            12 * 4 * 2,
            |s| stored(s) && s.status == Changed,
            Action::Update,
        );
        all(
            12 * 4 * 2,
            |s| stored(s) && s.status == Renewed,
            Action::Renew,
        );
    }

    #[test]
    fn reading_does_what_the_policy_says() {
        let read = |s: &Situation| s.binding == Bound::Stored && s.status == Unchanged;
        all(
            4 * 4 * 2,
            |s| read(s) && s.on_read == OnRead::Touch,
            Action::Touch,
        );
        all(
            4 * 4 * 2,
            |s| read(s) && s.on_read == OnRead::Reissue,
            Action::Reissue,
        );
        let is_due = |s: &Situation| matches!(s.cookie_due, CookieDue::Refresh | CookieDue::Issue);
        let sends = |s: &Situation| s.on_read == OnRead::Nothing && is_due(s);
        all(2 * 4 * 2, |s| read(s) && sends(s), Action::Reissue);
        let nothing = |s: &Situation| s.on_read == OnRead::Nothing && !is_due(s);
        all(2 * 4 * 2, |s| read(s) && nothing(s), Action::Nothing);
    }

    #[test]
    fn changes_of_a_session_that_another_request_renewed_are_refused() {
        let dead = |s: &Situation| matches!(s.binding, Stale | Superseded);
        all(
            2 * 12 * 4 * 2,
            |s| dead(s) && s.status == Changed,
            Action::RefuseSuperseded,
        );
    }

    #[test]
    fn a_renewal_of_a_session_that_another_request_renewed_begins_a_new_one() {
        let renewed = |s: &Situation| s.status == Renewed && !s.is_empty;
        all(
            12 * 2 * 2,
            |s| renewed(s) && s.binding == Stale,
            Action::Create,
        );
        all(
            12 * 2 * 2,
            |s| renewed(s) && s.binding == Superseded,
            Action::CreateReplacement,
        );
    }

    #[test]
    fn changes_and_renewals_of_an_ended_session_are_refused() {
        let ended = |s: &Situation| s.binding == Ended;
        all(
            12 * 8,
            |s| ended(s) && s.status == Changed,
            Action::RefuseEnded,
        );
        let renewed = |s: &Situation| s.status == Renewed && !s.signs_in;
        all(12 * 4, |s| ended(s) && renewed(s), Action::RefuseEnded);
    }

    #[test]
    fn a_sign_in_begins_a_new_session_in_place_of_an_ended_one() {
        let signs_in = |s: &Situation| s.status == Renewed && s.signs_in;
        all(
            12 * 4,
            |s| signs_in(s) && s.binding == Ended,
            Action::CreateFromChanges,
        );
    }

    #[test]
    fn reading_a_session_that_is_gone_does_nothing() {
        let gone = |s: &Situation| matches!(s.binding, Stale | Superseded | Ended);
        all(
            3 * 9 * 4 * 2,
            |s| gone(s) && s.status == Unchanged && s.cookie_due != CookieDue::Remove,
            Action::Nothing,
        );
    }
}
