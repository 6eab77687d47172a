//! [`Shard`]: a part of the sessions, behind one lock.

use std::{collections::BTreeSet, time::Duration};

use foldhash::fast::RandomState;
use hashlink::{
    LinkedHashMap,
    linked_hash_map::{Entry, RawEntryMut},
};

use crate::{
    clock::Timestamp,
    key::{ID_LEN, SECRET_LEN, SessionKey, is_same},
    record::Record,
    storage::{Loaded, StoreError, StoreErrorKind, Stored, Swap, Version},
};

/// A [`SessionKey`] of the form that this store makes.
#[derive(Clone, Copy)]
pub(super) struct Key {
    /// What the session is found by.
    pub(super) id: Id,
    pub(super) secret: Secret,
}

pub(super) type Id = [u8; ID_LEN];
pub(super) type Secret = [u8; SECRET_LEN];

impl Key {
    /// The parts of `key`; nothing if it is of another form, and so leads nowhere.
    pub(super) fn of(key: &SessionKey) -> Option<Self> {
        let (id, rest) = key.as_ref().as_bytes().split_first_chunk()?;
        let secret = rest.strip_prefix(b".")?;
        Some(Self {
            id: *id,
            secret: secret.try_into().ok()?,
        })
    }
}

/// A part of the sessions. Whoever has it holds its lock, so each change happens at one instant.
pub(super) struct Shard {
    /// From the one that was not used for the longest time to the one that was used last, give or take
    /// [`SAME_TIME`].
    sessions: Sessions,
    /// When to see whether a session's time is over: one entry for each, of its `due`.
    dues: BTreeSet<(Timestamp, Id)>,
    /// None of them is due before this.
    none_due_before: Timestamp,
    /// What all of them take.
    weight: u64,
    max_weight: u64,
    /// How many operations there were.
    turns: usize,
}

type Sessions = LinkedHashMap<Id, Session, RandomState>;

struct Session {
    secret: Secret,
    version: Version,
    record: Record,
    ends_at: Timestamp,
    /// When to see whether it has ended: never later than `ends_at`. It stays where it is while the life
    /// is extended again and again, and is moved once it has come.
    due: Timestamp,
    /// When it was last put at the end of the order of use.
    placed_at: Timestamp,
}

/// Uses of a session that are no further apart count as one. To give it another place touches its neighbors
/// as well, old and new, which are anywhere in memory: several times what looking at the session takes.
pub(super) const SAME_TIME: Duration = Duration::from_secs(10);

/// How many sessions whose time may be over an operation sees to, at most.
const DUES_AT_ONCE: usize = 4;

/// After how many operations one sees to another shard as well.
const TURNS: usize = 4;

/// How much room is not worth giving back.
const LITTLE_ROOM: usize = 64;

const FIRST_VERSION: Version = Version::new(0);

impl Shard {
    pub(super) fn new(max_weight: u64) -> Self {
        Self {
            sessions: LinkedHashMap::with_hasher(RandomState::default()),
            dues: BTreeSet::new(),
            none_due_before: Timestamp::from_unix_millis(0),
            weight: 0,
            max_weight,
            turns: 0,
        }
    }

    /// What `key` leads to.
    pub(super) fn load(&mut self, key: &Key, now: Timestamp) -> Option<Loaded> {
        let session = used(&mut self.sessions, key, now)?;
        Some(Loaded {
            record: session.record.clone(),
            version: session.version,
        })
    }

    /// Begins a session under `key`, unless there is one of its id.
    pub(super) fn create(
        &mut self,
        key: Key,
        (record, ttl): (Record, Duration),
        now: Timestamp,
    ) -> Result<Option<Version>, StoreError> {
        let weight = self.weigh(&record)?;
        let Entry::Vacant(place) = self.sessions.entry(key.id) else {
            return Ok(None);
        };
        let ends_at = now.saturating_add(ttl);
        place.insert(Session {
            secret: key.secret,
            version: FIRST_VERSION,
            record,
            ends_at,
            due: ends_at,
            placed_at: now,
        });
        self.enqueue(ends_at, key.id);
        self.weight += weight;
        self.make_room(&key.id);
        Ok(Some(FIRST_VERSION))
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
        let Some(session) = used(&mut self.sessions, key, now) else {
            return Ok(Swap::Gone);
        };
        if session.version != version {
            return Ok(Swap::Conflict);
        }
        let weight = weight?;
        let weight_before = weight_of(&session.record);
        let next = Version::new(version.get() + 1);
        session.secret = secret;
        session.version = next;
        session.record = record;
        let ends_at = now.saturating_add(ttl);
        session.ends_at = ends_at;
        if ends_at < session.due {
            self.dues.remove(&(session.due, key.id));
            session.due = ends_at;
            self.enqueue(ends_at, key.id);
        }
        self.weight = self.weight - weight_before + weight;
        self.make_room(&key.id);
        Ok(Swap::Stored(Stored {
            key: new_key,
            version: next,
        }))
    }

