//! What must hold after each schedule.

use sessile::{Session, clock::Clock as _, engine::ResponseHead, storage::SessionId};

use crate::{
    model::Entry,
    programs::{COUNTER, Program, own_name},
    report::{Change, ChangeKind, Fate, Report},
    run::Run,
    setup::{INITIAL_COUNT, SEED, at_once},
    stepped_store::RequestIndex,
    violation::{Invariant, Violation},
};

/// What a cookie opens after the two requests.
struct Visit {
    cookie: String,
    session: Session,
    id: Option<SessionId>,
}

/// The name that the request after the two inserts.
const FOLLOWED: &str = "written after";

impl Run<'_> {
    /// Checks the invariants, and has the next request follow: first one that writes, then one that signs out.
    pub(crate) fn follow(&mut self) -> Result<(), Violation> {
        self.check()?;
        for visit in self.visits()? {
            let Some(id) = visit.id else { continue };
            match self.followed {
                0 => {
                    visit.session.insert(FOLLOWED, true).unwrap();
                    self.written_after.insert(id);
                }
                _ => {
                    visit.session.purge();
                    self.ended.insert(id);
                }
            }
            let head = ResponseHead::to("POST");
            if let Err(failure) = at_once(self.setup.manager(0).commit(&visit.session, &head))? {
                let what = format!("a request that comes alone is answered {failure}");
                return Err(Invariant::Answers.violated(what));
            }
        }
        self.followed += 1;
        Ok(())
    }

    /// Checks the invariants as far as they hold at this stage.
    pub(crate) fn check(&self) -> Result<(), Violation> {
        if self.followed == 0 {
            self.check_answers(0)?;
            self.check_answers(1)?;
        }
        let visits = self.visits()?;
        self.check_ended(&visits)?;
        self.check_old_key(&visits)?;
        if self.followed == 2 {
            return Ok(());
        }
        self.check_stored_session(&visits)?;
        self.check_new_session(0, &visits)?;
        self.check_new_session(1, &visits)?;
        for visit in &visits {
            let was_written = (visit.id.as_ref()).is_some_and(|id| self.written_after.contains(id));
            if was_written && !visit.session.contains_key(FOLLOWED) {
                return Err(Invariant::Lost.violated("the write of a later request is gone"));
            }
        }
        Ok(())
    }

    /// The sessions that all cookies open that were ever sent.
    fn visits(&self) -> Result<Vec<Visit>, Violation> {
        let mut cookies = vec![self.setup.cookie.to_string()];
        cookies.extend(
            [0, 1]
                .into_iter()
                .filter_map(|index| self.report(index).cookie),
        );
        let open = |cookie: String| {
            let opening = self.setup.manager(0).open([cookie.as_bytes()]);
            match at_once(opening)? {
                Ok(session) => Ok(Visit {
                    id: session.id(),
                    cookie,
                    session,
                }),
                Err(failure) => Err(Invariant::Answers.violated(failure.to_string())),
            }
        };
        cookies.into_iter().map(open).collect()
    }

    fn check_answers(&self, index: RequestIndex) -> Result<(), Violation> {
        let other = self.programs[1 - index];
        let has_failed = self.failed == Some(index);
        let is_acknowledged = |it: &Change| matches!(it.fate, Fate::Acknowledged(_));
        // On one server, the other request may store the changes of both.
        let has_stored =
            self.has_stored[index] || (self.setup.share_a_server() && self.has_stored[1 - index]);
        if !has_stored && self.report(index).changes.iter().any(is_acknowledged) {
            return Err(Invariant::Lost.violated("a change was never stored"));
        }
        match self.report(index).status {
            None if has_failed || self.programs[index].is_from_outside() => Ok(()),
            Some(200) => Ok(()),
            Some(409) if self.programs[index].may_be_refused_beside(other) => Ok(()),
            Some(409) if self.ended.contains(&self.setup.id) => Ok(()),
            Some(503) if has_failed => Ok(()),
            Some(500) if self.programs[index].is_fragile() && other.increments() => Ok(()),
            // Its changes were in the update of the other request. That update failed, and another one followed it.
            Some(503) if self.failed.is_some() && self.setup.share_a_server() => Ok(()),
            status => {
                let name = ["A", "B"][index];
                let what = format!("{name} is answered {status:?} without a reason");
                Err(Invariant::Answers.violated(what))
            }
        }
    }

    fn check_ended(&self, visits: &[Visit]) -> Result<(), Violation> {
        let reports = [self.report(0), self.report(1)];
        let is_ended = |report: &Report| matches!(report.ending, Some(Fate::Acknowledged(_)));
        let was_ended = reports.iter().any(is_ended);
        if was_ended && self.stored(&self.setup.id).is_some() {
            return Err(Invariant::Ended.violated("the session is still stored"));
        }
        for visit in visits {
            let opens_ended = visit.id.as_ref().is_some_and(|id| self.ended.contains(id));
            let opens_old = visit.id.as_ref() == Some(&self.setup.id);
            if opens_ended || (was_ended && opens_old) {
                return Err(Invariant::Ended.violated("a cookie opens it"));
            }
            if was_ended && self.ends_user() && visit.session.subject().is_some() {
                return Err(Invariant::Ended.violated("the user is signed in"));
            }
            if was_ended && visit.session.contains_key(SEED) {
                return Err(Invariant::Ended.violated("another session has its content"));
            }
        }
        Ok(())
    }

    /// Whether a program ends all sessions of the user. All sign-ins begin before that.
    fn ends_user(&self) -> bool {
        self.programs.contains(&Program::EndAll)
    }

    fn check_old_key(&self, visits: &[Visit]) -> Result<(), Violation> {
        let renewed = [0, 1].into_iter().any(|index| self.has_renewed(index));
        let old = visits
            .iter()
            .find(|visit| *visit.cookie == *self.setup.cookie);
        if renewed && old.is_some_and(|visit| visit.id.is_some()) {
            return Err(Invariant::OldKey.violated("the old cookie opens the renewed session"));
        }
        Ok(())
    }

    /// Whether the request got the answer that it renewed the stored session.
    fn has_renewed(&self, index: RequestIndex) -> bool {
        self.report(index).renewal == Some(Fate::Acknowledged(Some(self.setup.id.clone())))
    }

    /// Checks the session that was there before the two requests.
    fn check_stored_session(&self, visits: &[Visit]) -> Result<(), Violation> {
        let id = &self.setup.id;
        let reports = [self.report(0), self.report(1)];
        let may_have_ended =
            self.ended.contains(id) || reports.iter().any(|report| report.ending.is_some());
        let Some(entry) = self.stored(id) else {
            return match may_have_ended {
                true => Ok(()),
                false => Err(Invariant::Lost.violated("the session is gone")),
            };
        };
        self.check_content(&entry)?;
        let newest = [0, 1].into_iter().find(|index| self.has_renewed(*index));
        let may_be_renewed = |report: &Report| report.renewal == Some(Fate::Unknown);
        let cookie = match newest {
            // The client disconnected, and got no cookie.
            Some(index) if reports[index].status.is_none() => return Ok(()),
            Some(index) => reports[index].cookie.clone(),
            None if reports.iter().any(may_be_renewed) => return Ok(()),
            None => Some(self.setup.cookie.to_string()),
        };
        let is_idle = entry.record.ends_at() <= self.setup.store.clock().now();
        let opens =
            |visit: &Visit| Some(&visit.cookie) == cookie.as_ref() && visit.id.as_ref() == Some(id);
        if !is_idle && !visits.iter().any(opens) {
            return Err(Invariant::Lost.violated("its newest cookie does not open the session"));
        }
        Ok(())
    }

    /// Checks that the session has each change as often as the answers say.
    fn check_content(&self, entry: &Entry) -> Result<(), Violation> {
        let here = Fate::Acknowledged(Some(self.setup.id.clone()));
        let (mut acknowledged, mut unknown) = (0, 0);
        for index in [0, 1] {
            for change in self.report(index).changes {
                let is_there = entry.record.state.contains(own_name(index));
                match (change.kind, change.fate) {
                    (ChangeKind::Name, fate) if fate == here && !is_there => {
                        return Err(Invariant::Lost.violated("a name is gone"));
                    }
                    (ChangeKind::Name, Fate::Refused) if is_there => {
                        return Err(Invariant::Twice.violated("a refused name is there"));
                    }
                    (ChangeKind::Increment, fate) if fate == here => acknowledged += 1,
                    (ChangeKind::Increment, Fate::Unknown) => unknown += 1,
                    _ => {}
                }
            }
        }
        let count: Option<u32> = entry.record.state.get(COUNTER).unwrap();
        let (count, least) = (count.unwrap_or_default(), INITIAL_COUNT + acknowledged);
        let counts = format!("the counter is {count}, of {least} and {unknown} that are unknown");
        match count {
            _ if count < least => Err(Invariant::Lost.violated(counts)),
            _ if count > least + unknown => Err(Invariant::Twice.violated(counts)),
            _ => Ok(()),
        }
    }

    /// Checks the session that the request has created, if it has.
    fn check_new_session(&self, index: RequestIndex, visits: &[Visit]) -> Result<(), Violation> {
        let report = self.report(index);
        // The client disconnected, and got no cookie.
        if report.status.is_none() {
            return Ok(());
        }
        let has_own_name = |visit: &Visit| visit.session.contains_key(own_name(index));
        let is_refused = |change: &Change| change.fate == Fate::Refused;
        if report.changes.iter().any(is_refused) && visits.iter().any(has_own_name) {
            return Err(Invariant::Twice.violated("a refused name is in another session"));
        }
        let Some(id) = report
            .new_session(&self.setup.id)
            .filter(|id| !self.has_expired(id))
        else {
            return Ok(());
        };
        let here = Fate::Acknowledged(Some(id.clone()));
        let own = |visit: &&Visit| {
            visit.id.as_ref() == Some(&id) && Some(&visit.cookie) == report.cookie.as_ref()
        };
        let Some(visit) = visits.iter().find(own) else {
            return Err(Invariant::Lost.violated("its cookie does not open a new session"));
        };
        let acknowledged = |kind| {
            let changes = report.changes.iter();
            changes
                .filter(|it| it.kind == kind && it.fate == here)
                .count()
        };
        let count: u32 = visit.session.get(COUNTER).unwrap().unwrap_or_default();
        let before = if visit.session.contains_key(SEED) {
            INITIAL_COUNT
        } else {
            0
        };
        let added = count.checked_sub(before).map(|added| added as usize);
        let increments = acknowledged(ChangeKind::Increment);
        let has_all_names = acknowledged(ChangeKind::Name) == 0 || has_own_name(visit);
        if added.is_none_or(|added| added < increments) || !has_all_names {
            return Err(Invariant::Lost.violated("a change is not in the new session"));
        }
        // A copy of the stored session can have increments of the other request.
        if before == 0 && added > Some(increments + report.unknown_increments()) {
            return Err(Invariant::Twice.violated("a change is in the new session twice"));
        }
        Ok(())
    }

    /// Whether the session has ended, or its idle timeout has passed.
    fn has_expired(&self, id: &SessionId) -> bool {
        let now = self.setup.store.clock().now();
        let is_idle = |entry: &Entry| entry.record.ends_at() <= now;
        match self.stored(id) {
            Some(entry) => self.ended.contains(id) || is_idle(&entry),
            None => self.ended.contains(id) || self.ends_user(),
        }
    }

    fn stored(&self, id: &SessionId) -> Option<Entry> {
        let controls = self.setup.store.controls();
        controls
            .model
            .entry(id, self.setup.store.clock().now())
            .cloned()
    }
}
