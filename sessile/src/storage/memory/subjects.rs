//! The sessions of each user.

use std::sync::MutexGuard;

use super::{
    MemorySessionStore,
    index::{Index, Mark, is_indexed},
    resized::Resized,
    shard::{Removed, Shard},
};
use crate::{
    clock::Timestamp,
    record::Record,
    storage::{
        EndOutcome, Kept, Loaded, SessionId, SessionLimit, SignInOutcome, SignInWrite, StoreError,
        SubjectDigest, SubjectStore, lock::lock,
    },
};

impl MemorySessionStore {
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        lock(&self.shared.index)
    }

    /// Removes from the index what was removed or replaced in a shard, and reports expired and evicted sessions.
    #[inline]
    pub(super) fn forget(&self, removed: &[Removed]) {
        if !removed.is_empty() {
            self.forget_some(removed);
        }
    }

    fn forget_some(&self, removed: &[Removed]) {
        if self.shared.end_reporter.has_receiver() {
            self.report(removed);
        }
        let mut indexed = removed
            .iter()
            .filter(|it| is_indexed(&it.loaded.record))
            .peekable();
        if indexed.peek().is_none() {
            return;
        }
        let mut index = self.index();
        for Removed { id, loaded, .. } in indexed {
            let id = SessionId::from_bytes(*id);
            index.remove(&id, &loaded.record);
            // Another record may be under the id by now.
            self.in_shard_of(&id, |shard, now| {
                if let Some(current) = shard.peek(id.as_bytes(), now) {
                    index.add(&id, &current.record, None);
                }
            });
        }
    }

    fn report(&self, removed: &[Removed]) {
        let now = self.clock.now();
        for Removed { id, loaded, cause } in removed {
            if let Some(cause) = *cause {
                let id = SessionId::from_bytes(*id);
                let record = Some(&loaded.record);
                self.shared.end_reporter.report(cause, &id, record, now);
            }
        }
    }

    /// Runs `operation` under the lock of the shard of `id`.
    fn in_shard_of<T>(&self, id: &SessionId, operation: impl FnOnce(&Shard, Timestamp) -> T) -> T {
        let now = self.clock.now();
        operation(&lock(self.shard_of(id)), now)
    }

    /// The live sessions of a subject, in the order in which they signed in.
    fn live_sessions(&self, index: &Index, subject: &SubjectDigest) -> Vec<(SessionId, Loaded)> {
        let of_subject = |id: &SessionId| {
            let loaded = self.in_shard_of(id, |shard, now| shard.peek(id.as_bytes(), now).cloned());
            let loaded = loaded.filter(|it| it.record.subject() == Some(*subject))?;
            (!index.has_ended(id, &loaded.record)).then(|| (id.clone(), loaded))
        };
        let mut sessions: Vec<_> = index.sessions_of(subject).filter_map(of_subject).collect();
        sessions.sort_by_key(|(id, loaded)| (loaded.record.signed_in_at(), *id.as_bytes()));
        sessions
    }

    /// The live sessions of the subject of `record` other than `id`, in the order in which they signed in.
    pub(super) fn other_sessions(
        &self,
        index: &Index,
        id: &SessionId,
        record: &Record,
    ) -> Vec<SessionId> {
        let subject = record.subject();
        let sessions = subject.map(|subject| self.live_sessions(index, &subject));
        let ids = sessions.into_iter().flatten().map(|(other, _)| other);
        ids.filter(|other| other != id).collect()
    }

    /// Deletes all records except those that are `kept`, which are not in the index.
    pub(super) fn delete_everything(
        &self,
        resized: &mut Resized,
        index: &mut Index,
        kept: impl Fn(&Record) -> bool,
    ) {
        index.subjects.clear();
        index.labels.clear();
        for shard in &self.shared.shards {
            let removed: Vec<_> = resized.by(shard, |shard| {
                let ids: Vec<_> = shard.ids().collect();
                let is_removed = |record: &_| !kept(record);
                let removed = ids.iter().map(|id| shard.remove(id, is_removed));
                removed.flatten().collect()
            });
            // Freed without the lock of the shard.
            drop(removed);
        }
    }

    /// Deletes those of these sessions that are still the subject's, and leaves only their ids. An evicted one is missing:
    /// its end is already reported.
    pub(super) fn delete_all(
        &self,
        resized: &mut Resized,
        index: &mut Index,
        ids: &mut Vec<SessionId>,
        is_theirs: impl Fn(&Record) -> bool,
    ) {
        ids.retain(|id| {
            let removed = resized.by(self.shard_of(id), |shard| shard.remove(id, &is_theirs));
            if let Some(removed) = &removed {
                index.remove(id, &removed.record);
            }
            removed.is_some()
        });
    }
}

impl SubjectStore for MemorySessionStore {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        match write.record.has_subject() {
            true => self.write(write, Some(limit)),
            false => Err(StoreError::without_subject()),
        }
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
        Ok(index.labeled(label).filter(has_label).cloned().collect())
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        let mut resized = Resized::default();
        let mut index = self.index();
        let sessions = self.live_sessions(&index, subject);
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
        let ids = sessions.into_iter().map(|(id, _)| id);
        let mut ids = ids
            .filter(|id| kept.is_none_or(|kept| kept.id != id))
            .collect();
        let is_theirs = |record: &Record| record.subject() == Some(*subject);
        self.delete_all(&mut resized, &mut index, &mut ids, is_theirs);
        Ok(EndOutcome::Ended { at, ids })
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let is_listed = self.in_shard(id, |shard, now| shard.find_live(id, now).is_some());
        let has_marks = self.shared.has_marks.get();
        Ok(is_listed || has_marks && self.index().has_ended_since(id, subject, since))
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let mut resized = Resized::default();
        let mut index = self.index();
        let newest = index.newest_sign_in.max(index.everything_ended_at);
        let at = newest.map_or(now, |newest| newest.max(now));
        index.everything_ended_at = Some(at);
        self.shared.has_marks.set();
        self.delete_everything(&mut resized, &mut index, Record::is_revocation);
        Ok(at)
    }
}
