//! [`BrokenStore`]: the store of the guide, with a fault.

use std::{
    collections::{HashMap, HashSet},
    future::pending,
    sync::{
        Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};

use sessile::{
    clock::{Clock as _, SystemClock},
    record::Record,
    storage::*,
};
use tokio::task::yield_now;

/// A fault of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    CreateOverwrites,
    /// Another `create` can come between the check and the insertion.
    CreateChecksFirst,
    UpdateIgnoresExpected,
    UpdateRecreatesDeleted,
    UpdateCreates,
    UpdateOverwritesTimes,
    UpdateKeepsTtl,
    UpdateIgnoresTtl,
    /// Another `update` can come between the check and the swap.
    UpdateChecksFirst,
    /// The version, and a moment later the record.
    UpdateInTwoSteps,
    DroppedUpdateKeepsLock,
    /// A `delete` can come between the check and the swap.
    UpdateRevives,
    ConflictAtOwnVersion,
    RewritesOwnVersion,
    VersionsAsFloats,
    DeleteOfFirstVersionOnly,
    DeleteFailsIfMissing,
    TtlRoundedToSeconds,
    TtlRoundedToMinutes,
    TtlOnlyShortens,
    LoadIgnoresTtl,
    CorruptIsMissing,
    CurrentFromCache,
    CacheKeepsRefused,
    DropsUnknownMembers,
    IdsIgnoreCase,
}

pub(crate) struct BrokenStore {
    fault: Option<Fault>,
    entries: Mutex<HashMap<String, Entry>>,
    deleted: Mutex<HashSet<String>>,
    cache: Mutex<HashMap<String, Loaded>>,
    is_locked: AtomicBool,
}

struct Entry {
    text: String,
    version: Version,
    first_version: Version,
    ends_at: Instant,
}

