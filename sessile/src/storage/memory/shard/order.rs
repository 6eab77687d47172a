//! [`Links`]: the order in which the sessions of a shard were used, as a list with two links for each entry.

use std::mem;

use super::Shard;

/// The neighbors of an entry in the order of use.
#[derive(Clone, Copy)]
pub(super) struct Links {
    pub(super) older: u32,
    pub(super) newer: u32,
}

impl Links {
    pub(super) const NONE: Self = Self {
        older: NONE,
        newer: NONE,
    };
}

/// The position of no entry.
pub(super) const NONE: u32 = u32::MAX;

impl Shard {
    /// Makes a session the newest in the order of use.
    #[inline]
    pub(super) fn use_now(&mut self, position: u32) {
        if self.ends.older != position {
            self.unlink(position);
            self.link_as_newest(position);
        }
    }

    #[inline]
    pub(super) fn link_as_newest(&mut self, position: u32) {
        let older = mem::replace(&mut self.ends.older, position);
        *self.newer_of(older) = position;
        self.entries[position as usize].links = Links { older, newer: NONE };
    }

    #[inline]
    pub(super) fn unlink(&mut self, position: u32) {
        let Links { older, newer } = self.entry(position).links;
        *self.newer_of(older) = newer;
        *self.older_of(newer) = older;
    }

    /// Makes the neighbors of the entry at `from` name the position `to`, which the entry is about to take.
    #[inline]
    pub(super) fn relink(&mut self, from: u32, to: u32) {
        let Links { older, newer } = self.entry(from).links;
        *self.newer_of(older) = to;
        *self.older_of(newer) = to;
    }

    /// The link from an entry to the next newer one; from no entry, to the oldest.
    fn newer_of(&mut self, position: u32) -> &mut u32 {
        match position {
            NONE => &mut self.ends.newer,
            _ => &mut self.entries[position as usize].links.newer,
        }
    }

    /// The link from an entry to the next older one; from no entry, to the newest.
    fn older_of(&mut self, position: u32) -> &mut u32 {
        match position {
            NONE => &mut self.ends.older,
            _ => &mut self.entries[position as usize].links.older,
        }
    }
}
