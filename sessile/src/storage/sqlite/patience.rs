//! [`Patience`]: waiting for a database that another connection holds locked.

use std::time::{Duration, Instant};

/// How long to pause between two attempts, at least and at most. Most locks are held for microseconds.
const PAUSES: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(25));

/// Waits for a database that another connection holds locked, up to a timeout.
///
/// It replaces SQLite's own waiting, which blocks the thread and goes on after all callers were dropped. SQLite also
/// doesn't wait while a new database gets its write-ahead log (<https://www.sqlite.org/c3ref/busy_handler.html>).
pub(super) struct Patience {
    begun: Instant,
    timeout: Duration,
    pause: Duration,
}

impl Patience {
    pub(super) fn new(timeout: Duration) -> Self {
        Self {
            begun: Instant::now(),
            timeout,
            pause: PAUSES.0,
        }
    }

    /// How long to pause before the next attempt, or `None` after the timeout.
    pub(super) fn pause(&mut self) -> Option<Duration> {
        let left = self.timeout.checked_sub(self.begun.elapsed())?;
        let pause = self.pause.min(left);
        self.pause = PAUSES.1.min(self.pause * 2);
        (!left.is_zero()).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_century_does_not_overflow_and_pauses_stay_short() {
        for timeout in [Duration::from_secs(100 * 365 * 86_400), Duration::MAX] {
            let mut patience = Patience::new(timeout);
            for _ in 0..1000 {
                assert!(patience.pause().unwrap() <= PAUSES.1);
            }
        }
    }

    #[test]
    fn without_patience_there_is_no_second_attempt() {
        assert_eq!(Patience::new(Duration::ZERO).pause(), None);
    }
}
