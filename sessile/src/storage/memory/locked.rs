//! [`LockedShard`]: a shard in use, whose change of size is reported after its lock was released.

use std::sync::{Mutex, PoisonError};

#[cfg(feature = "metrics")]
pub(super) use self::measured::LockedShard;
use super::shard::Shard;

#[cfg(not(feature = "metrics"))]
pub(super) type LockedShard<'a> = std::sync::MutexGuard<'a, Shard>;

#[inline]
pub(super) fn lock(shard: &Mutex<Shard>) -> LockedShard<'_> {
    let guard = shard.lock().unwrap_or_else(PoisonError::into_inner);
    #[cfg(feature = "metrics")]
    let guard = LockedShard::new(guard);
    guard
}

#[cfg(feature = "metrics")]
mod measured {
    use std::{
        ops::{Deref, DerefMut},
        sync::MutexGuard,
    };

    use super::Shard;
    use crate::telemetry::Size;

    pub(in super::super) struct LockedShard<'a> {
        guard: MutexGuard<'a, Shard>,
        // It is dropped after the guard, so that other requests of the shard do not wait for the
        // application's recorder.
        change: Change,
    }

    struct Change {
        before: Size,
        after: Size,
    }

    impl<'a> LockedShard<'a> {
        #[inline]
        pub(super) fn new(guard: MutexGuard<'a, Shard>) -> Self {
            let size = guard.size();
            Self {
                guard,
                change: Change {
                    before: size,
                    after: size,
                },
            }
        }
    }

    impl Deref for LockedShard<'_> {
        type Target = Shard;

        #[inline]
        fn deref(&self) -> &Shard {
            &self.guard
        }
    }

    impl DerefMut for LockedShard<'_> {
        #[inline]
        fn deref_mut(&mut self) -> &mut Shard {
            &mut self.guard
        }
    }

    impl Drop for LockedShard<'_> {
        #[inline]
        fn drop(&mut self) {
            self.change.after = self.guard.size();
        }
    }

    impl Drop for Change {
        #[inline]
        fn drop(&mut self) {
            if self.after != self.before {
                self.after.of_memory_store(self.before);
            }
        }
    }

    /// The sessions end with their store.
    impl Drop for Shard {
        fn drop(&mut self) {
            Size::default().of_memory_store(self.size());
        }
    }
}
