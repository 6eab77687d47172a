//! [`retry_while_busy`]: waiting for a database that another connection holds locked.

use std::{
    thread,
    time::{Duration, Instant},
};

use super::error::Failure;

/// How long to pause between two attempts, at least and at most. Most locks are held for microseconds.
const PAUSES: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(25));

/// Calls `attempt` until it finds the database unlocked, the timeout has passed, or no caller waits.
///
/// It replaces SQLite's own waiting, which continues after all callers were dropped. SQLite also
/// doesn't wait while a new database gets its write-ahead log
/// (<https://www.sqlite.org/c3ref/busy_handler.html>).
pub(super) fn retry_while_busy<T>(
    timeout: Duration,
    a_caller_waits: impl Fn() -> bool,
    mut attempt: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let begun = Instant::now();
    let mut pause = PAUSES.0;
    loop {
        let attempted = attempt();
        let left = timeout.saturating_sub(begun.elapsed());
        match attempted {
            Err(failure) if failure.is_busy() && !left.is_zero() && a_caller_waits() => {
                thread::sleep(pause.min(left));
                pause = PAUSES.1.min(pause * 2);
            }
            attempted => return attempted,
        }
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    /// An error with this code of SQLite.
    fn failure(code: i32) -> Failure {
        Failure::not_sent(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None))
    }

    /// How many attempts are made, the tenth of which succeeds.
    fn attempts(timeout: Duration, a_caller_waits: bool, code: i32) -> usize {
        let mut attempts = 0;
        let _ = retry_while_busy(
            timeout,
            || a_caller_waits,
            || {
                attempts += 1;
                (attempts == 10).then_some(()).ok_or(failure(code))
            },
        );
        attempts
    }

    #[test]
    fn only_a_lock_is_waited_for_and_only_by_a_caller_with_time() {
        let century = Duration::from_secs(100 * 365 * 86_400);
        assert_eq!(attempts(century, true, ffi::SQLITE_BUSY), 10);
        assert_eq!(attempts(Duration::MAX, true, ffi::SQLITE_BUSY), 10);
        assert_eq!(attempts(Duration::ZERO, true, ffi::SQLITE_BUSY), 1);
        assert_eq!(attempts(century, false, ffi::SQLITE_BUSY), 1);
        assert_eq!(attempts(century, true, ffi::SQLITE_FULL), 1);
    }
}
