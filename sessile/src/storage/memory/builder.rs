//! [`MemorySessionStoreBuilder`]: the settings of a store in memory.

use std::sync::{Arc, Mutex};

use super::{HasMarks, MemorySessionStore, Shard, Shared};
use crate::{
    clock::{Clock, SharedClock},
    storage::EndReporter,
};

/// The maximum number of shards.
const MAX_SHARDS: u64 = 64;

/// The minimum size of a shard, if there is more than one. Larger shards fill evenly, and have space for
/// the largest session.
pub(super) const MIN_SHARE: u64 = 4 * 1024 * 1024;

/// Sets up a [`MemorySessionStore`].
///
/// ```
/// use std::time::Duration;
/// use sessile::{clock::{Clock, ManualClock}, record::Record, storage::*};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
/// let clock = ManualClock::default();
/// let store = MemorySessionStore::builder()
///     .max_bytes(64 * 1024 * 1024)
///     .clock(clock.clone())
///     .build();
///
/// let (id, minute) = (SessionId::generate(), Duration::from_secs(60));
/// store.create(&id, &Record::new(clock.now()), Version::generate(), minute).await?;
/// clock.advance(minute);
/// assert_eq!(store.load(&id, None, Freshness::Current).await?, None);
/// # Ok::<(), StoreError>(()) }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is set up until `build` is called"]
pub struct MemorySessionStoreBuilder {
    max_bytes: u64,
    clock: SharedClock,
}

impl MemorySessionStoreBuilder {
    pub(super) fn new() -> Self {
        Self {
            max_bytes: 256 * 1024 * 1024,
            clock: SharedClock::default(),
        }
    }

    /// The memory that all sessions may take, in bytes, counted roughly: names, values and what the
    /// store needs to find them.
    ///
    /// Default: 256 MiB. Sessions are spread evenly over as many shards as can have 4 MiB each, at least
    /// one and at most 64. When a shard is full, those of its sessions that have not been used for the
    /// longest time end early, so that a new one always finds room.
    ///
    /// A session that would take more than its shard's share, 4 MiB by default, is refused when it is
    /// created or changed: [`StoreErrorKind::TooLarge`](crate::storage::StoreErrorKind::TooLarge).
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.max_bytes = bytes;
        self
    }

    /// Reads the time from `clock` instead of the operating system: for tests.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = SharedClock::new(clock);
        self
    }

    /// The store.
    pub fn build(self) -> MemorySessionStore {
        let shards = (self.max_bytes / MIN_SHARE).clamp(1, MAX_SHARDS);
        let share = usize::try_from(self.max_bytes / shards).unwrap_or(usize::MAX);
        MemorySessionStore {
            shared: Arc::new(Shared {
                shards: (0..shards).map(|_| Mutex::new(Shard::new(share))).collect(),
                index: Mutex::default(),
                has_marks: HasMarks::default(),
                end_reporter: EndReporter::default(),
            }),
            clock: self.clock,
        }
    }
}
