//! [`Shard`]: a part of the sessions, behind one lock.

use std::{collections::BTreeSet, mem, time::Duration};

use super::{
    ids::{Key, Secret},
    slots::{Neighbors, Place, Session, Slots},
};
use crate::{
    clock::Timestamp,
    key::{SessionKey, is_same},
    record::Record,
    state::State,
    storage::{Loaded, StoreError, StoreErrorKind, Stored, Swap, Version},
};

/// A part of the sessions. Whoever has it holds its lock, so each change happens at one instant.
pub(super) struct Shard {
    /// From the one that was not used for the longest time to the one that was used last, give or take
    /// [`SAME_TIME`].
    sessions: Slots,
    /// When to see whether a session's time is over: one entry for each, of its `due`.
    dues: BTreeSet<(Timestamp, Place)>,
    /// None of them is due before this.
    none_due_before: Timestamp,
    /// What all of them take.
    weight: u64,
    max_weight: u64,
    /// How many operations there were.
    turns: usize,
}

/// Uses of a session that are no further apart count as one. To give it another place touches its neighbors
/// as well, old and new, which are anywhere in memory: several times what looking at the session takes.
pub(super) const SAME_TIME: Duration = Duration::from_secs(10);

/// How many sessions whose time may be over an operation sees to, at most.
const DUES_AT_ONCE: usize = 4;

/// After how many operations one sees to another shard as well.
const TURNS: usize = 4;

const FIRST_VERSION: Version = Version::new(0);

impl Shard {
    pub(super) fn new(max_weight: u64) -> Self {
        Self {
            sessions: Slots::default(),
            dues: BTreeSet::new(),
            none_due_before: Timestamp::from_unix_millis(0),
            weight: 0,
            max_weight,
            turns: 0,
        }
    }

    /// What `key` leads to.
    pub(super) fn load(&mut self, key: &Key, now: Timestamp) -> Option<Loaded> {
        let (session, state) = self.used(key, now)?;
        Some(Loaded {
            version: session.version,
            record: Record {
                created_at: session.created_at,
                touched_at: session.touched_at,
                undated: session.undated,
                state: state.clone(),
            },
        })
    }

    /// Begins a session under the key that `new_key` makes for its place.
    pub(super) fn create<K>(
        &mut self,
        new_key: impl FnOnce(Place) -> (K, Key),
        (record, ttl): (Record, Duration),
        now: Timestamp,
    ) -> Result<(K, Version), StoreError> {
        let weight = self.weigh(&record)?;
        let (session_key, key) = new_key(self.sessions.first_vacant());
        let ends_at = now.saturating_add(ttl);
        let session = Session {
            id: key.id,
            secret: key.secret,
            version: FIRST_VERSION,
            created_at: record.created_at,
            touched_at: record.touched_at,
            undated: record.undated,
            ends_at,
            due: ends_at,
            placed_at: now,
            neighbors: Neighbors::default(),
        };
        let place = self.sessions.insert(session, record.state);
        self.enqueue(ends_at, place);
        self.weight += weight;
        self.make_room(place);
        Ok((session_key, FIRST_VERSION))
    }

    /// Puts `record` under `new_key`, which has this secret, if `key` leads to a session and `version` is
    /// current.
    pub(super) fn swap(
        &mut self,
        (key, version): (&Key, Version),
        (new_key, secret): (SessionKey, Secret),
        (record, ttl): (Record, Duration),
        now: Timestamp,
    ) -> Result<Swap, StoreError> {
        let weight = self.weigh(&record);
        let Some((session, state)) = self.used(key, now) else {
            return Ok(Swap::Gone);
        };
        if session.version != version {
            return Ok(Swap::Conflict);
        }
        let weight = weight?;
        let weight_before = weight_of(state);
        let next = Version::new(version.get() + 1);
        session.secret = secret;
        session.version = next;
        session.created_at = record.created_at;
        session.touched_at = record.touched_at;
        session.undated = record.undated;
        *state = record.state;
        let ends_at = now.saturating_add(ttl);
        session.ends_at = ends_at;
        if ends_at < session.due {
            let due = mem::replace(&mut session.due, ends_at);
            self.dues.remove(&(due, key.place));
            self.enqueue(ends_at, key.place);
        }
        self.weight = self.weight - weight_before + weight;
        self.make_room(key.place);
        Ok(Swap::Stored(Stored {
            key: new_key,
            version: next,
        }))
    }

