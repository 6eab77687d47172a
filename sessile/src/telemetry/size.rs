//! [`Size`]: how much sessions take that are kept in memory.

use std::ops::AddAssign;

use super::{metric::Gauge, metrics};

/// A number of sessions, and the bytes that they take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) sessions: usize,
    pub(crate) bytes: usize,
}

impl AddAssign for Size {
    fn add_assign(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.bytes += other.bytes;
    }
}

impl Size {
    /// A memory store, or a part of it, has this size now, and had the size `before`.
    pub(crate) fn of_memory_store(self, before: Self) {
        let gauges = [
            &metrics::MEMORY_STORE_SESSIONS,
            &metrics::MEMORY_STORE_BYTES,
        ];
        self.add_to(gauges, before);
    }

    /// A near cache has this size now, and had the size `before`.
    #[cfg(feature = "redis-rs-session")]
    pub(crate) fn of_near_cache(self, before: Self) {
        let gauges = [&metrics::NEAR_CACHE_SESSIONS, &metrics::NEAR_CACHE_BYTES];
        self.add_to(gauges, before);
    }

    fn add_to(self, [sessions, bytes]: [&Gauge<()>; 2], before: Self) {
        for (gauge, now, before) in [
            (sessions, self.sessions, before.sessions),
            (bytes, self.bytes, before.bytes),
        ] {
            if now != before {
                gauge.add((), now as f64 - before as f64);
            }
        }
    }
}
