//! [`Shard`]: a part of the sessions, in the order of their last use.
//!
//! A full shard evicts the session that was least recently used, before the operation that filled it returns. A
//! policy with admission control would evict new sessions first.
//!
//! Every operation checks two entries for their expiry, with a cursor that moves through the shard. So memory is
//! freed without a task, and no request pays for many entries.
//!
//! A record is compacted when it is stored: its list and its text are two allocations.

#[cfg(test)]
mod for_tests;
mod order;

use std::mem;

use hashbrown::HashTable;

use self::order::{Links, NONE};
use super::index;
#[cfg(feature = "metrics")]
use crate::telemetry::Size;
use crate::{
    clock::Timestamp,
    engine::EndCause,
    record::{Record, id::hash_of_id},
    storage::{Loaded, SessionId},
};

/// A part of the sessions. The index finds a session by its id, and the links give the order of use.
pub(super) struct Shard {
    /// In no particular order.
    entries: Vec<Entry>,
    /// The position in `entries` of each session.
    index: HashTable<u32>,
    /// The ends of the order of use: `newer` is the oldest entry, and `older` is the newest one.
    ends: Links,
    /// The position of the entry whose expiry is checked next.
    next_check: usize,
    bytes: usize,
    max_bytes: usize,
    /// The sessions that expired or were evicted since the caller last took them.
    removed: Vec<Removed>,
}

/// A session that was removed.
pub(super) struct Removed {
    pub(super) id: [u8; SessionId::LEN],
    pub(super) loaded: Loaded,
    /// Why the shard removed it; `None` if its caller did.
    pub(super) cause: Option<EndCause>,
}

impl Removed {
    /// A session that the caller of the shard removed or replaced.
    pub(super) fn by_caller(id: &SessionId, loaded: Loaded) -> Self {
        let (id, cause) = (*id.as_bytes(), None);
        Self { id, loaded, cause }
    }
}

struct Entry {
    id: [u8; SessionId::LEN],
    loaded: Loaded,
    ends_at: Timestamp,
    links: Links,
}

/// The number of entries that an operation checks for their expiry.
const CHECKS: usize = 2;

/// About how many bytes of memory a session of this record takes.
pub(super) fn footprint(record: &Record) -> usize {
    /// The position in the index, with the space that the index keeps free.
    const INDEX: usize = 10;
    size_of::<Entry>() + INDEX + record.footprint() + index::footprint(record)
}

