//! [`lock`]: locks a mutex of a store. `read` and `write` do the same with an `RwLock`.

use std::sync::{Mutex, MutexGuard, PoisonError};
#[cfg(feature = "_shared-connection")]
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Locks `mutex`, even if a thread has panicked under the lock: stores run no code of the application there.
#[inline]
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// As [`lock`], for reading.
#[cfg(feature = "_shared-connection")]
#[inline]
pub(super) fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// As [`lock`], for writing.
#[cfg(feature = "_shared-connection")]
pub(super) fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}