impl BrokenStore {
    pub(crate) fn new(fault: Option<Fault>) -> Self {
        Self {
            fault,
            entries: Mutex::default(),
            deleted: Mutex::default(),
            cache: Mutex::default(),
            is_locked: AtomicBool::new(false),
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        self.entries.lock().unwrap()
    }

    fn key(&self, id: &SessionId) -> String {
        match self.fault {
            Some(Fault::IdsIgnoreCase) => id.to_string().to_lowercase(),
            _ => id.to_string(),
        }
    }

    fn entry(&self, record: &Record, version: Version, ttl: Duration) -> Entry {
        let ttl = match self.fault {
            Some(Fault::TtlRoundedToSeconds) => rounded_up(ttl, 1),
            Some(Fault::TtlRoundedToMinutes) => rounded_up(ttl, 60),
            _ => ttl,
        };
        let mut text = record.encode();
        if self.has(Fault::DropsUnknownMembers)
            && let Some(start) = text.find(r#","later""#)
        {
            text.replace_range(start.., "}");
        }
        Entry {
            text,
            version,
            first_version: version,
            ends_at: Instant::now() + ttl,
        }
    }

    /// Whether an operation finds `entry`. With `fault`, it also finds expired entries.
    fn sees(&self, entry: &Entry, fault: Fault) -> bool {
        self.has(fault) || entry.ends_at > Instant::now()
    }

    /// The outcome of an update that does not store its record. `None` if it stores it.
    fn refusal(&self, key: &str, expected: Version, version: Version) -> Option<UpdateOutcome> {
        let entries = self.entries();
        let entry = entries.get(key);
        let Some(entry) = entry.filter(|entry| self.sees(entry, Fault::UpdateIgnoresTtl)) else {
            let recreates = self.has(Fault::UpdateCreates)
                || self.has(Fault::UpdateRecreatesDeleted)
                    && self.deleted.lock().unwrap().contains(key);
            return (!recreates).then_some(UpdateOutcome::Missing);
        };
        match self.fault {
            Some(Fault::ConflictAtOwnVersion) => {}
            Some(Fault::RewritesOwnVersion) if entry.version == version => return None,
            _ if entry.version == version => return Some(UpdateOutcome::Updated),
            _ => {}
        }
        let is_expected = match self.fault {
            Some(Fault::UpdateIgnoresExpected) => true,
            Some(Fault::VersionsAsFloats) => entry.version.get() as f64 == expected.get() as f64,
            _ => entry.version == expected,
        };
        (!is_expected).then_some(UpdateOutcome::Conflict)
    }

    /// Waits forever if a dropped operation holds the lock.
    async fn lock(&self) {
        if self.is_locked.load(SeqCst) {
            pending::<()>().await;
        }
    }
}

fn rounded_up(ttl: Duration, seconds: u64) -> Duration {
    let millis = 1000 * u128::from(seconds);
    let units = ttl.as_millis().div_ceil(millis);
    Duration::from_secs(seconds * u64::try_from(units).unwrap())
}

impl SessionStore for BrokenStore {
    async fn load(
        &self,
        id: &SessionId,
        _subject: Option<&SubjectDigest>,
        freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        self.lock().await;
        let key = self.key(id);
        let mut cache = self.cache.lock().unwrap();
        let from_cache = match freshness {
            Freshness::Current => self.has(Fault::CurrentFromCache),
            Freshness::Cached => self.has(Fault::CacheKeepsRefused),
        };
        if from_cache && let Some(cached) = cache.get(&key) {
            return Ok(Some(cached.clone()));
        }
        let entries = self.entries();
        let entry = entries.get(&key);
        let Some(entry) = entry.filter(|entry| self.sees(entry, Fault::LoadIgnoresTtl)) else {
            return Ok(None);
        };
        let record = match Record::decode(entry.text.as_bytes()) {
            Err(_) if self.has(Fault::CorruptIsMissing) => return Ok(None),
            decoded => decoded?,
        };
        let version = entry.version;
        let loaded = Loaded { record, version };
        if self.has(Fault::CurrentFromCache) && freshness == Freshness::Cached {
            cache.insert(key, loaded.clone());
        }
        Ok(Some(loaded))
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        self.lock().await;
        let key = self.key(id);
        let is_live = |entry: &Entry| entry.ends_at > Instant::now();
        let is_taken = || self.entries().get(&key).is_some_and(is_live);
        if is_taken() && !self.has(Fault::CreateOverwrites) {
            return Ok(CreateOutcome::Taken);
        }
        if self.has(Fault::CreateChecksFirst) {
            yield_now().await;
        }
        let entry = self.entry(record, version, ttl);
        self.entries().insert(key, entry);
        Ok(CreateOutcome::Created)
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        self.lock().await;
        let key = self.key(id);
        if self.has(Fault::CacheKeepsRefused) {
            let record = record.clone();
            let mut cache = self.cache.lock().unwrap();
            cache.insert(key.clone(), Loaded { record, version });
        }
        if let Some(outcome) = self.refusal(&key, expected, version) {
            return Ok(outcome);
        }
        match self.fault {
            Some(Fault::UpdateChecksFirst) => yield_now().await,
            Some(Fault::UpdateRevives) => {
                yield_now().await;
                let outcome = self.refusal(&key, expected, version);
                if let Some(outcome) = outcome.filter(|it| *it != UpdateOutcome::Missing) {
                    return Ok(outcome);
                }
            }
            Some(Fault::UpdateInTwoSteps) => {
                if let Some(entry) = self.entries().get_mut(&key) {
                    entry.version = version;
                }
                yield_now().await;
            }
            Some(Fault::DroppedUpdateKeepsLock) => {
                self.is_locked.store(true, SeqCst);
                yield_now().await;
                self.is_locked.store(false, SeqCst);
            }
            _ => {}
        }
        let mut entry = match self.fault {
            Some(Fault::UpdateOverwritesTimes) => {
                let mut now = Record::new(SystemClock.now());
                now.state = record.state.clone();
                self.entry(&now, version, ttl)
            }
            _ => self.entry(record, version, ttl),
        };
        let mut entries = self.entries();
        if let Some(old) = entries.get(&key) {
            entry.first_version = old.first_version;
            entry.ends_at = match self.fault {
                Some(Fault::UpdateKeepsTtl) => old.ends_at,
                Some(Fault::TtlOnlyShortens) => old.ends_at.min(entry.ends_at),
                _ => entry.ends_at,
            };
        }
        entries.insert(key, entry);
        Ok(UpdateOutcome::Updated)
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.lock().await;
        let key = self.key(id);
        let mut entries = self.entries();
        let is_at_first_version =
            (entries.get(&key)).is_none_or(|entry| entry.version == entry.first_version);
        if self.has(Fault::DeleteOfFirstVersionOnly) && !is_at_first_version {
            return Ok(());
        }
        if entries.remove(&key).is_some() {
            self.deleted.lock().unwrap().insert(key);
        } else if self.has(Fault::DeleteFailsIfMissing) {
            let kind = StoreErrorKind::Unavailable;
            return Err(StoreError::new(kind, "no such record"));
        }
        Ok(())
    }
}
