//! [`Slot`]: where one session lies.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
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
    told: Told,
}

/// What the cache was last told of a slot, so that it knows how long and how large it is.
///
/// Telling it costs more than the change itself. So it is told a little more than what is so, and again
/// only when that is no longer enough, or far too much.
#[derive(Clone, Copy)]
pub(super) struct Told {
    /// How long the cache should keep it.
    pub(super) ttl: Duration,
    /// When that is over, by the clock that the cache goes by.
    pub(super) until: Option<Instant>,
    /// Roughly what it takes in memory, in bytes.
    pub(super) weight: u32,
}

impl Told {
    fn of(record: &Record, ttl: Duration) -> Self {
        let ttl = ttl.saturating_add(ttl / 8);
        let weight = weight_of(record);
        Self {
            ttl,
            until: Instant::now().checked_add(ttl),
            weight: weight.saturating_add(weight / 8),
        }
    }

    /// Whether the cache can do with it, now that the slot holds this.
    fn is_enough_for(&self, record: &Record, ttl: Duration) -> bool {
        let weight = weight_of(record);
        // What is too far away for the clock to show is far enough.
        let lasts = self.until.is_none_or(|until| {
            let ends_at = Instant::now().checked_add(ttl);
            ends_at.is_some_and(|ends_at| ends_at <= until)
        });
        lasts && (self.weight / 2..=self.weight).contains(&weight)
    }
}

/// Roughly what a slot with this takes in memory, in bytes.
fn weight_of(record: &Record) -> u32 {
    /// What key, slot, cache entry and allocations take beside the state.
    const OVERHEAD: usize = 512;
    /// What one entry of the state takes beside its name and value.
    const ENTRY_OVERHEAD: usize = 64;
    let state = &record.state;
    let bytes = OVERHEAD + state.size() + state.len() * ENTRY_OVERHEAD;
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

impl Slot {
    pub(super) const FIRST_VERSION: Version = Version::new(0);

    pub(super) fn new(key: SessionKey, record: Record, now: Timestamp, ttl: Duration) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(Content {
            key,
            version: Self::FIRST_VERSION,
            ends_at: now.saturating_add(ttl),
            told: Told::of(&record, ttl),
            record,
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

    /// Puts `record` here under `new_key`, if `key` leads here and `version` is current; also whether
    /// the cache has to be told.
    pub(super) fn swap(
        &self,
        (key, version): (&SessionKey, Version),
        new_key: SessionKey,
        (record, ttl): (&Record, Duration),
        now: Timestamp,
    ) -> (Swap, bool) {
        let mut content = self.content();
        let Some(content) = content.as_mut().filter(|live| live.answers(key, now)) else {
            return (Swap::Gone, false);
        };
        if content.version != version {
            return (Swap::Conflict, false);
        }
        let is_enough = content.told.is_enough_for(record, ttl);
        if !is_enough {
            content.told = Told::of(record, ttl);
        }
        content.key = new_key.clone();
        content.version = Version::new(version.get() + 1);
        content.record = record.clone();
        content.ends_at = now.saturating_add(ttl);
        let stored = Stored {
            key: new_key,
            version: content.version,
        };
        (Swap::Stored(stored), !is_enough)
    }

    /// Ends the session.
    pub(super) fn end(&self) {
        *self.content() = None;
    }

    /// What the cache is to know of it.
    pub(super) fn told(&self) -> Told {
        const NOTHING: Told = Told {
            ttl: Duration::ZERO,
            until: None,
            weight: 0,
        };
        self.content().as_ref().map_or(NOTHING, |live| live.told)
    }
}

impl Content {
    fn answers(&self, key: &SessionKey, now: Timestamp) -> bool {
        self.key == *key && now < self.ends_at
    }
}
