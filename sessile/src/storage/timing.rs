//! Time limits and times to live, as the stores on servers need them.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use pin_project_lite::pin_project;
use tokio::time::{Instant, Timeout, timeout_at};

/// The longest pause before a store tries another connection, unless it has a setting for that.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The time at which an operation has to end.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadline {
    at: Instant,
    /// How long the operation may take from its beginning.
    pub(super) limit: Duration,
}

/// An operation did not end in time.
#[derive(Debug, Clone, Copy)]
pub(super) struct TimedOut(pub(super) Duration);

impl Deadline {
    pub(super) fn after(limit: Duration) -> Self {
        Self {
            at: deadline(limit),
            limit,
        }
    }

    #[cfg(any(feature = "mysql-session", feature = "postgres-session"))]
    pub(super) fn has_passed(self) -> bool {
        Instant::now() >= self.at
    }

    /// The output of `future`, if it is ready in time.
    pub(super) fn bound<F: Future>(self, future: F) -> Bounded<F> {
        Bounded {
            timeout: timeout_at(self.at, future),
            limit: self.limit,
        }
    }
}

pin_project! {
    /// The future of [`Deadline::bound`]. An `async fn` would have room for `future` twice, and copy it twice.
    pub(super) struct Bounded<F> {
        #[pin]
        timeout: Timeout<F>,
        limit: Duration,
    }
}

impl<F: Future> Future for Bounded<F> {
    type Output = Result<F::Output, TimedOut>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = this.timeout.poll(context);
        polled.map(|bounded| bounded.map_err(|_| TimedOut(*this.limit)))
    }
}

/// The end of a `limit` that begins now. It is at most a century away.
fn deadline(limit: Duration) -> Instant {
    const CENTURY: Duration = Duration::from_secs(100 * 365 * 86_400);
    Instant::now() + limit.min(CENTURY)
}

/// A time to live in whole milliseconds, rounded up, and no more than a server can add to the time now.
pub(super) fn millis(ttl: Duration) -> i64 {
    const LONGEST: i64 = 1 << 52;
    let millis = ttl.as_nanos().div_ceil(1_000_000);
    i64::try_from(millis).unwrap_or(LONGEST).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Another server that has taken over is found with at most three attempts: the tests of failovers count them.
    #[test]
    fn requests_work_within_two_seconds() {
        assert!(3 * LONGEST_PAUSE < Duration::from_secs(2));
    }

    #[test]
    fn times_to_live_are_rounded_up_and_bounded() {
        for (ttl, expected) in [
            (Duration::ZERO, 0),
            (Duration::from_nanos(1), 1),
            (Duration::from_millis(1500), 1500),
            (Duration::MAX, 4_503_599_627_370_496),
        ] {
            assert_eq!(millis(ttl), expected);
        }
    }

    #[test]
    fn an_endless_limit_does_not_overflow() {
        assert!(deadline(Duration::MAX) > deadline(Duration::from_secs(1)));
    }
}
