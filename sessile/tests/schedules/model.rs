//! [`Model`]: a plain map that implements the contract of a store, or breaks it in one way.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;
use sessile::{
    clock::Timestamp,
    record::Record,
    storage::{
        CreateOutcome, EndOutcome, Loaded, Refusal, SessionId, SubjectDigest, UpdateOutcome,
        Version,
    },
};

/// An operation of the store, as data: it can take effect after its future was dropped.
#[derive(Debug, Clone)]
pub(crate) enum Operation {
    Load(SessionId),
    Create(SessionId, Write),
    Update(SessionId, Version, Write),
    Delete(SessionId),
    /// Ends the sessions of a user that signed in until this time.
    EndSubject(SubjectDigest, Timestamp),
    /// A write that a broken client of a store sends again without a condition.
    Put(SessionId, Write),
}

/// What an operation stores.
#[derive(Debug, Clone)]
pub(crate) struct Write {
    pub(crate) record: Record,
    pub(crate) version: Version,
    pub(crate) ttl: Duration,
}

/// What an operation did.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Loaded(Option<Loaded>),
    Created(CreateOutcome),
    Updated(UpdateOutcome),
    Deleted,
    Ended(EndOutcome),
}

/// A way to break the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Defect {
    /// `Current` is answered from a near cache that the writes of other requests do not invalidate.
    CurrentFromCache,
    /// A `create` whose answer is late is sent again; both attempts arrive.
    CreateSentAgain,
    /// The same, and `create` overwrites.
    CreateOverwrites,
    UpdateIgnoresExpected,
    UpdateRecreates,
    /// The version is checked before the effect, and the record replaced after it.
    UpdateInTwoSteps,
    /// The state is replaced, and the old secrets are kept.
    UpdateKeepsSecrets,
    /// An `update` whose answer is late is sent again without its condition.
    UpdateRepeatedBlindly,
    LostAnswerIsConflict,
    LostAnswerIsMissing,
    LostRequestIsUpdated,
    DeleteDoesNothing,
    /// `delete` deletes only the version that was loaded last.
    DeleteOfLoadedVersion,
    IgnoresTtl,
    /// A sign-in is stored although the user's sessions were ended.
    StoresEndedSubjects,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) record: Record,
    pub(crate) version: Version,
    pub(crate) ends_at: Timestamp,
}

/// Every operation is atomic.
#[derive(Debug, Clone, Default)]
pub(crate) struct Model {
    pub(crate) entries: HashMap<SessionId, Entry>,
    /// Until when the sign-ins of a user have ended.
    pub(crate) marks: HashMap<SubjectDigest, Timestamp>,
    /// What a broken near cache holds.
    pub(crate) cache: HashMap<SessionId, Loaded>,
    /// What was loaded last.
    pub(crate) loaded: HashMap<SessionId, Version>,
    pub(crate) defect: Option<Defect>,
}

impl Operation {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Load(_) => "load",
            Self::Create(..) => "create",
            Self::Update(..) => "update",
            Self::Delete(_) => "delete",
            Self::EndSubject(..) => "end of all",
            Self::Put(..) => "repeated update",
        }
    }

    /// The session that it is about, if it is about one.
    pub(crate) fn id(&self) -> Option<&SessionId> {
        match self {
            Self::Load(id) | Self::Create(id, _) | Self::Update(id, ..) => Some(id),
            Self::Delete(id) | Self::Put(id, _) => Some(id),
            Self::EndSubject(..) => None,
        }
    }

    pub(crate) fn write(&self) -> Option<&Write> {
        match self {
            Self::Create(_, write) | Self::Update(_, _, write) | Self::Put(_, write) => Some(write),
            Self::Load(_) | Self::Delete(_) | Self::EndSubject(..) => None,
        }
    }
}

impl Model {
    pub(crate) fn has(&self, defect: Defect) -> bool {
        self.defect == Some(defect)
    }

    /// The entry under `id` that has not expired.
    pub(crate) fn entry(&self, id: &SessionId, now: Timestamp) -> Option<&Entry> {
        let entry = self.entries.get(id)?;
        (entry.ends_at > now || self.has(Defect::IgnoresTtl)).then_some(entry)
    }

