//! [`BrokenSubjects`]: a store that finds and ends the sessions of a user, with a fault.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use sessile::{clock::Timestamp, record::Record, storage::*};

use crate::subject_fault::SubjectFault;

mod operations;

/// Clones share the sessions.
#[derive(Clone)]
pub(crate) struct BrokenSubjects {
    fault: Option<SubjectFault>,
    data: Arc<Mutex<Data>>,
}

#[derive(Default)]
struct Data {
    entries: HashMap<SessionId, Entry>,
    marks: HashMap<SubjectDigest, (Timestamp, Vec<SessionId>)>,
    everything: Option<Timestamp>,
    /// What a broken store does not list.
    unlisted: HashSet<SessionId>,
    /// What a broken store lists although it is not there, or not there any more.
    ghosts: Vec<(SubjectDigest, SessionId, Loaded)>,
    changes: u64,
}

#[derive(Clone)]
struct Entry {
    loaded: Loaded,
    ends_at: Instant,
    changed: u64,
}

impl Entry {
    fn record(&self) -> &Record {
        &self.loaded.record
    }

    /// The session, if its record can be decoded from its text.
    fn read(&self) -> Result<Loaded, StoreError> {
        Record::decode(self.record().encode().as_bytes())?;
        Ok(self.loaded.clone())
    }

    fn is_readable(&self) -> bool {
        self.read().is_ok()
    }
}

impl BrokenSubjects {
    pub(crate) fn new(fault: Option<SubjectFault>) -> Self {
        Self {
            fault,
            data: Arc::default(),
        }
    }

    fn has(&self, fault: SubjectFault) -> bool {
        self.fault == Some(fault)
    }

