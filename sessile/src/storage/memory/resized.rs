//! [`Resized`]: reports how the sizes of shards changed, once their locks are released.

use std::sync::Mutex;

use super::shard::Shard;
use crate::storage::lock::lock;
#[cfg(feature = "metrics")]
use crate::telemetry::Size;

/// By how much an operation changed the sizes of shards.
///
/// It is reported when this is dropped. The recorder is code of the application, so the operation has to have released all
/// locks by then, also that of the index.
#[derive(Default)]
pub(super) struct Resized {
    #[cfg(feature = "metrics")]
    before: Size,
    #[cfg(feature = "metrics")]
    after: Size,
}

impl Resized {
    /// Runs `change` under the lock of `shard`.
    #[inline]
    pub(super) fn by<T>(
        &mut self,
        shard: &Mutex<Shard>,
        change: impl FnOnce(&mut Shard) -> T,
    ) -> T {
        let mut shard = lock(shard);
        #[cfg(feature = "metrics")]
        {
            self.before += shard.size();
        }
        let output = change(&mut shard);
        #[cfg(feature = "metrics")]
        {
            self.after += shard.size();
        }
        output
    }
}

#[cfg(feature = "metrics")]
impl Drop for Resized {
    #[inline]
    fn drop(&mut self) {
        if self.after != self.before {
            self.after.of_memory_store(self.before);
        }
    }
}

/// The sessions of a store end with it.
#[cfg(feature = "metrics")]
impl Drop for Shard {
    fn drop(&mut self) {
        Size::default().of_memory_store(self.size());
    }
}