    pub(crate) fn apply(&mut self, operation: &Operation, now: Timestamp) -> Answer {
        match operation {
            Operation::Load(id) => Answer::Loaded(self.load(id, now)),
            Operation::Create(id, write) => Answer::Created(self.create(id, write, now)),
            Operation::Update(id, expected, write) => {
                let outcome = self.check_update(id, *expected, write, now);
                if outcome == UpdateOutcome::Updated {
                    self.put(id, write, now);
                } else {
                    self.cache.remove(id);
                }
                Answer::Updated(outcome)
            }
            Operation::Delete(id) => {
                self.delete(id);
                Answer::Deleted
            }
            Operation::EndSubject(subject, now) => Answer::Ended(self.end_subject(subject, *now)),
            Operation::Put(id, write) => {
                self.put(id, write, now);
                Answer::Updated(UpdateOutcome::Updated)
            }
        }
    }

    fn load(&mut self, id: &SessionId, now: Timestamp) -> Option<Loaded> {
        if let Some(cached) = self.cache.get(id) {
            return Some(cached.clone());
        }
        let entry = self.entry(id, now)?;
        let loaded = Loaded {
            record: entry.record.clone(),
            version: entry.version,
        };
        self.loaded.insert(id.clone(), loaded.version);
        if self.has(Defect::CurrentFromCache) {
            self.cache.insert(id.clone(), loaded.clone());
        }
        Some(loaded)
    }

    fn create(&mut self, id: &SessionId, write: &Write, now: Timestamp) -> CreateOutcome {
        if self.has_ended(&write.record) {
            return CreateOutcome::Refused(Refusal::SubjectEnded);
        }
        if self.entry(id, now).is_some() && !self.has(Defect::CreateOverwrites) {
            return CreateOutcome::Taken;
        }
        self.put(id, write, now);
        CreateOutcome::Created
    }

    /// The answer to an update, which stores only if that is `Updated`.
    pub(crate) fn check_update(
        &self,
        id: &SessionId,
        expected: Version,
        write: &Write,
        now: Timestamp,
    ) -> UpdateOutcome {
        match self.entry(id, now) {
            _ if self.has_ended(&write.record) => UpdateOutcome::Refused(Refusal::SubjectEnded),
            None if self.has(Defect::UpdateRecreates) => UpdateOutcome::Updated,
            None => UpdateOutcome::Missing,
            Some(entry) if entry.version == write.version => UpdateOutcome::Updated,
            Some(entry) if entry.version == expected => UpdateOutcome::Updated,
            Some(_) if self.has(Defect::UpdateIgnoresExpected) => UpdateOutcome::Updated,
            Some(_) => UpdateOutcome::Conflict,
        }
    }

    /// Whether a mark has ended the sign-in in this record.
    fn has_ended(&self, record: &Record) -> bool {
        let mark = record
            .subject()
            .and_then(|subject| self.marks.get(&subject));
        record.signed_in_at() <= mark.copied()
            && mark.is_some()
            && !self.has(Defect::StoresEndedSubjects)
    }

    fn end_subject(&mut self, subject: &SubjectDigest, now: Timestamp) -> EndOutcome {
        let entries = self.entries.iter();
        let theirs = entries.filter(|(_, entry)| entry.record.subject() == Some(*subject));
        let theirs = theirs.map(|(id, entry)| (id.clone(), entry.record.signed_in_at()));
        let (ids, times): (Vec<_>, Vec<_>) = theirs.unzip();
        let at = times.into_iter().flatten().fold(now, Timestamp::max);
        self.marks.insert(*subject, at);
        for id in &ids {
            self.entries.remove(id);
            self.cache.remove(id);
        }
        EndOutcome::Ended { at, ids }
    }

    fn put(&mut self, id: &SessionId, write: &Write, now: Timestamp) {
        let mut record = write.record.clone();
        if let (true, Some(before)) = (self.has(Defect::UpdateKeepsSecrets), self.entries.get(id)) {
            record = with_state_of(&before.record, &record);
        }
        let entry = Entry {
            record,
            version: write.version,
            ends_at: now.saturating_add(write.ttl),
        };
        self.entries.insert(id.clone(), entry);
    }

    fn delete(&mut self, id: &SessionId) {
        let is_other = |entry: &Entry| self.loaded.get(id) != Some(&entry.version);
        let spares = match self.defect {
            Some(Defect::DeleteDoesNothing) => true,
            Some(Defect::DeleteOfLoadedVersion) => self.entries.get(id).is_some_and(is_other),
            _ => false,
        };
        if !spares {
            self.entries.remove(id);
        }
    }
}

/// `record` with the state of `newer`.
fn with_state_of(record: &Record, newer: &Record) -> Record {
    let members = |record: &Record| -> Value { serde_json::from_str(&record.encode()).unwrap() };
    let mut mixed = members(record);
    mixed["s"] = members(newer)["s"].take();
    Record::decode(mixed.to_string().as_bytes()).unwrap()
}
