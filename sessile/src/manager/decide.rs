//! What a commit has to do, as a pure function of what happened to the session.

use crate::{lifetime::OnRead, session::SessionStatus};

/// What happened to a session, as far as its commit depends on it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation {
    pub(super) status: SessionStatus,
    /// Whether somebody else is known to have ended the session.
    pub(super) ended: bool,
    /// Whether the session is stored already.
    pub(super) stored: bool,
    /// Whether its state is empty.
    pub(super) empty: bool,
    /// Whether the request came with a cookie of our name, ours or not.
    pub(super) cookie_came: bool,
    /// Whether something was saved whose cookie has yet to be sent.
    pub(super) cookie_due: bool,
    /// What reading does for the session's life at its age.
    pub(super) on_read: OnRead,
}

/// What a commit has to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// Nothing.
    Nothing,
    /// Send the cookie again, if the session still lives; the store has nothing to change.
    Reissue,
    /// Extend the life of the stored session, and of the cookie if it has one of its own.
    Touch,
    /// Store a session for the first time, and send its cookie.
    Create,
    /// Store the changes, and send the cookie.
    Update,
    /// Store the session under a new key, and send its cookie.
    Renew,
    /// Delete the stored session, and have the browser forget the cookie.
    Delete,
    /// Have the browser forget a cookie that names no session.
    RemoveCookie,
}

pub(super) fn decide(situation: Situation) -> Action {
    let Situation {
        status,
        ended,
        stored,
        empty,
        cookie_came,
        cookie_due,
        on_read,
    } = situation;
    if ended {
        return Action::Nothing;
    }
    match (status, stored) {
        (SessionStatus::Unchanged, false) => Action::Nothing,
        (SessionStatus::Unchanged, true) => match on_read {
            OnRead::Touch => Action::Touch,
            OnRead::Reissue => Action::Reissue,
            OnRead::Nothing if cookie_due => Action::Reissue,
            OnRead::Nothing => Action::Nothing,
        },
        (SessionStatus::Changed | SessionStatus::Renewed, false) if empty => Action::Nothing,
        (SessionStatus::Changed | SessionStatus::Renewed, false) => Action::Create,
        (SessionStatus::Changed, true) => Action::Update,
        (SessionStatus::Renewed, true) => Action::Renew,
        (SessionStatus::Purged, true) => Action::Delete,
        (SessionStatus::Purged, false) if cookie_came => Action::RemoveCookie,
        (SessionStatus::Purged, false) => Action::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{lifetime::OnRead as Read, session::SessionStatus as Status};

    const READS: [Read; 3] = [Read::Nothing, Read::Reissue, Read::Touch];

    /// Every situation there is, with what has to be done.
    fn table() -> Vec<(Situation, Action)> {
        let statuses = [
            Status::Unchanged,
            Status::Changed,
            Status::Renewed,
            Status::Purged,
        ];
        let mut rows = Vec::new();
        for (status, on_read) in statuses.iter().flat_map(|s| READS.map(|r| (*s, r))) {
            for flags in 0..32_u8 {
                let flag = |bit: u8| flags & (1 << bit) != 0;
                let situation = Situation {
                    status,
                    ended: flag(0),
                    stored: flag(1),
                    empty: flag(2),
                    cookie_came: flag(3),
                    cookie_due: flag(4),
                    on_read,
                };
                rows.push((situation, decide(situation)));
            }
        }
        rows
    }

    fn all(matching: impl Fn(&Situation) -> bool, expected: Action) {
        let rows: Vec<_> = table()
            .into_iter()
            .filter(|(situation, _)| !situation.ended && matching(situation))
            .collect();
        assert!(!rows.is_empty());
        for (situation, action) in rows {
            assert_eq!(action, expected, "{situation:?}");
        }
    }

    #[test]
    fn an_ended_session_is_left_alone() {
        let ended: Vec<_> = table().into_iter().filter(|(s, _)| s.ended).collect();
        assert_eq!(ended.len(), 4 * 3 * 16);
        assert!(ended.iter().all(|(_, action)| *action == Action::Nothing));
    }

    #[test]
    fn a_session_that_is_not_stored_and_left_empty_leaves_no_trace() {
        all(
            |s| !s.stored && s.empty && s.status != Status::Purged,
            Action::Nothing,
        );
        all(
            |s| !s.stored && s.status == Status::Unchanged,
            Action::Nothing,
        );
    }

    #[test]
    fn the_first_content_creates_it() {
        all(
            |s| !s.stored && !s.empty && s.status == Status::Changed,
            Action::Create,
        );
        all(
            |s| !s.stored && !s.empty && s.status == Status::Renewed,
            Action::Create,
        );
    }

    #[test]
    fn changes_are_stored_even_if_nothing_is_left() {
        all(|s| s.stored && s.status == Status::Changed, Action::Update);
        all(|s| s.stored && s.status == Status::Renewed, Action::Renew);
    }

    #[test]
    fn reading_does_what_the_policy_says() {
        let read = |s: &Situation| s.stored && s.status == Status::Unchanged;
        all(|s| read(s) && s.on_read == Read::Touch, Action::Touch);
        all(|s| read(s) && s.on_read == Read::Reissue, Action::Reissue);
        all(
            |s| read(s) && s.on_read == Read::Nothing && !s.cookie_due,
            Action::Nothing,
        );
        all(
            |s| read(s) && s.on_read == Read::Nothing && s.cookie_due,
            Action::Reissue,
        );
    }

    #[test]
    fn purging_removes_what_is_there_and_nothing_else() {
        all(|s| s.stored && s.status == Status::Purged, Action::Delete);
        all(
            |s| !s.stored && s.cookie_came && s.status == Status::Purged,
            Action::RemoveCookie,
        );
        all(
            |s| !s.stored && !s.cookie_came && s.status == Status::Purged,
            Action::Nothing,
        );
    }
}
