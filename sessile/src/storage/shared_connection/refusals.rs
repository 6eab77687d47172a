//! [`Refusals`]: connections to servers that answer, and refuse to serve.

use std::time::Duration;

use tokio::time::Instant;

use super::{Backoff, Connect, InFlight, Phase};

/// The connections in a row that led to a server that refused to serve.
#[derive(Default)]
pub(super) struct Refusals {
    count: u32,
    /// When the wait after the last one ended.
    waited_until: Option<Instant>,
}

impl Refusals {
    /// How long to wait after another refusal: not at all if it is the first one.
    fn next_wait(&mut self, backoff: Backoff) -> Duration {
        let waited_until = self.waited_until;
        if waited_until.is_none_or(|end| end.elapsed() > backoff.longest) {
            self.count = 0;
        }
        let wait = backoff.after(self.count);
        self.count = self.count.saturating_add(1);
        self.waited_until = Some(Instant::now() + wait);
        wait
    }
}

impl<C: Connect> InFlight<'_, C> {
    /// The server does not serve, and another connection may lead to one that does. The next request opens that one at
    /// once. If it is refused as well, the backoff applies, as after a failed attempt to connect.
    pub(in crate::storage) fn refused(self, cause: C::Fault) {
        let inner = &self.connection.0;
        let mut state = inner.state();
        if state.number != self.number || !matches!(state.phase, Phase::Open(_)) {
            return;
        }
        let wait = state.refusals.next_wait(inner.connector.backoff());
        state.phase = match wait.is_zero() {
            true => Phase::Closed,
            false => Phase::Failed {
                cause,
                retry_at: Instant::now() + wait,
            },
        };
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn waits_begin_with_the_second_refusal_in_a_row_and_grow() {
        let (mut refusals, backoff) = (Refusals::default(), Backoff::default());
        for round in 0..2 {
            assert_eq!(refusals.next_wait(backoff), Duration::ZERO, "{round}");
            for full in [50, 100, 200, 400, 500, 500] {
                let full = Duration::from_millis(full);
                let wait = refusals.next_wait(backoff);
                assert!(wait >= full / 2 && wait <= full, "{round}: {wait:?}");
                advance(wait + backoff.longest).await;
            }
            advance(Duration::from_millis(1)).await;
        }
    }
}
