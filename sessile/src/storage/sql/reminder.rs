//! [`CleanupReminder`]: a warning if no clean-up deletes the rows of expired sessions.

use std::{
    sync::atomic::{AtomicU64, Ordering::Relaxed},
    time::Duration,
};

/// How long sessions are created without a clean-up before the store warns.
const PATIENCE: Duration = Duration::from_secs(3600);

/// No warning is due any more.
const SETTLED: u64 = u64::MAX;

/// Warns once if a store creates sessions for an hour, and its process never begins a clean-up.
///
/// Holds when the first session was created, in milliseconds since a fixed moment; zero before that.
#[derive(Debug, Default)]
pub(in crate::storage) struct CleanupReminder(AtomicU64);

impl CleanupReminder {
    /// A session is created, this long after a fixed moment.
    pub(in crate::storage) fn created(&self, now: Duration) {
        if self.is_due(now) {
            tracing::warn!(
                "this process has created sessions for an hour without a clean-up: unless another process deletes \
                 expired sessions, the table grows. Call `start_cleanup` on the store"
            );
        }
    }

    /// A clean-up has begun.
    pub(in crate::storage) fn cleaned(&self) {
        self.0.store(SETTLED, Relaxed);
    }

    /// Whether to warn. True once at most.
    fn is_due(&self, now: Duration) -> bool {
        let first = self.0.load(Relaxed);
        if first == SETTLED {
            return false;
        }
        let now = u64::try_from(now.as_millis()).unwrap_or(SETTLED - 1);
        let settle = |to| self.0.compare_exchange(first, to, Relaxed, Relaxed).is_ok();
        if first == 0 {
            settle(now.max(1));
            return false;
        }
        let since = Duration::from_millis(now.saturating_sub(first));
        since >= PATIENCE && settle(SETTLED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600_000;

    #[test]
    fn the_warning_comes_once_after_an_hour_without_a_clean_up() {
        for (cleaned_at, expected) in [
            (None, [false, false, true, false]),
            (Some(0), [false; 4]),
            (Some(2), [false; 4]),
            (Some(3), [false, false, true, false]),
        ] {
            let reminder = CleanupReminder::default();
            let times = [5, 5 + HOUR - 1, 5 + HOUR, 5 + 9 * HOUR];
            let warned = std::array::from_fn(|index| {
                if cleaned_at == Some(index) {
                    reminder.cleaned();
                }
                reminder.is_due(Duration::from_millis(times[index]))
            });
            assert_eq!(warned, expected, "{cleaned_at:?}");
        }
    }
}
