//! [`Slot`]: where one session lies.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{
    clock::Timestamp,
    key::SessionKey,
    record::Record,
    storage::{Loaded, Stored, Swap, Version},
};

/// Where one session lies, for as long as it lives.
///
/// It says which key leads to it, so a renewal is one change under its lock: the old key dies at
/// the very instant the new one comes to life.
pub(super) struct Slot(Mutex<Option<Content>>);

/// What lies in the slot of a session that was not ended.
struct Content {
    key: SessionKey,
    version: Version,
    record: Record,
    ends_at: Timestamp,
    /// How long it had to live when that was last set.
    ttl: Duration,
}

impl Slot {
    pub(super) const FIRST_VERSION: Version = Version::new(0);

    pub(super) fn new(key: SessionKey, record: Record, now: Timestamp, ttl: Duration) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(Content {
            key,
            version: Self::FIRST_VERSION,
            record,
            ends_at: now.saturating_add(ttl),
            ttl,
        }))))
    }

    fn content(&self) -> MutexGuard<'_, Option<Content>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What lies here, if `key` leads to it and its time is not over.
    pub(super) fn load(&self, key: &SessionKey, now: Timestamp) -> Option<Loaded> {
        let content = self.content();
        let content = content.as_ref().filter(|live| live.answers(key, now))?;
        Some(Loaded {
            record: content.record.clone(),
            version: content.version,
        })
    }

    /// Puts `record` here under `new_key`, if `key` leads here and `version` is current.
    pub(super) fn swap(
        &self,
        (key, version): (&SessionKey, Version),
        new_key: SessionKey,
        (record, ttl): (&Record, Duration),
        now: Timestamp,
    ) -> Swap {
        let mut content = self.content();
        let Some(content) = content.as_mut().filter(|live| live.answers(key, now)) else {
            return Swap::Gone;
        };
        if content.version != version {
            return Swap::Conflict;
        }
        *content = Content {
            key: new_key.clone(),
            version: Version::new(version.get() + 1),
            record: record.clone(),
            ends_at: now.saturating_add(ttl),
            ttl,
        };
        Swap::Stored(Stored {
            key: new_key,
            version: content.version,
        })
    }

    /// Ends the session.
    pub(super) fn end(&self) {
        *self.content() = None;
    }

    /// How long the cache should keep it.
    pub(super) fn ttl(&self) -> Duration {
        self.content()
            .as_ref()
            .map_or(Duration::ZERO, |live| live.ttl)
    }

    /// Roughly what it takes in memory, in bytes.
    pub(super) fn weight(&self, id: &str) -> u32 {
        /// What slot, cache entry and allocations take beside the state.
        const OVERHEAD: usize = 512;
        /// What one entry of the state takes beside its name and value.
        const ENTRY_OVERHEAD: usize = 64;
        let content = self.content();
        let state = content.as_ref().map_or(0, |live| {
            let state = &live.record.state;
            state.size() + state.len() * ENTRY_OVERHEAD
        });
        u32::try_from(OVERHEAD + id.len() + state).unwrap_or(u32::MAX)
    }
}

impl Content {
    fn answers(&self, key: &SessionKey, now: Timestamp) -> bool {
        self.key == *key && now < self.ends_at
    }
}
