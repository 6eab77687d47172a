//! The sessions of each user.
//!
//! The index has the ids of the sessions that have a subject or a lookup label. It may have ids of sessions that are gone or
//! belong to another subject by now, so each reader checks the record. Its lock is taken before that of a shard.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{
        MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    MemorySessionStore,
    shard::{Removed, Shard},
    too_large,
};
use crate::{
    clock::Timestamp,
    record::Record,
    storage::{
        AtLimit, EndOutcome, Kept, Loaded, MARK_LIFETIME, Refusal, SessionId, SessionLimit,
        SignInOutcome, SignInWrite, StoreError, SubjectDigest, SubjectStore,
    },
};

/// Which sessions belong to each subject, which ones have a lookup label, and which ones were ended by a mark.
#[derive(Default)]
pub(super) struct Index {
    subjects: HashMap<SubjectDigest, Vec<SessionId>>,
    labels: HashMap<String, Vec<SessionId>>,
    marks: HashMap<SubjectDigest, Mark>,
    /// The marks in the order in which they were written, with the time at which each can be forgotten.
    expiries: VecDeque<(Timestamp, SubjectDigest)>,
    /// The time at which all sessions were ended.
    everything_ended_at: Option<Timestamp>,
    /// The newest sign-in that was stored.
    newest_sign_in: Option<Timestamp>,
}

/// The sessions of a subject ended that signed in until this time, except one.
struct Mark {
    at: Timestamp,
    kept: Option<SessionId>,
}

impl Index {
    /// Whether a mark has ended the session with this record.
    pub(super) fn has_ended(&self, id: &SessionId, record: &Record) -> bool {
        let (Some(subject), Some(signed_in_at)) = (record.subject(), record.signed_in_at()) else {
            return false;
        };
        let by_all = self
            .everything_ended_at
            .is_some_and(|at| signed_in_at <= at);
        by_all || self.has_ended_subject(&subject, id, signed_in_at)
    }

    fn has_ended_subject(
        &self,
        subject: &SubjectDigest,
        id: &SessionId,
        signed_in_at: Timestamp,
    ) -> bool {
        let mark = self.marks.get(subject);
        mark.is_some_and(|mark| signed_in_at <= mark.at && mark.kept.as_ref() != Some(id))
    }

    pub(super) fn add(&mut self, id: &SessionId, record: &Record) {
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

    fn sessions_of(&self, subject: &SubjectDigest) -> &[SessionId] {
        self.subjects.get(subject).map_or(&[], |ids| ids)
    }

    /// Writes a mark, and forgets those that no session can need any more.
    fn mark(&mut self, subject: SubjectDigest, mark: Mark, now: Timestamp) {
        while let Some((forgotten_at, subject)) = self.expiries.front()
            && *forgotten_at <= now
        {
            let is_old = |mark: &Mark| mark.at.saturating_add(MARK_LIFETIME) <= now;
            if self.marks.get(subject).is_some_and(is_old) {
                self.marks.remove(subject);
            }
            self.expiries.pop_front();
        }
        let forgotten_at = mark.at.saturating_add(MARK_LIFETIME);
        self.expiries.push_back((forgotten_at, subject));
        self.marks.insert(subject, mark);
    }
}

fn add_to<K: Eq + Hash>(index: &mut HashMap<K, Vec<SessionId>>, key: K, id: &SessionId) {
    let ids = index.entry(key).or_default();
    if !ids.contains(id) {
        ids.push(id.clone());
    }
}

fn remove_from<K: Eq + Hash>(index: &mut HashMap<K, Vec<SessionId>>, key: &K, id: &SessionId) {
    if let Some(ids) = index.get_mut(key) {
        ids.retain(|it| it != id);
        if ids.is_empty() {
            index.remove(key);
        }
    }
}

/// Whether the index has sessions with this record.
pub(super) fn is_indexed(record: &Record) -> bool {
    record.has_subject() || record.label().is_some()
}

/// Whether any mark was written, so that a load has to look for one.
#[derive(Default)]
pub(super) struct HasMarks(AtomicBool);

impl HasMarks {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self) {
        self.0.store(true, Ordering::Release);
    }
}

impl MemorySessionStore {
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        let index = self.shared.index.lock();
        index.unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes from the index what expired or was evicted.
    pub(super) fn forget(&self, removed: &[Removed]) {
        let mut indexed = removed
            .iter()
            .filter(|it| is_indexed(&it.loaded.record))
            .peekable();
        if indexed.peek().is_none() {
            return;
        }
        let mut index = self.index();
        for Removed { id, loaded } in indexed {
            let id = SessionId::from_bytes(*id);
            // The id may have been used again in the meantime.
            if self.in_shard_of(&id, |shard, now| shard.peek(id.as_bytes(), now).is_none()) {
                index.remove(&id, &loaded.record);
            }
        }
    }

    /// Removes from the index what a replaced record of a session had, and the new one has not.
    pub(super) fn reindex(&self, id: &SessionId, replaced: &Record, record: &Record) {
        let is_same = replaced.subject() == record.subject() && replaced.label() == record.label();
        if is_same {
            return;
        }
        let mut index = self.index();
        index.remove(id, replaced);
        let current = self.in_shard_of(id, |shard, now| shard.peek(id.as_bytes(), now).cloned());
        if let Some(current) = current {
            index.add(id, &current.record);
        }
    }

