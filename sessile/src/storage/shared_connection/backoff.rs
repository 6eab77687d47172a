//! [`Backoff`]: how long to wait before the next attempt to connect.

use std::time::Duration;

use crate::storage::timing::LONGEST_PAUSE;

/// How long to wait between attempts to connect.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) struct Backoff {
    pub(in crate::storage) shortest: Duration,
    pub(in crate::storage) longest: Duration,
}

impl Backoff {
    /// The wait after this many failures in a row. It doubles each time, and is shortened at random so that
    /// the servers of an application do not reconnect at the same moment.
    pub(in crate::storage) fn after(self, failures: u32) -> Duration {
        /// Keeps the sum with the time now from overflowing.
        const LONGEST: Duration = Duration::from_secs(3600);
        if failures == 0 {
            return Duration::ZERO;
        }
        let doubled = 2_u32.saturating_pow(failures - 1);
        let pause = self.shortest.saturating_mul(doubled);
        let pause = pause.min(self.longest).min(LONGEST);
        pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            shortest: Duration::from_millis(50),
            longest: LONGEST_PAUSE,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_within_their_bounds() {
        let backoff = Backoff {
            shortest: Duration::from_millis(50),
            longest: Duration::from_millis(500),
        };
        assert_eq!(backoff.after(0), Duration::ZERO);
        for (failures, full) in [
            (1, 50),
            (2, 100),
            (4, 400),
            (5, 500),
            (33, 500),
            (u32::MAX, 500),
        ] {
            let (pause, full) = (backoff.after(failures), Duration::from_millis(full));
            assert!(pause >= full / 2 && pause <= full, "{failures}: {pause:?}");
        }
        let endless = Backoff {
            shortest: Duration::MAX,
            longest: Duration::MAX,
        };
        assert!(endless.after(u32::MAX) <= Duration::from_secs(3600));
    }
}
