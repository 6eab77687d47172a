//! The operations of the store.

use std::time::Duration;

use sessile::{clock::Timestamp, record::Record, storage::*};
use tokio::task::yield_now;

use super::{BrokenSubjects, Entry};
use crate::subject_fault::SubjectFault;

impl SessionStore for BrokenSubjects {
    async fn load(
        &self,
        id: &SessionId,
        _subject: Option<&SubjectDigest>,
        _freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        self.live(&self.data(), id, false)
            .map(Entry::read)
            .transpose()
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        let ended = SubjectFault::CreateIgnoresMarks;
        if self.refuses(&self.data(), id, record, ended) {
            return Ok(CreateOutcome::Refused(Refusal::SubjectEnded));
        }
        if self.has(SubjectFault::LooksForMarksFirst) {
            yield_now().await;
        }
        {
            let mut data = self.data();
            if self.live(&data, id, false).is_some() {
                return Ok(CreateOutcome::Taken);
            }
            let record = record.clone();
            self.store(&mut data, id, Loaded { record, version }, ttl);
            if !self.has(SubjectFault::IndexAfterStoring) {
                return Ok(CreateOutcome::Created);
            }
            data.unlisted.insert(id.clone());
        }
        yield_now().await;
        self.data().unlisted.remove(id);
        Ok(CreateOutcome::Created)
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let mut data = self.data();
        if self.refuses(&data, id, record, SubjectFault::UpdateIgnoresMarks) {
            return Ok(UpdateOutcome::Refused(Refusal::SubjectEnded));
        }
        let Some(current) = self.live(&data, id, false) else {
            return Ok(UpdateOutcome::Missing);
        };
        let current = current.loaded.version;
        if current == version {
            return Ok(UpdateOutcome::Updated);
        }
        if current != expected {
            return Ok(UpdateOutcome::Conflict);
        }
        let record = record.clone();
        self.store(&mut data, id, Loaded { record, version }, ttl);
        Ok(UpdateOutcome::Updated)
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.delete_now(&mut self.data(), id);
        Ok(())
    }
}

impl SubjectStore for BrokenSubjects {
    async fn sign_in(
        &self,
        write: SignInWrite<'_>,
        limit: SessionLimit,
    ) -> Result<SignInOutcome, StoreError> {
        let displaced = {
            let mut data = self.data();
            let displaced = self.displaced(&data, write, limit);
            if let Some(outcome) = self.unstored(&data, write) {
                if self.has(SubjectFault::ConflictEndsOthers) {
                    for id in displaced.unwrap_or_default() {
                        self.delete_now(&mut data, &id);
                    }
                }
                return Ok(outcome);
            }
            displaced
        };
        if self.has(SubjectFault::LimitChecksFirst) {
            yield_now().await;
        }
        let mut data = self.data();
        let displaced = match self.has(SubjectFault::LimitChecksFirst) {
            true => displaced,
            false => self.displaced(&data, write, limit),
        };
        if displaced.is_none() && !self.has(SubjectFault::LimitRefusesAfterStoring) {
            return Ok(SignInOutcome::Refused(Refusal::LimitReached));
        }
        let (record, version) = (write.record.clone(), write.version);
        self.store(&mut data, write.id, Loaded { record, version }, write.ttl);
        let Some(displaced) = displaced else {
            return Ok(SignInOutcome::Refused(Refusal::LimitReached));
        };
        for id in displaced.iter().filter(|id| *id != write.id) {
            let is_readable = data.entries[id].is_readable();
            if is_readable || !self.has(SubjectFault::UnreadableIsNotDisplaced) {
                self.delete_now(&mut data, id);
            }
        }
        Ok(SignInOutcome::Stored { displaced })
    }

    async fn list(&self, subject: &SubjectDigest) -> Result<Vec<(SessionId, Loaded)>, StoreError> {
        let data = self.data();
        let sees_expired = self.has(SubjectFault::ListHasExpired);
        let mut ids = self.sessions(&data, subject, sees_expired);
        ids.retain(|id| !data.unlisted.contains(id));
        match self.fault {
            Some(SubjectFault::ListInOrderOfChange) => {
                ids.sort_by_key(|id| data.entries[id].changed)
            }
            Some(SubjectFault::ListHasAHundredAtMost) => ids.truncate(100),
            _ => {}
        }
        let mut list = Vec::new();
        for id in ids {
            match data.entries[&id].read() {
                Ok(loaded) => list.push((id, loaded)),
                Err(error) if self.has(SubjectFault::UnreadableFailsTheList) => return Err(error),
                Err(_) => {}
            }
        }
        let ghosts = data.ghosts.iter().filter(|(of, ..)| of == subject);
        list.extend(ghosts.map(|(_, id, loaded)| (id.clone(), loaded.clone())));
        Ok(list)
    }

