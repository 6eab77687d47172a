//! The parts of a [`Shard`] that tests check.

use super::*;

impl Shard {
    pub(in crate::storage::memory) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    pub(in crate::storage::memory) fn capacity(&self) -> usize {
        self.entries.capacity().max(self.index.capacity())
    }

    /// The ids from the oldest to the newest and the bytes that they take, after a check of everything.
    pub(in crate::storage::memory) fn checked(&self) -> (Vec<SessionId>, usize) {
        let mut ids = Vec::new();
        let mut older = NONE;
        let mut position = self.ends.newer;
        while position != NONE {
            let entry = self.entry(position);
            assert_eq!(entry.links.older, older);
            assert_eq!(self.find(&entry.id), Some(position));
            ids.push(SessionId::from_bytes(entry.id));
            (older, position) = (position, entry.links.newer);
        }
        assert_eq!(self.ends.older, older);
        let len = self.entries.len();
        assert_eq!((ids.len(), self.index.len()), (len, len));
        let records = self.entries.iter().map(|entry| &entry.loaded.record);
        assert_eq!(self.bytes, records.map(footprint).sum::<usize>());
        assert!(self.bytes <= self.max_bytes);
        (ids, self.bytes)
    }
}
