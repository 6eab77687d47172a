//! [`Index`]: the sessions of each user, and the marks that ended them.
//!
//! The index has the ids of the sessions that have a subject or a lookup label. It may have ids of sessions
//! that have ended or belong to another subject, so each reader checks the record. Its lock is taken before
//! that of a shard.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::Hash,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::{
    clock::Timestamp,
    record::Record,
    storage::{MARK_LIFETIME, SessionId, SubjectDigest},
};

/// Which sessions belong to each subject, which ones have a lookup label, and which ones were ended by a mark.
#[derive(Default)]
pub(super) struct Index {
    pub(super) subjects: HashMap<SubjectDigest, HashSet<SessionId>>,
    pub(super) labels: HashMap<String, HashSet<SessionId>>,
    pub(super) marks: HashMap<SubjectDigest, Mark>,
    /// When the mark of each subject expires, once for each subject, in the order of the marks.
    pub(super) expiries: VecDeque<(Timestamp, SubjectDigest)>,
    /// The time at which all sessions were ended.
    pub(super) everything_ended_at: Option<Timestamp>,
    /// The newest sign-in that was stored.
    pub(super) newest_sign_in: Option<Timestamp>,
}

/// All sessions of a subject that signed in until this time have ended, except one.
pub(super) struct Mark {
    pub(super) at: Timestamp,
    pub(super) kept: Option<SessionId>,
}

impl Index {
    /// Whether a mark has ended the session with this record.
    pub(super) fn has_ended(&self, id: &SessionId, record: &Record) -> bool {
        match (record.subject(), record.signed_in_at()) {
            (Some(subject), Some(at)) => self.has_ended_since(id, Some(&subject), at),
            _ => false,
        }
    }

    /// Whether a mark at `since` or later has ended the session with this id and subject.
    pub(super) fn has_ended_since(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> bool {
        let mark = subject.and_then(|subject| self.marks.get(subject));
        self.everything_ended_at.is_some_and(|at| since <= at)
            || mark.is_some_and(|mark| since <= mark.at && mark.kept.as_ref() != Some(id))
    }

    /// Adds a session with this record, which may have `replaced` another one.
    pub(super) fn add(&mut self, id: &SessionId, record: &Record, replaced: Option<&Record>) {
        if let Some(replaced) = replaced
            && (replaced.subject_name(), replaced.label())
                != (record.subject_name(), record.label())
        {
            self.remove(id, replaced);
        }
        if let Some(subject) = record.subject() {
            add_to(&mut self.subjects, subject, id);
        }
        if let Some(label) = record.label() {
            add_to(&mut self.labels, label.to_owned(), id);
        }
        self.newest_sign_in = self.newest_sign_in.max(record.signed_in_at());
    }

    pub(super) fn remove(&mut self, id: &SessionId, record: &Record) {
        if let Some(subject) = record.subject() {
            remove_from(&mut self.subjects, &subject, id);
        }
        if let Some(label) = record.label() {
            remove_from(&mut self.labels, &label.to_owned(), id);
        }
    }

    pub(super) fn sessions_of(&self, subject: &SubjectDigest) -> impl Iterator<Item = &SessionId> {
        self.subjects.get(subject).into_iter().flatten()
    }

    pub(super) fn labeled(&self, label: &str) -> impl Iterator<Item = &SessionId> {
        self.labels.get(label).into_iter().flatten()
    }

    /// Writes a mark, and removes expired marks.
    pub(super) fn mark(&mut self, subject: SubjectDigest, mark: Mark, now: Timestamp) {
        let forgotten_at = |mark: &Mark| mark.at.saturating_add(MARK_LIFETIME);
        let is_due = |(at, _): &(Timestamp, SubjectDigest)| *at <= now;
        while self.expiries.front().is_some_and(is_due)
            && let Some((_, subject)) = self.expiries.pop_front()
        {
            match self.marks.get(&subject).map(forgotten_at) {
                // A later mark of the subject has replaced the expired one.
                Some(at) if at > now => self.expiries.push_back((at, subject)),
                _ => drop(self.marks.remove(&subject)),
            }
        }
        let at = forgotten_at(&mark);
        if self.marks.insert(subject, mark).is_none() {
            self.expiries.push_back((at, subject));
        }
    }
}

fn add_to<K: Eq + Hash>(index: &mut HashMap<K, HashSet<SessionId>>, key: K, id: &SessionId) {
    index.entry(key).or_default().insert(id.clone());
}

fn remove_from<K: Eq + Hash>(index: &mut HashMap<K, HashSet<SessionId>>, key: &K, id: &SessionId) {
    if let Some(ids) = index.get_mut(key) {
        ids.remove(id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}

/// About how many bytes of memory the index takes for a session with this record, if no other session has its subject or
/// label.
pub(super) fn footprint(record: &Record) -> usize {
    const ENTRY: usize = 240;
    let subject = if record.has_subject() { ENTRY } else { 0 };
    let label = record.label().map_or(0, |label| ENTRY + label.len());
    subject + label
}

/// Whether the index has sessions with this record.
pub(super) fn is_indexed(record: &Record) -> bool {
    record.has_subject() || record.label().is_some()
}

/// Whether any mark was written. If not, a load does not search for one.
#[derive(Default)]
pub(super) struct HasMarks(AtomicBool);

impl HasMarks {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(super) fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}
