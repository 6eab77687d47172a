//! [`Table`]: the rows of a store in memory, and the faults of its operations.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use actix_web::cookie::time;

/// The behavior of `update` if there is no such session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum OnMissing {
    /// It stores the state under another key, as actix-session's own stores do.
    #[default]
    SaveAnother,
    /// It stores the state under the key.
    BringBack,
    Fail,
}

type Action = Box<dyn FnOnce(&Table) + Send>;

/// The rows of a store in memory.
#[derive(Default)]
pub(crate) struct Table {
    pub(crate) on_missing: OnMissing,
    /// Makes the keys of new sessions, if the library does not.
    pub(crate) new_key: Option<fn() -> String>,
    rows: Mutex<HashMap<String, Row>>,
    /// The operation that fails next.
    failing: Mutex<Option<&'static str>>,
    /// An action of another server, before the next operation of this name.
    before: Mutex<Option<(&'static str, Action)>>,
    operations: Mutex<Vec<&'static str>>,
}

struct Row {
    /// A JSON object, as in a column of text.
    state: String,
    stored_at: Instant,
    ttl: Duration,
}

impl Table {
    pub(crate) fn on_missing(on_missing: OnMissing) -> Self {
        Self {
            on_missing,
            ..Self::default()
        }
    }

    pub(crate) fn with_keys(new_key: fn() -> String) -> Self {
        Self {
            new_key: Some(new_key),
            ..Self::default()
        }
    }

    /// Every operation calls this first.
    pub(crate) async fn begin(&self, operation: &'static str) -> anyhow::Result<()> {
        tokio::task::yield_now().await;
        locked(&self.operations).push(operation);
        let before = locked(&self.before).take_if(|(name, _)| *name == operation);
        if let Some((_, action)) = before {
            action(self);
        }
        let failing = locked(&self.failing).take_if(|name| *name == operation);
        anyhow::ensure!(failing.is_none(), "the connection was reset");
        Ok(())
    }

    /// The next operation of this name fails.
    pub(crate) fn fail(&self, operation: &'static str) {
        *locked(&self.failing) = Some(operation);
    }

    /// Calls `action` before the next operation of this name.
    pub(crate) fn before(
        &self,
        operation: &'static str,
        action: impl FnOnce(&Self) + Send + 'static,
    ) {
        *locked(&self.before) = Some((operation, Box::new(action)));
    }

    /// The operations since the last call.
    pub(crate) fn operations(&self) -> Vec<&'static str> {
        std::mem::take(&mut locked(&self.operations))
    }

    fn rows(&self) -> MutexGuard<'_, HashMap<String, Row>> {
        let mut rows = locked(&self.rows);
        rows.retain(|_, row| row.stored_at.elapsed() < row.ttl);
        rows
    }

    pub(crate) fn get(&self, key: &str) -> Option<anyhow::Result<HashMap<String, String>>> {
        let state = self.text(key)?;
        Some(serde_json::from_str(&state).map_err(anyhow::Error::new))
    }

    pub(crate) fn put(&self, key: &str, state: HashMap<String, String>, ttl: time::Duration) {
        self.put_text(key, serde_json::to_string(&state).unwrap(), ttl);
    }

    pub(crate) fn put_text(&self, key: &str, state: String, ttl: time::Duration) {
        let row = Row {
            state,
            stored_at: Instant::now(),
            ttl: ttl.unsigned_abs(),
        };
        self.rows().insert(key.to_owned(), row);
    }

    pub(crate) fn remove(&self, key: &str) {
        self.rows().remove(key);
    }

    /// What is stored under `key`.
    pub(crate) fn text(&self, key: &str) -> Option<String> {
        self.rows().get(key).map(|row| row.state.clone())
    }

    /// The time to live of the row under `key`.
    pub(crate) fn ttl(&self, key: &str) -> Duration {
        self.rows()[key].ttl
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.rows().keys().cloned().collect()
    }

    /// The key of the only session.
    pub(crate) fn only_key(&self) -> String {
        let keys = self.keys();
        assert_eq!(keys.len(), 1);
        keys[0].clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
