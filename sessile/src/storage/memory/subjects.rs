//! The sessions of each user.

use std::sync::MutexGuard;

use super::{
    MemorySessionStore,
    index::{Index, Mark, is_indexed},
    resized::Resized,
    shard::{Removed, Shard},
    too_large,
};
use crate::{
    clock::Timestamp,
    record::Record,
    storage::{
        EndOutcome, Kept, Loaded, Refusal, SessionId, SessionLimit, SignInOutcome, SignInWrite,
        StoreError, SubjectDigest, SubjectStore, lock::lock,
    },
};

impl MemorySessionStore {
    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        lock(&self.shared.index)
    }

    /// Removes from the index what was removed from a shard, and reports expired and evicted sessions.
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
            // The id may have been used again in the meantime.
            if self.in_shard_of(&id, |shard, now| shard.peek(id.as_bytes(), now).is_none()) {
                index.remove(&id, &loaded.record);
            }
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

    /// Removes the entries of a replaced record from the index, unless the new record has them as well.
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

    /// Deletes all records except those that are `kept`, which are not in the index.
    pub(super) fn delete_everything(
        &self,
        resized: &mut Resized,
        index: &mut Index,
        kept: impl Fn(&Record) -> bool,
    ) {
        index.subjects.clear();
        index.labels.clear();
        let now = self.clock.now();
        for shard in &self.shared.shards {
            let removed: Vec<_> = resized.by(shard, |shard| {
                let is_kept = |id: &SessionId| {
                    let loaded = shard.peek(id.as_bytes(), now);
                    loaded.is_some_and(|it| kept(&it.record))
                };
                let ids: Vec<_> = shard.ids().filter(|id| !is_kept(id)).collect();
                ids.iter().filter_map(|id| shard.remove(id)).collect()
            });
            // Freed without the lock of the shard.
            drop(removed);
        }
    }

    /// Deletes these sessions, and returns those that existed. An evicted one is missing: its end is already reported.
    fn delete_all(
        &self,
        resized: &mut Resized,
        index: &mut Index,
        sessions: &[(SessionId, Loaded)],
    ) -> Vec<SessionId> {
        let deleted = sessions.iter().filter_map(|(id, loaded)| {
            let removed = resized.by(self.shard_of(id), |shard| shard.remove(id));
            index.remove(id, &loaded.record);
            removed.map(|_| id.clone())
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
        let mut resized = Resized::default();
        let mut index = self.index();
        if index.has_ended(id, &record) {
            return Ok(SignInOutcome::Refused(Refusal::SubjectEnded));
        }
        let current = self.in_shard_of(id, |shard, now| shard.peek(id.as_bytes(), now).cloned());
        let found = current.as_ref().map(|it| it.version);
        if found == Some(version) {
            return Ok(SignInOutcome::STORED);
        }
        if found != expected {
            return Ok(SignInOutcome::not_stored(expected, found));
        }
        let mut others = self.live_sessions(&index, &subject);
        others.retain(|(other, _)| other != id);
        let Some(displaced) = limit.displaced(others) else {
            return Ok(SignInOutcome::Refused(Refusal::LimitReached));
        };
        let loaded = Loaded { record, version };
        let ends_at = self.clock.now().saturating_add(ttl);
        // What it evicts stays in the shard until the lock of the index is released.
        let stored = resized.by(self.shard_of(id), |shard| {
            shard.store(id, loaded.clone(), ends_at)
        });
        stored.map_err(too_large)?;
        if let Some(replaced) = current {
            index.remove(id, &replaced.record);
        }
        index.add(id, &loaded.record);
        let displaced = self.delete_all(&mut resized, &mut index, &displaced);
        drop(index);
        let evicted = lock(self.shard_of(id)).take_removed();
        self.forget(&evicted);
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
        let ids = self.delete_all(&mut resized, &mut index, &sessions);
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