    /// Ends the session, whatever its key and version.
    pub(super) fn delete(&mut self, key: &Key) {
        let found = self.sessions.get(key.place);
        if found.is_some_and(|(session, _)| session.id == key.id) {
            self.end(key.place);
        }
    }

    /// The session that `key` leads to, which is used now, and its state.
    fn used(&mut self, key: &Key, now: Timestamp) -> Option<(&mut Session, &mut State)> {
        let (session, state) = self.sessions.get(key.place)?;
        // Both are somewhere else in memory, which takes its time; so both are asked for before either is needed.
        state.prefetch();
        if session.id != key.id || !is_same(&session.secret, &key.secret) || now >= session.ends_at
        {
            return None;
        }
        if now.since(session.placed_at) >= SAME_TIME {
            session.placed_at = now;
            self.sessions.set_newest(key.place);
        }
        self.sessions.get(key.place)
    }

    /// Lets go of some of what has ended. Each operation does so and makes one session at most, so this
    /// keeps up.
    pub(super) fn tidy(&mut self, now: Timestamp) {
        if now < self.none_due_before {
            return;
        }
        for _ in 0..DUES_AT_ONCE {
            let Some(&(due, place)) = self.dues.first() else {
                return;
            };
            self.none_due_before = due;
            if now < due {
                return;
            }
            let Some((session, _)) = self.sessions.get(place) else {
                unreachable!("who is in the queue is in its slot");
            };
            if session.ends_at > now {
                session.due = session.ends_at;
                self.dues.pop_first();
                self.dues.insert((session.due, place));
            } else {
                self.end(place);
            }
        }
    }

    /// Has it looked at then whether the session at this place has ended.
    fn enqueue(&mut self, due: Timestamp, place: Place) {
        self.none_due_before = self.none_due_before.min(due);
        self.dues.insert((due, place));
    }

    /// Counts an operation, and says now and then which shard should be tidied as well: so all of them
    /// have their turn, however few of them are used.
    pub(super) fn turn(&mut self) -> Option<usize> {
        self.turns = self.turns.wrapping_add(1);
        let is_due = self.turns.is_multiple_of(TURNS);
        is_due.then_some(self.turns / TURNS)
    }

    /// What a session of this record takes, if it fits at all.
    fn weigh(&self, record: &Record) -> Result<u64, StoreError> {
        let weight = weight_of(&record.state);
        if weight <= self.max_weight {
            return Ok(weight);
        }
        let max = self.max_weight;
        let cause = format!("a session would take {weight} bytes of memory, and may take {max}");
        Err(StoreError::new(StoreErrorKind::Denied, cause))
    }

    /// Ends what was not used for the longest time, until the rest is within its bound. Never the one that
    /// room is made for: that fits by itself.
    fn make_room(&mut self, used: Place) {
        if self.weight > self.max_weight {
            self.sessions.set_newest(used);
        }
        while self.weight > self.max_weight
            && let Some(oldest) = self.sessions.oldest()
        {
            self.end(oldest);
        }
    }

    /// Takes out the session that is there.
    fn end(&mut self, place: Place) {
        if let Some((session, state)) = self.sessions.remove(place) {
            self.dues.remove(&(session.due, place));
            self.weight -= weight_of(&state);
        }
    }
}

/// Roughly what a session of this state takes in memory, in bytes.
fn weight_of(state: &State) -> u64 {
    LEAST_WEIGHT + state.footprint() as u64
}

/// What it takes beside its state: its slot, the rest of it, and its place in the queue.
pub(super) const LEAST_WEIGHT: u64 = 208;

#[cfg(test)]
impl Shard {
    /// How many sessions there are, and what they weigh, once everything was checked.
    pub(super) fn checked(&mut self) -> (usize, u64) {
        let places = self.sessions.checked();
        assert_eq!(self.dues.len(), places.len());
        let first = self.dues.first();
        assert!(first.is_none_or(|(due, _)| self.none_due_before <= *due));
        let mut weight = 0;
        for &place in &places {
            let (session, state) = self.sessions.get(place).unwrap();
            weight += weight_of(state);
            assert!(session.due <= session.ends_at);
            assert!(self.dues.contains(&(session.due, place)));
        }
        assert_eq!(weight, self.weight);
        assert!(self.weight <= self.max_weight);
        (places.len(), self.weight)
    }

    pub(super) fn max_weight(&self) -> u64 {
        self.max_weight
    }

    /// For how many sessions there is room already.
    pub(super) fn room(&self) -> usize {
        self.sessions.room()
    }
}
