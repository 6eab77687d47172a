//! [`Slot`]: where one session lies.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    clock::{SharedClock, Timestamp},
    key::SessionKey,
    record::Record,
    storage::{Stored, Swap, Version},
};

/// Where one session lies, for as long as it lives.
///
/// A renewal changes the key it answers to. For a moment two keys find the slot, and exactly one of
/// them is `key`: so the old key dies at the very instant the new one comes to life.
pub(super) struct Slot(Mutex<Content>);

pub(super) struct Content {
    /// The key that leads here; `None` when the session was deleted.
    pub(super) key: Option<SessionKey>,
    pub(super) version: u64,
    pub(super) record: Record,
    ends_at: Timestamp,
    /// What is left of its life as of when that was set, for the cache's own expiry.
    pub(super) ttl: Duration,
}

impl Slot {
    pub(super) fn new(key: SessionKey, record: Record, now: Timestamp, ttl: Duration) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Content {
            key: Some(key),
            version: 0,
            record,
            ends_at: now.saturating_add(ttl),
            ttl,
        })))
    }

    pub(super) fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn weight(&self, key: &str) -> u32 {
        /// What slot, cache entry and allocations take beside the state.
        const OVERHEAD: usize = 512;
        /// What one entry of the state takes beside its name and value.
        const ENTRY_OVERHEAD: usize = 64;
        let state = &self.content().record.state;
        let bytes = OVERHEAD + key.len() + state.size() + state.len() * ENTRY_OVERHEAD;
        u32::try_from(bytes).unwrap_or(u32::MAX)
    }

    /// Stores `record` if `key` leads here and `version` is current; under `new_key`, if there is
    /// one.
    pub(super) fn swap(
        &self,
        key: &SessionKey,
        version: Version,
        new_key: Option<&SessionKey>,
        replacement: (&Record, Duration),
        clock: &SharedClock,
    ) -> Swap {
        let (record, ttl) = replacement;
        let now = clock.now();
        let mut content = self.content();
        if !content.is_live(key, now) {
            return Swap::Gone;
        }
        if content.version != version.get() {
            return Swap::Conflict;
        }
        let key = new_key.unwrap_or(key);
        *content = Content {
            key: Some(key.clone()),
            version: content.version + 1,
            record: record.clone(),
            ends_at: now.saturating_add(ttl),
            ttl,
        };
        Swap::Stored(Stored {
            key: key.clone(),
            version: Version::new(content.version),
        })
    }
}

impl Content {
    pub(super) fn is_live(&self, key: &SessionKey, now: Timestamp) -> bool {
        self.key.as_ref() == Some(key) && now < self.ends_at
    }
}
