//! Iterating over the sessions, counting and clearing them.

use std::{num::NonZeroU32, sync::MutexGuard};

use super::{MemorySessionStore, resized::Resized, shard::Shard};
use crate::storage::{Cursor, IterableStore, ManagedStore, Page, StoreError, lock::lock};

/// The position at which an iteration continues: in this shard, below this index.
///
/// Within a shard, an iteration goes from the last position to the first. When a session is removed, the last session
/// takes its position. So a session that was not shown yet only moves to a position that will be shown.
struct Position {
    shard: usize,
    below: usize,
}

impl Position {
    const START: Self = Self::of_shard(0);

    const fn of_shard(shard: usize) -> Self {
        Self {
            shard,
            below: usize::MAX,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (shard, below) = text.split_once('-')?;
        Some(Self {
            shard: shard.parse().ok()?,
            below: below.parse().ok()?,
        })
    }

    fn cursor(&self) -> Cursor {
        Cursor::new(format!("{}-{}", self.shard, self.below))
    }
}

impl MemorySessionStore {
    fn shard(&self, index: usize) -> Option<MutexGuard<'_, Shard>> {
        self.shared.shards.get(index).map(lock)
    }
}

/// The number of sessions is exact.
impl IterableStore for MemorySessionStore {
    async fn page(&self, after: Option<&Cursor>, limit: NonZeroU32) -> Result<Page, StoreError> {
        let limit = limit.get() as usize;
        let start = after.map(|cursor| cursor.parse(Position::parse));
        let mut position = start.transpose()?.unwrap_or(Position::START);
        let mut sessions = Vec::new();
        while sessions.len() < limit {
            let now = self.clock.now();
            let Some(shard) = self.shard(position.shard) else {
                return Ok(Page {
                    sessions,
                    next: None,
                });
            };
            let room = limit - sessions.len();
            let (found, below) = shard.live_below(position.below, room, now);
            drop(shard);
            let ended = |(id, loaded): &(_, _)| self.has_ended(id, loaded);
            let found = found.into_iter().filter(|it| !ended(it));
            sessions.extend(found.map(|(id, loaded)| (id, Ok(loaded))));
            position = match below {
                0 => Position::of_shard(position.shard + 1),
                below => Position { below, ..position },
            };
        }
        Ok(Page {
            sessions,
            next: Some(position.cursor()),
        })
    }

    async fn count(&self) -> Result<u64, StoreError> {
        let now = self.clock.now();
        let shards = 0..self.shared.shards.len();
        let counts = shards.filter_map(|index| Some(self.shard(index)?.count_live(now)));
        Ok(counts.sum())
    }

    async fn clear(&self) -> Result<(), StoreError> {
        let mut resized = Resized::default();
        self.delete_everything(&mut resized, &mut self.index(), |_| false);
        Ok(())
    }
}

/// The store has no backend: [`ping`](ManagedStore::ping) always succeeds, and [`close`](ManagedStore::close) does nothing.
impl ManagedStore for MemorySessionStore {
    async fn ping(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}