    fn data(&self) -> MutexGuard<'_, Data> {
        self.data.lock().unwrap()
    }

    /// Whether a mark has ended the session.
    fn has_ended(&self, data: &Data, id: &SessionId, record: &Record) -> bool {
        let Some((subject, at)) = record.subject().zip(record.signed_in_at()) else {
            return self.has(SubjectFault::MarkEndsGuests) && !data.marks.is_empty();
        };
        let mark = data.marks.get(&subject);
        let is_exempt = mark.is_some_and(|(_, kept)| kept.contains(id));
        let by_all = data.everything.is_some_and(|all| at <= all)
            && !(is_exempt && self.has(SubjectFault::EverythingSparesKept));
        let is_before = |mark: Timestamp| match self.fault {
            Some(SubjectFault::MarkIsExclusive) => at < mark,
            Some(SubjectFault::MarkRefusesLater) => at <= mark.saturating_add(SECOND),
            _ => at <= mark,
        };
        by_all || (!is_exempt && mark.is_some_and(|(mark, _)| is_before(*mark)))
    }

    fn live<'a>(&self, data: &'a Data, id: &SessionId, sees_expired: bool) -> Option<&'a Entry> {
        let entry = data.entries.get(id)?;
        let is_live = entry.ends_at > Instant::now() || sees_expired;
        let looks =
            !self.has(SubjectFault::EndOnlyDeletes) && !self.has(SubjectFault::LooksForMarksFirst);
        let is_ended = looks && self.has_ended(data, id, entry.record());
        (is_live && !is_ended).then_some(entry)
    }

    /// The sessions of a subject in the order of their sign-ins.
    fn sessions(&self, data: &Data, subject: &SubjectDigest, sees_expired: bool) -> Vec<SessionId> {
        let of_subject = |id: &&SessionId| {
            let entry = self.live(data, id, sees_expired);
            entry.is_some_and(|it| it.record().subject() == Some(*subject))
        };
        let mut ids: Vec<_> = data.entries.keys().filter(of_subject).cloned().collect();
        ids.sort_by_key(|id| data.entries[id].record().signed_in_at());
        ids
    }

    fn newest(&self, data: &Data, subject: &SubjectDigest) -> Option<Timestamp> {
        let newest = self.sessions(data, subject, false).pop()?;
        data.entries[&newest].record().signed_in_at()
    }

    fn store(&self, data: &mut Data, id: &SessionId, loaded: Loaded, ttl: Duration) {
        data.changes += 1;
        let entry = Entry {
            loaded,
            ends_at: Instant::now() + ttl,
            changed: data.changes,
        };
        let subject = entry.record().subject();
        if let Some(old) = data.entries.insert(id.clone(), entry) {
            let former = old.record().subject();
            if self.has(SubjectFault::ListHasFormerSubjects)
                && former != subject
                && let Some(former) = former
            {
                data.ghosts.push((former, id.clone(), old.loaded));
            }
            if self.has(SubjectFault::ListMissesUpdates) && former.is_none() {
                data.unlisted.insert(id.clone());
            }
        }
    }

    /// Whether this write of a record is refused.
    fn refuses(&self, data: &Data, id: &SessionId, record: &Record, fault: SubjectFault) -> bool {
        !self.has(fault)
            && !self.has(SubjectFault::EndOnlyDeletes)
            && self.has_ended(data, id, record)
    }

    fn delete_now(&self, data: &mut Data, id: &SessionId) {
        if let Some(entry) = data.entries.remove(id)
            && self.has(SubjectFault::ListHasDeleted)
            && let Some(subject) = entry.record().subject()
        {
            data.ghosts.push((subject, id.clone(), entry.loaded));
        }
    }

    /// What `sign_in` answers without counting. `None` if it stores the session unless a limit refuses it.
    fn unstored(&self, data: &Data, write: SignInWrite<'_>) -> Option<SignInOutcome> {
        let ended = SubjectFault::SignInIgnoresMarks;
        if self.refuses(data, write.id, write.record, ended) {
            return Some(SignInOutcome::Refused(Refusal::SubjectEnded));
        }
        let current = self.live(data, write.id, false).map(|it| it.loaded.version);
        match (current, write.expected) {
            (Some(current), _)
                if current == write.version && !self.has(SubjectFault::RepeatedSignInCounts) =>
            {
                Some(SignInOutcome::Stored {
                    displaced: Vec::new(),
                })
            }
            (Some(_), None) if !self.has(SubjectFault::SignInOverwrites) => {
                Some(SignInOutcome::Taken)
            }
            (None, Some(_)) => Some(SignInOutcome::Missing),
            (Some(current), Some(expected))
                if current != expected
                    && current != write.version
                    && !self.has(SubjectFault::SignInIgnoresVersion) =>
            {
                Some(SignInOutcome::Conflict)
            }
            _ => None,
        }
    }

    /// What a limit ends, or `None` if it refuses.
    fn displaced(
        &self,
        data: &Data,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Option<Vec<SessionId>> {
        let subject = write.record.subject().unwrap();
        let sees_expired = self.has(SubjectFault::LimitCountsExpired);
        let mut others = self.sessions(data, &subject, sees_expired);
        if self.has(SubjectFault::LimitCountsAllSubjects) {
            let users = data.entries.iter();
            let users = users.filter(|(_, it)| it.record().subject().is_some());
            others = users.map(|(id, _)| id.clone()).collect();
            others.sort_by_key(|id| data.entries[id].record().signed_in_at());
        }
        if !self.has(SubjectFault::LimitCountsOwn) {
            others.retain(|id| id != write.id);
        }
        if self.has(SubjectFault::LimitEndsNewest) {
            others.reverse();
        }
        let mut many = (others.len() + 1).saturating_sub(limit.max() as usize);
        if many > 0 && limit.at_limit() == AtLimit::RefuseNew {
            return None;
        }
        if self.has(SubjectFault::LimitEndsOne) {
            many = many.min(1);
        }
        others.truncate(many);
        Some(others)
    }
}

const SECOND: Duration = Duration::from_secs(1);
