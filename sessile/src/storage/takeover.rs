//! [`Takeover`]: notices that another server has become the primary.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::{lock::lock, timing::LONGEST_PAUSE};

/// The shortest time between two refusals that close all connections. A server that stays read-only is not connected to
/// for each write.
const PAUSE: Duration = LONGEST_PAUSE;

/// Notices, by the replies to writes, that another server has become the primary.
///
/// The connections to a former primary stay open, and it still executes reads. So all connections are closed when a
/// read-only server refuses a write, and again after the first write that a server executes after that.
#[derive(Debug, Default)]
pub(super) struct Takeover {
    was_refused: AtomicBool,
    closed_at: Mutex<Option<Instant>>,
}

impl Takeover {
    /// Whether a server refused a write, or was found to be read-only, since the last write that was executed.
    pub(super) fn is_expected(&self) -> bool {
        self.was_refused.load(SeqCst)
    }

    /// Notes that a read-only server refused a write, or was found when a connection was opened.
    pub(super) fn expect(&self) {
        self.was_refused.store(true, SeqCst);
    }

    /// Notes that a read-only server refused a write. Returns whether all connections have to be closed: no refusal has
    /// closed them within [`PAUSE`].
    pub(super) fn refused(&self) -> bool {
        self.expect();
        let mut closed_at = lock(&self.closed_at);
        let is_due = closed_at.is_none_or(|at| at.elapsed() >= PAUSE);
        if is_due {
            *closed_at = Some(Instant::now());
        }
        is_due
    }

    /// Notes that a server executed a write, and returns whether all connections have to be closed. The caller reads
    /// [`is_expected`](Self::is_expected) before it sends the write: one that was sent before the refusal may have been
    /// the last one of the former primary.
    pub(super) fn executed(&self, was_expected: bool) -> bool {
        // Usually `false`, and cheaper to test than to swap.
        was_expected && self.was_refused.swap(false, SeqCst)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn connections_are_closed_after_a_refusal_and_after_the_next_write() {
        let takeover = Takeover::default();
        assert!(!takeover.executed(takeover.is_expected()));

        assert!(takeover.refused());
        assert!(!takeover.executed(false), "it was sent before the refusal");
        assert!(takeover.executed(takeover.is_expected()));
        assert!(!takeover.executed(true), "another write was first");
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stays_read_only_is_not_connected_to_for_each_write() {
        let takeover = Takeover::default();
        for (waited, is_due) in [(0, true), (499, false), (1, true), (0, false)] {
            advance(Duration::from_millis(waited)).await;
            assert_eq!(takeover.refused(), is_due, "after {waited} ms");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_takeover_may_be_expected_without_closing_connections() {
        let takeover = Takeover::default();
        takeover.expect();

        assert!(takeover.is_expected());
        assert!(takeover.refused(), "none were closed yet");
    }
}