    async fn find_by_label(&self, label: &str) -> Result<Vec<SessionId>, StoreError> {
        let data = self.data();
        let is_same = |found: &str| match self.fault {
            Some(SubjectFault::LabelIgnoresCase) => found.eq_ignore_ascii_case(label),
            Some(SubjectFault::LabelIgnoresTrailingSpaces) => {
                found.trim_end_matches(' ') == label.trim_end_matches(' ')
            }
            Some(SubjectFault::LabelIsCutOff) => {
                found.chars().take(200).eq(label.chars().take(200))
            }
            _ => found == label,
        };
        let has_label = |(id, entry): &(&SessionId, &Entry)| {
            let is_live =
                self.live(&data, id, false).is_some() || self.has(SubjectFault::LabelFindsEnded);
            let record = entry.record();
            let misses = self.has(SubjectFault::LabelMissesGuests) && record.subject().is_none();
            let misses =
                misses || self.has(SubjectFault::UnreadableHasNoLabel) && !entry.is_readable();
            is_live && !misses && record.label().is_some_and(is_same)
        };
        let found = data.entries.iter().filter(has_label);
        Ok(found.map(|(id, _)| id.clone()).collect())
    }

    async fn end_subject(
        &self,
        subject: &SubjectDigest,
        now: Timestamp,
        kept: Option<Kept<'_>>,
    ) -> Result<EndOutcome, StoreError> {
        let mut data = self.data();
        if self.has(SubjectFault::ZeroDigestIsEverything) && subject.as_bytes() == &[0; 16] {
            data.everything = Some(now);
        }
        let mut ids = self.sessions(&data, subject, false);
        let is_kept = |id: &SessionId| kept.is_some_and(|kept| kept.id == id);
        let is_theirs = |id: &SessionId| match self.fault {
            Some(SubjectFault::KeptIsNotChecked) => true,
            Some(SubjectFault::KeptMayBeAnothers) => self.live(&data, id, false).is_some(),
            _ => ids.contains(id),
        };
        if kept.is_some_and(|kept| !is_theirs(kept.id)) {
            return Ok(EndOutcome::KeptHasEnded);
        }
        let mut at = now;
        if !self.has(SubjectFault::MarkIgnoresNewestSignIn) {
            at = at.max(self.newest(&data, subject).unwrap_or(now));
        }
        let earlier = data.marks.get(subject).cloned();
        if let Some((earlier, _)) = &earlier
            && !self.has(SubjectFault::MarkMovesBackwards)
        {
            at = at.max(*earlier);
        }
        let mut exempt: Vec<_> = kept.iter().map(|kept| kept.id.clone()).collect();
        if self.has(SubjectFault::KeptStaysForever) {
            exempt.extend(earlier.into_iter().flat_map(|(_, kept)| kept));
        }
        ids.retain(|id| !exempt.contains(id));
        if self.has(SubjectFault::UnreadableDoesNotEnd) {
            ids.retain(|id| data.entries[id].is_readable());
        }
        data.marks.insert(*subject, (at, exempt));
        for id in &ids {
            if !self.has(SubjectFault::LabelFindsEnded) {
                self.delete_now(&mut data, id);
            }
        }
        if self.has(SubjectFault::KeptIsEnded)
            && let Some(kept) = kept
        {
            self.delete_now(&mut data, kept.id);
        }
        ids.retain(|id| !is_kept(id));
        Ok(EndOutcome::Ended { at, ids })
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: Timestamp,
    ) -> Result<bool, StoreError> {
        let data = self.data();
        let is_listed = match self.fault {
            Some(SubjectFault::RevokesNoId) => false,
            Some(SubjectFault::RevokesDeletedIds) => data.changes > 0,
            _ => self.live(&data, id, false).is_some(),
        };
        let mut marks = data.marks.iter().filter(|(of, (_, kept))| {
            let is_same = subject == Some(of) || self.has(SubjectFault::RevokesByOtherMarks);
            is_same && !kept.contains(id)
        });
        let by_mark = marks.any(|(_, (at, _))| since <= *at);
        let spared = subject.is_none() && self.has(SubjectFault::RevokesNoGuests);
        let by_all = data.everything.is_some_and(|at| since <= at) && !spared;
        Ok(is_listed || by_all || by_mark && !self.has(SubjectFault::RevokesNothingByMarks))
    }

    async fn end_everything(&self, now: Timestamp) -> Result<Timestamp, StoreError> {
        let mut data = self.data();
        let is_listed = |record: &Record| record.signed_in_at() == Some(Timestamp::MAX);
        let counts_lists = self.has(SubjectFault::EverythingCountsLists);
        let records = data.entries.values().map(|it| it.record());
        let signed_in = records.filter(|it| counts_lists || !is_listed(it));
        let newest = signed_in.filter_map(|it| it.signed_in_at()).max();
        let newest = newest.filter(|_| !self.has(SubjectFault::EverythingIgnoresSignIns));
        let at = now
            .max(newest.unwrap_or(now))
            .max(data.everything.unwrap_or(now));
        data.everything = Some(at);
        let spares_guests = self.has(SubjectFault::EverythingSparesGuests);
        let spares_users = self.has(SubjectFault::EverythingSparesKept);
        let spares_lists = !self.has(SubjectFault::EverythingSweepsLists);
        data.entries
            .retain(|_, entry| match entry.record().subject() {
                None if is_listed(entry.record()) => spares_lists,
                None => spares_guests,
                Some(_) => spares_users,
            });
        Ok(at)
    }
}
