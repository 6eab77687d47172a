//! [`Readers`]: the connections that read.

use std::sync::{
    Mutex, TryLockError,
    atomic::{AtomicUsize, Ordering},
};

use rusqlite::Connection;

use crate::storage::lock::lock;

/// The connections that read. Each thread prefers one of them, whose pages are in the caches of its processor.
///
/// Each is behind a lock, not in a channel or behind an `await`: a read ends on the thread that began it, so
/// a handler that blocks its thread holds no connection. After a panic, the connection is used again: SQLite has ended
/// the read.
pub(super) struct Readers(Vec<Mutex<Option<Connection>>>);

impl Readers {
    /// Room for `count` connections. None is open.
    pub(super) fn new(count: usize) -> Self {
        Self((0..count).map(|_| Mutex::default()).collect())
    }

    /// Calls `read` with a connection that no other thread uses. Returns `None` if there is none: the database is
    /// in memory, or was closed.
    ///
    /// If all connections are in use, it waits until another thread has read.
    pub(super) fn with<T>(&self, read: impl FnOnce(&Connection) -> T) -> Option<T> {
        let preferred = THREAD.with(|thread| thread.checked_rem(self.0.len()))?;
        let slots = || self.0[preferred..].iter().chain(&self.0[..preferred]);
        let free = slots().find_map(|slot| match slot.try_lock() {
            Ok(connection) => Some(connection),
            Err(TryLockError::Poisoned(error)) => Some(error.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        });
        let connection = free.unwrap_or_else(|| lock(&self.0[preferred]));
        connection.as_ref().map(read)
    }

    /// Opens all connections by `connect`, or none.
    pub(super) fn open<E>(&self, connect: impl Fn() -> Result<Connection, E>) -> Result<(), E> {
        let connections: Result<Vec<_>, E> = self.0.iter().map(|_| connect()).collect();
        for (slot, connection) in self.0.iter().zip(connections?) {
            *lock(slot) = Some(connection);
        }
        Ok(())
    }

    /// Closes all connections, each after the read that is in progress.
    pub(super) fn close(&self) {
        for slot in &self.0 {
            let former = lock(slot).take();
            drop(former);
        }
    }
}

thread_local! {
    /// The number of this thread.
    static THREAD: usize = THREADS.fetch_add(1, Ordering::Relaxed);
}

static THREADS: AtomicUsize = AtomicUsize::new(0);
