use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use sessile::storage::compat::*;
use time::{Duration, OffsetDateTime};

/// Keeps states in a map, as a store of actix-session.
#[derive(Default)]
pub struct OldStore {
    entries: Mutex<HashMap<String, Entry>>,
}

struct Entry {
    state: HashMap<String, String>,
    expires_at: OffsetDateTime,
}

impl OldStore {
    /// The entries that have not expired.
    fn entries(&self) -> MutexGuard<'_, HashMap<String, Entry>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = OffsetDateTime::now_utc();
        entries.retain(|_, entry| entry.expires_at > now);
        entries
    }

    fn put(&self, key: &SessionKey, state: HashMap<String, String>, ttl: &Duration) {
        let expires_at = OffsetDateTime::now_utc() + *ttl;
        let entry = Entry { state, expires_at };
        self.entries().insert(key.as_ref().to_owned(), entry);
    }
}

impl SessionStore for OldStore {
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let entries = self.entries();
        Ok(entries.get(key.as_ref()).map(|entry| entry.state.clone()))
    }

    async fn save(
        &self,
        state: HashMap<String, String>,
        ttl: &Duration,
    ) -> Result<SessionKey, SaveError> {
        let key = generate_session_key();
        self.put(&key, state, ttl);
        Ok(key)
    }

    async fn update(
        &self,
        key: SessionKey,
        state: HashMap<String, String>,
        ttl: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        self.put(&key, state, ttl);
        Ok(key)
    }

    async fn update_ttl(&self, key: &SessionKey, ttl: &Duration) -> Result<(), anyhow::Error> {
        if let Some(entry) = self.entries().get_mut(key.as_ref()) {
            entry.expires_at = OffsetDateTime::now_utc() + *ttl;
        }
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        self.entries().remove(key.as_ref());
        Ok(())
    }
}
