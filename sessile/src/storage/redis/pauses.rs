//! [`Pauses`]: how long to wait before a server is tried again.

use std::time::Duration;

/// How long to wait between attempts to connect.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) struct Pauses {
    pub(in crate::storage) shortest: Duration,
    pub(in crate::storage) longest: Duration,
}

impl Pauses {
    /// The pause after so many failures in a row: doubled each time, and cut short at random so that
    /// the servers of an application don't come back in step.
    pub(in crate::storage) fn after(self, failures: u32) -> Duration {
        /// Longer than that nobody waits, and nothing overflows.
        const LONGEST: Duration = Duration::from_secs(3600);
        let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
        let pause = self.shortest.saturating_mul(doubled);
        let pause = pause.min(self.longest).min(LONGEST);
        pause.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}

impl Default for Pauses {
    fn default() -> Self {
        Self {
            shortest: Duration::from_millis(50),
            longest: Duration::from_millis(500),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_within_their_bounds() {
        let pauses = Pauses {
            shortest: Duration::from_millis(50),
            longest: Duration::from_millis(500),
        };
        for failures in 1..100 {
            let pause = pauses.after(failures);
            let full = Duration::from_millis(50 << (failures - 1).min(20)).min(pauses.longest);
            assert!(pause >= full / 2 && pause <= full, "{failures}: {pause:?}");
        }
        assert!(pauses.after(u32::MAX) <= pauses.longest);
        let endless = Pauses {
            shortest: Duration::MAX,
            longest: Duration::MAX,
        };
        assert!(endless.after(u32::MAX) <= Duration::from_secs(3600));
    }
}