    /// Ends the session, whatever its key and version.
    pub(super) fn delete(&mut self, id: &Id) {
        if let Some(session) = self.sessions.remove(id) {
            self.dues.remove(&(session.due, *id));
            self.forget(&session);
        }
    }

    /// Lets go of some of what has ended. Each operation does so and makes one session at most, so this
    /// keeps up.
    pub(super) fn tidy(&mut self, now: Timestamp) {
        if now < self.none_due_before {
            return;
        }
        for _ in 0..DUES_AT_ONCE {
            let Some(&(due, id)) = self.dues.first() else {
                return;
            };
            self.none_due_before = due;
            if now < due {
                return;
            }
            self.dues.pop_first();
            let Entry::Occupied(mut entry) = self.sessions.entry(id) else {
                continue;
            };
            let session = entry.get_mut();
            if session.ends_at > now {
                session.due = session.ends_at;
                self.dues.insert((session.due, id));
            } else {
                let session = entry.remove();
                self.forget(&session);
            }
        }
    }

    /// Has it looked at then whether the session of this id has ended.
    fn enqueue(&mut self, due: Timestamp, id: Id) {
        self.none_due_before = self.none_due_before.min(due);
        self.dues.insert((due, id));
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
        let weight = weight_of(record);
        if weight <= self.max_weight {
            return Ok(weight);
        }
        let max = self.max_weight;
        let cause = format!("a session would take {weight} bytes of memory, and may take {max}");
        Err(StoreError::new(StoreErrorKind::Denied, cause))
    }

    /// Ends what was not used for the longest time, until the rest is within its bound. Never the one that
    /// room is made for: that fits by itself.
    fn make_room(&mut self, used: &Id) {
        if self.weight > self.max_weight {
            self.sessions.to_back(used);
        }
        while self.weight > self.max_weight
            && let Some((id, session)) = self.sessions.pop_front()
        {
            self.dues.remove(&(session.due, id));
            self.forget(&session);
        }
    }

    /// No longer counts what was taken out.
    fn forget(&mut self, session: &Session) {
        self.weight -= weight_of(&session.record);
        // The map keeps its room for more until it is told.
        let room = self.sessions.capacity();
        if room > LITTLE_ROOM && self.sessions.len() < room / 4 {
            self.sessions.shrink_to_fit();
        }
    }
}

/// The session that `key` leads to, which is used now.
fn used<'a>(sessions: &'a mut Sessions, key: &Key, now: Timestamp) -> Option<&'a mut Session> {
    let RawEntryMut::Occupied(mut found) = sessions.raw_entry_mut().from_key(&key.id) else {
        return None;
    };
    let session = found.get_mut();
    if !is_same(&session.secret, &key.secret) || now >= session.ends_at {
        return None;
    }
    if now.since(session.placed_at) >= SAME_TIME {
        session.placed_at = now;
        found.to_back();
    }
    Some(found.into_mut())
}

/// Roughly what a session of this record takes in memory, in bytes.
fn weight_of(record: &Record) -> u64 {
    /// What it takes beside its state: its place in the map and in the queue.
    const OVERHEAD: usize = 256;
    (OVERHEAD + record.state.footprint()) as u64
}

#[cfg(test)]
impl Shard {
    /// How many sessions there are, and what they weigh, once everything was checked.
    pub(super) fn checked(&self) -> (usize, u64) {
        let weights = self.sessions.values().map(|it| weight_of(&it.record));
        assert_eq!(weights.sum::<u64>(), self.weight);
        assert!(self.weight <= self.max_weight);
        assert_eq!(self.dues.len(), self.sessions.len());
        let first = self.dues.first();
        assert!(first.is_none_or(|(due, _)| self.none_due_before <= *due));
        for (id, session) in &self.sessions {
            assert!(session.due <= session.ends_at);
            assert!(self.dues.contains(&(session.due, *id)));
        }
        (self.sessions.len(), self.weight)
    }

    pub(super) fn max_weight(&self) -> u64 {
        self.max_weight
    }

    /// For how many sessions there is room already.
    pub(super) fn room(&self) -> usize {
        self.sessions.capacity()
    }
}