impl Shard {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            entries: Vec::new(),
            index: HashTable::new(),
            ends: Links::NONE,
            next_check: 0,
            bytes: 0,
            max_bytes,
            removed: Vec::new(),
        }
    }

    /// The position of the session of this id, unless it has expired. The session becomes the newest
    /// in the order of use.
    ///
    /// The position is valid until the shard changes.
    pub(super) fn find_live(&mut self, id: &SessionId, now: Timestamp) -> Option<u32> {
        let position = self.find(id.as_bytes())?;
        if self.entry(position).ends_at <= now {
            self.end(position, EndCause::Expired);
            return None;
        }
        self.use_now(position);
        Some(position)
    }

    /// The session of this id, unless it has expired. The order of use stays.
    pub(super) fn peek(&self, id: &[u8; SessionId::LEN], now: Timestamp) -> Option<&Loaded> {
        let entry = self.entry(self.find(id)?);
        (now < entry.ends_at).then_some(&entry.loaded)
    }

    /// The ids of all sessions.
    pub(super) fn ids(&self) -> impl Iterator<Item = SessionId> {
        self.entries
            .iter()
            .map(|entry| SessionId::from_bytes(entry.id))
    }

    /// The live sessions among up to `limit` positions below `below`, from the last one, and the lowest of these positions.
    pub(super) fn live_below(
        &self,
        below: usize,
        limit: usize,
        now: Timestamp,
    ) -> (Vec<(SessionId, Loaded)>, usize) {
        let below = below.min(self.entries.len());
        let lowest = below.saturating_sub(limit);
        let entries = self.entries[lowest..below].iter().rev();
        let live = entries.filter(|entry| now < entry.ends_at);
        let session = |entry: &Entry| (SessionId::from_bytes(entry.id), entry.loaded.clone());
        (live.map(session).collect(), lowest)
    }

    /// The number of sessions that have not expired.
    pub(super) fn count_live(&self, now: Timestamp) -> u64 {
        let live = self.entries.iter().filter(|entry| now < entry.ends_at);
        live.count() as u64
    }

    #[cfg(feature = "metrics")]
    pub(super) fn size(&self) -> Size {
        Size {
            sessions: self.entries.len(),
            bytes: self.bytes,
        }
    }

    /// The sessions that expired or were evicted since the last call.
    pub(super) fn take_removed(&mut self) -> Vec<Removed> {
        mem::take(&mut self.removed)
    }

    /// The session at a position.
    pub(super) fn loaded(&self, position: u32) -> &Loaded {
        &self.entry(position).loaded
    }

    /// Adds a session whose id is not in the shard, as the newest, and evicts the oldest sessions until
    /// all fit.
    ///
    /// A session that is larger than the shard is refused, and nothing changes.
    pub(super) fn insert(
        &mut self,
        id: &SessionId,
        loaded: Loaded,
        ends_at: Timestamp,
    ) -> Result<(), TooLargeError> {
        self.bytes += self.check_size(&loaded.record)?;
        let id = *id.as_bytes();
        let position = self.entries.len() as u32;
        if self.entries.len() == self.entries.capacity() {
            // Doubling would leave more memory unused.
            self.entries.reserve_exact(8 + self.entries.len() / 8);
        }
        self.entries.push(Entry {
            id,
            loaded,
            ends_at,
            links: Links::NONE,
        });
        let entries = &self.entries;
        self.index
            .insert_unique(hash_of_id(&id), position, |it| hash_at(entries, *it));
        self.link_as_newest(position);
        self.evict();
        Ok(())
    }

    /// Replaces the session at a position, which has to be the newest, and evicts the oldest sessions
    /// until all fit. Returns what was replaced.
    ///
    /// A session that is larger than the shard is refused, and nothing changes.
    pub(super) fn replace(
        &mut self,
        position: u32,
        loaded: Loaded,
        ends_at: Timestamp,
    ) -> Result<Loaded, TooLargeError> {
        self.bytes += self.check_size(&loaded.record)?;
        let entry = &mut self.entries[position as usize];
        entry.ends_at = ends_at;
        let replaced = mem::replace(&mut entry.loaded, loaded);
        self.bytes -= footprint(&replaced.record);
        self.evict();
        Ok(replaced)
    }

    /// Removes the session of this id, whatever its version, if its record meets the condition.
    pub(super) fn remove(
        &mut self,
        id: &SessionId,
        condition: impl FnOnce(&Record) -> bool,
    ) -> Option<Loaded> {
        let position = self.find(id.as_bytes())?;
        condition(&self.loaded(position).record).then(|| self.remove_at(position))
    }

    /// Checks the next entries for their expiry.
    ///
    /// Every operation does so and adds one entry at most, so the cursor passes all entries before their
    /// number has doubled. It can miss an entry that takes the position of a removed one, until it comes
    /// round again.
    pub(super) fn remove_expired(&mut self, now: Timestamp) {
        for _ in 0..CHECKS {
            if self.next_check >= self.entries.len() {
                self.next_check = 0;
            }
            match self.entries.get(self.next_check) {
                // Another entry takes its position, and is checked next.
                Some(entry) if entry.ends_at <= now => {
                    self.end(self.next_check as u32, EndCause::Expired);
                }
                _ => self.next_check += 1,
            }
        }
    }

    fn end(&mut self, position: u32, cause: EndCause) {
        let id = self.entry(position).id;
        let loaded = self.remove_at(position);
        let cause = Some(cause);
        self.removed.push(Removed { id, loaded, cause });
    }

    /// Removes the oldest entries until the others fit. The newest entry fits by itself, so it stays.
    fn evict(&mut self) {
        while self.bytes > self.max_bytes || self.entries.len() >= NONE as usize {
            self.end(self.ends.newer, EndCause::Evicted);
        }
    }

    fn check_size(&self, record: &Record) -> Result<usize, TooLargeError> {
        let bytes = footprint(record);
        let max = self.max_bytes;
        if bytes > max {
            return Err(TooLargeError { bytes, max });
        }
        Ok(bytes)
    }

    fn find(&self, id: &[u8; SessionId::LEN]) -> Option<u32> {
        let has_id = |position: &u32| self.entry(*position).id == *id;
        self.index.find(hash_of_id(id), has_id).copied()
    }

    fn entry(&self, position: u32) -> &Entry {
        &self.entries[position as usize]
    }

    /// Removes an entry. The last entry takes its position.
    fn remove_at(&mut self, position: u32) -> Loaded {
        self.unlink(position);
        let hash = hash_at(&self.entries, position);
        if let Ok(indexed) = self.index.find_entry(hash, |it| *it == position) {
            indexed.remove();
        }
        let last = self.entries.len() as u32 - 1;
        if last != position {
            self.relink(last, position);
            let hash = hash_at(&self.entries, last);
            if let Some(moved) = self.index.find_mut(hash, |it| *it == last) {
                *moved = position;
            }
        }
        let removed = self.entries.swap_remove(position as usize).loaded;
        self.bytes -= footprint(&removed.record);
        self.shrink();
        removed
    }

    /// Frees memory that was needed for far more entries.
    fn shrink(&mut self) {
        /// Space that is not worth freeing.
        const MIN_CAPACITY: usize = 32;
        let (len, capacity) = (self.entries.len(), self.entries.capacity());
        if capacity > MIN_CAPACITY && len < capacity / 4 {
            self.entries.shrink_to(len * 2);
            let entries = &self.entries;
            self.index
                .shrink_to(len * 2, |position| hash_at(entries, *position));
        }
    }
}

fn hash_at(entries: &[Entry], position: u32) -> u64 {
    hash_of_id(&entries[position as usize].id)
}

/// A session takes more memory than its shard may.
#[derive(Debug, thiserror::Error)]
#[error("the session takes about {bytes} bytes of memory, and at most {max} are allowed for one")]
pub(super) struct TooLargeError {
    bytes: usize,
    max: usize,
}