    /// Runs `operation` under the lock of the shard of `id`. What it evicts stays in the shard, for the next operation
    /// that does not hold the lock of the index.
    fn in_shard_of<T>(
        &self,
        id: &SessionId,
        operation: impl FnOnce(&mut Shard, Timestamp) -> T,
    ) -> T {
        let now = self.clock.now();
        operation(&mut self.shard_of(id), now)
    }

    /// The live sessions of a subject, in the order in which they signed in.
    fn live_sessions(&self, index: &Index, subject: &SubjectDigest) -> Vec<(SessionId, Loaded)> {
        let of_subject = |id: &SessionId| {
            let loaded = self.in_shard_of(id, |shard, now| shard.peek(id.as_bytes(), now).cloned());
            let loaded = loaded.filter(|it| it.record.subject() == Some(*subject))?;
            (!index.has_ended(id, &loaded.record)).then(|| (id.clone(), loaded))
        };
        let ids = index.sessions_of(subject).iter();
        let mut sessions: Vec<_> = ids.filter_map(of_subject).collect();
        sessions.sort_by_key(|(_, loaded)| loaded.record.signed_in_at());
        sessions
    }

    fn delete_all(&self, index: &mut Index, sessions: &[(SessionId, Loaded)]) -> Vec<SessionId> {
        let deleted = sessions.iter().map(|(id, loaded)| {
            drop(self.in_shard_of(id, |shard, _| shard.remove(id)));
            index.remove(id, &loaded.record);
            id.clone()
        });
        deleted.collect()
    }
}

impl SubjectStore for MemorySessionStore {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        let SignInWrite {
            id,
            expected,
            record,
            version,
            ttl,
        } = write;
        let Some(subject) = record.subject() else {
            return Err(StoreError::without_subject());
        };
        let record = record.compacted();
        let mut index = self.index();
        if index.has_ended(id, &record) {
            return Ok(SignInOutcome::Refused(Refusal::SubjectEnded));
        }
        let current = self.in_shard_of(id, |shard, now| {
            shard.peek(id.as_bytes(), now).map(|it| it.version)
        });
        match (current, expected) {
            (Some(current), _) if current == version => {
                return Ok(SignInOutcome::Stored {
                    displaced: Vec::new(),
                });
            }
            (Some(_), None) => return Ok(SignInOutcome::Taken),
            (None, Some(_)) => return Ok(SignInOutcome::Missing),
            (Some(current), Some(expected)) if current != expected => {
                return Ok(SignInOutcome::Conflict);
            }
            _ => {}
        }
        let mut others = self.live_sessions(&index, &subject);
        others.retain(|(other, _)| other != id);
        let max = usize::try_from(limit.max()).unwrap_or(usize::MAX);
        let displaced = (others.len() + 1).saturating_sub(max);
        if displaced > 0 && limit.at_limit() == AtLimit::RefuseNew {
            return Ok(SignInOutcome::Refused(Refusal::LimitReached));
        }
        let loaded = Loaded { record, version };
        let stored = self.in_shard_of(id, |shard, now| {
            shard.store(id, loaded.clone(), now.saturating_add(ttl))
        });
        stored.map_err(too_large)?;
        index.add(id, &loaded.record);
        let displaced = self.delete_all(&mut index, &others[..displaced]);
        Ok(SignInOutcome::Stored { displaced })
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        Ok(self.live_sessions(&self.index(), subject))
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        let index = self.index();
        let has_label = |id: &&SessionId| {
            self.in_shard_of(id, |shard, now| {
                let loaded = shard.peek(id.as_bytes(), now);
                loaded.is_some_and(|it| {
                    it.record.label() == Some(label) && !index.has_ended(id, &it.record)
                })
            })
        };
        let ids = index.labels.get(label).map_or(&[][..], |ids| ids);
        Ok(ids.iter().filter(has_label).cloned().collect())
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        let mut index = self.index();
        let mut sessions = self.live_sessions(&index, subject);
        if let Some(kept) = kept
            && !sessions.iter().any(|(id, _)| id == kept.id)
        {
            return Ok(EndOutcome::KeptHasEnded);
        }
        let newest = sessions.last().and_then(|(_, it)| it.record.signed_in_at());
        let at = newest.map_or(now, |newest| newest.max(now));
        let earlier = index.marks.get(subject).map(|mark| mark.at);
        let at = earlier.map_or(at, |earlier| earlier.max(at));
        let mark = Mark {
            at,
            kept: kept.map(|kept| kept.id.clone()),
        };
        index.mark(*subject, mark, now);
        self.shared.has_marks.set();
        sessions.retain(|(id, _)| kept.is_none_or(|kept| kept.id != id));
        let ids = self.delete_all(&mut index, &sessions);
        Ok(EndOutcome::Ended { at, ids })
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let mut index = self.index();
        let newest = index.newest_sign_in.max(index.everything_ended_at);
        let at = newest.map_or(now, |newest| newest.max(now));
        index.everything_ended_at = Some(at);
        self.shared.has_marks.set();
        index.subjects.clear();
        index.labels.clear();
        for shard in &self.shared.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            let ids: Vec<_> = shard.ids().collect();
            let removed: Vec<_> = ids.iter().filter_map(|id| shard.remove(id)).collect();
            drop(shard);
            // Freed without the lock of the shard.
            drop(removed);
        }
        Ok(at)
    }
}
