use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sessile::{record::Record, storage::*};

/// Keeps the text of records in a map.
#[derive(Default)]
pub struct MapStore {
    entries: Mutex<HashMap<SessionId, Entry>>,
}

struct Entry {
    text: String,
    version: Version,
    stored_at: Instant,
    ttl: Duration,
}

impl Entry {
    fn new(record: &Record, version: Version, ttl: Duration) -> Self {
        Self {
            text: record.encode(),
            version,
            stored_at: Instant::now(),
            ttl,
        }
    }
}

impl MapStore {
    /// The entries that have not expired. The lock is never held across an `await`.
    fn entries(&self) -> MutexGuard<'_, HashMap<SessionId, Entry>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|_, entry| entry.stored_at.elapsed() < entry.ttl);
        entries
    }
}

impl SessionStore for MapStore {
    async fn load(
        &self,
        id: &SessionId,
        _subject: Option<&SubjectDigest>,
        _freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        let entries = self.entries();
        let Some(entry) = entries.get(id) else {
            return Ok(None);
        };
        // Text that is not a record becomes an error of the right kind.
        let record = Record::decode(entry.text.as_bytes())?;
        Ok(Some(Loaded {
            record,
            version: entry.version,
        }))
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        let mut entries = self.entries();
        if entries.contains_key(id) {
            return Ok(CreateOutcome::Taken);
        }
        entries.insert(id.clone(), Entry::new(record, version, ttl));
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
        match self.entries().get_mut(id) {
            None => Ok(UpdateOutcome::Missing),
            Some(entry) if entry.version == version => Ok(UpdateOutcome::Updated),
            Some(entry) if entry.version != expected => Ok(UpdateOutcome::Conflict),
            Some(entry) => {
                *entry = Entry::new(record, version, ttl);
                Ok(UpdateOutcome::Updated)
            }
        }
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        self.entries().remove(id);
        Ok(())
    }
}
