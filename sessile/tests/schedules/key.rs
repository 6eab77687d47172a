//! [`Histories`]: what distinguishes two states of a schedule.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher},
};

use sessile::storage::{CreateOutcome, SessionId, UpdateOutcome, Version};

use crate::{
    model::{Answer, Operation},
    run::Run,
    step::Course,
    stepped_store::{Failed, RequestIndex},
};

/// The answers to each request, as a hash. A request is deterministic, so this and the content of
/// the store are the state of a schedule.
///
/// Ids and versions are random, so they are named by the request that drew them and by their number there.
pub(crate) struct Histories {
    hashes: [u64; 2],
    /// Whether the request may be in the queue of its server, which the other one can notice.
    queues: [bool; 2],
    versions: HashMap<Version, usize>,
    ids: HashMap<SessionId, usize>,
    drawn: [usize; 2],
}

impl Histories {
    pub(crate) fn new(id: &SessionId) -> Self {
        Self {
            hashes: [0; 2],
            queues: [false; 2],
            versions: HashMap::new(),
            ids: HashMap::from([(id.clone(), 0)]),
            drawn: [0; 2],
        }
    }

    /// Labels the random values that a request drew for an operation.
    pub(crate) fn label(&mut self, index: RequestIndex, operation: &Operation) {
        self.drawn[index] += 1;
        let label = 1000 * (index + 1) + self.drawn[index];
        if let Some(id) = operation.id() {
            self.ids.entry(id.clone()).or_insert(label);
        }
        if let Some(write) = operation.write() {
            self.versions.entry(write.version).or_insert(label);
        }
    }

    fn version(&self, version: Version) -> usize {
        self.versions.get(&version).copied().unwrap_or_default()
    }

    fn id(&self, id: Option<&SessionId>) -> usize {
        let label = id.and_then(|id| self.ids.get(id));
        label.copied().unwrap_or_default()
    }

    /// Notes an event after which the request runs: it may find the other one in its queue.
    pub(crate) fn note(&mut self, index: RequestIndex, event: impl Hash, now: u64) {
        let other = 1 - index;
        let seen = self.queues[other].then_some(self.hashes[other]);
        self.note_unseen(index, (seen, event), now);
    }

    fn note_unseen(&mut self, index: RequestIndex, event: impl Hash, now: u64) {
        self.hashes[index] = hashed(&(self.hashes[index], now, event));
    }

    pub(crate) fn note_sent(
        &mut self,
        index: RequestIndex,
        course: Course,
        operation: &Operation,
        result: &Result<Answer, Failed>,
        now: u64,
    ) {
        let answer = match result {
            Ok(Answer::Loaded(loaded)) => (
                0,
                loaded.as_ref().map(|loaded| self.version(loaded.version)),
            ),
            Ok(Answer::Created(CreateOutcome::Created)) => (1, Some(0)),
            Ok(Answer::Created(_)) => (1, Some(1)),
            Ok(Answer::Updated(outcome)) => (2, Some(number_of(*outcome))),
            Ok(Answer::Deleted | Answer::Ended(_)) => (3, None),
            Err(failed) => (4, Some(*failed as usize)),
        };
        let event = (course, operation.name(), self.id(operation.id()), answer);
        match course.abandons_the_answer() {
            true => self.note(index, event, now),
            // It runs when it gets the answer.
            false => self.note_unseen(index, event, now),
        }
    }

    pub(crate) fn note_answered(
        &mut self,
        index: RequestIndex,
        result: &Result<Answer, Failed>,
        now: u64,
    ) {
        self.note(index, "answered", now);
        if let Ok(Answer::Updated(UpdateOutcome::Conflict)) = result {
            self.joined_queue(index);
        }
    }

    pub(crate) fn joined_queue(&mut self, index: RequestIndex) {
        self.queues[index] = true;
    }

    pub(crate) fn left_queue(&mut self, index: RequestIndex) {
        self.queues[index] = false;
    }
}

impl Run<'_> {
    /// Two schedules with the same key continue in the same way.
    pub(crate) fn key(&self) -> u64 {
        let histories = &self.histories;
        let controls = self.setup.store.controls();
        let mut stored: Vec<_> = (controls.model.entries.iter())
            .map(|(id, entry)| {
                (
                    histories.id(Some(id)),
                    histories.version(entry.version),
                    entry.ends_at,
                )
            })
            .collect();
        stored.sort_unstable();
        let mut cached: Vec<_> = (controls.model.cache.iter())
            .map(|(id, loaded)| (histories.id(Some(id)), histories.version(loaded.version)))
            .collect();
        cached.sort_unstable();
        let mut marks: Vec<_> = controls.model.marks.values().collect();
        marks.sort_unstable();
        let late = self.late.as_ref().map(|(index, operation)| {
            let version = operation
                .write()
                .map(|write| histories.version(write.version));
            (
                *index,
                operation.name(),
                histories.id(operation.id()),
                version,
            )
        });
        let requests = (
            histories.hashes,
            histories.queues,
            self.failed,
            self.renewed_by,
            self.has_stored,
        );
        hashed(&(
            stored,
            cached,
            marks,
            late,
            requests,
            self.setup.clock_millis(),
        ))
    }
}

fn hashed(value: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn number_of(outcome: UpdateOutcome) -> usize {
    match outcome {
        UpdateOutcome::Updated => 0,
        UpdateOutcome::Conflict => 1,
        UpdateOutcome::Missing => 2,
        UpdateOutcome::Refused(_) => 3,
    }
}
