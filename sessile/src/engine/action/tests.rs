use super::*;

const STATUSES: [SessionStatus; 4] = [
    SessionStatus::Unchanged,
    SessionStatus::Changed,
    SessionStatus::Renewed,
    SessionStatus::Purged,
];
const BINDINGS: [BindingKind; 6] = [
    BindingKind::New,
    BindingKind::Stored,
    BindingKind::Stale,
    BindingKind::Superseded,
    BindingKind::Ended,
    BindingKind::Detached,
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
    for (status, binding) in STATUSES.iter().flat_map(|s| BINDINGS.map(|b| (*s, b))) {
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

use BindingKind::{Detached, Ended, New, Stale, Superseded};
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
        s.binding == New && s.is_empty && s.status != Purged && s.cookie_due != CookieDue::Remove
    };
    all(3 * 9 * 2 * 2, traceless, Action::Nothing);
}

#[test]
fn a_restart_that_leaves_nothing_removes_the_cookie() {
    let restarted = |s: &Situation| {
        s.binding == New && s.is_empty && s.status != Purged && s.cookie_due == CookieDue::Remove
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
    let stored = |s: &Situation| s.binding == BindingKind::Stored;
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
    let read = |s: &Situation| s.binding == BindingKind::Stored && s.status == Unchanged;
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
    let stale = |s: &Situation| renewed(s) && s.binding == Stale;
    all(12 * 2, |s| stale(s) && !s.signs_in, Action::Create);
    all(12 * 2, |s| stale(s) && s.signs_in, Action::CreateCopy);
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
