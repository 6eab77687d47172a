//! [`InFlight`]: a request in flight over a [`SharedConnection`].

use std::time::Duration;

use tokio::time::Instant;

use super::{Connect, Open, Phase, SharedConnection};
use crate::storage::timing::TimedOut;

/// A request in flight.
///
/// If a request is dropped or times out, and requests have waited for half of the timeout without any reply, the
/// connection is closed: the server hangs or the connection broke silently, and the next request need not
/// wait to detect that. Time in which no request waits does not count.
pub(in crate::storage) struct InFlight<'a, C: Connect> {
    pub(in crate::storage) handle: C::Handle,
    pub(super) connection: &'a SharedConnection<C>,
    pub(super) number: u64,
    limit: Duration,
    is_answered: bool,
}

impl<'a, C: Connect> InFlight<'a, C> {
    pub(super) fn new(
        connection: &'a SharedConnection<C>,
        (open, number): (&mut Open<C>, u64),
        limit: Duration,
    ) -> Self {
        if open.waiting == 0 {
            open.waiting_since = Instant::now();
        }
        open.waiting += 1;
        Self {
            handle: C::handle(&open.connection),
            connection,
            number,
            limit,
            is_answered: false,
        }
    }

    /// The reply has arrived.
    pub(in crate::storage) fn answered(mut self) {
        self.is_answered = true;
    }

    /// The connection can't be used any longer.
    pub(in crate::storage) fn broken(self) {
        self.connection
            .with_open(self.number, |_| Some(Phase::Closed));
    }
}

impl<C: Connect> Drop for InFlight<'_, C> {
    fn drop(&mut self) {
        self.connection.with_open(self.number, |open| {
            open.waiting = open.waiting.saturating_sub(1);
            if self.is_answered {
                open.waited = Duration::ZERO;
                if open.waiting > 0 {
                    open.waiting_since = Instant::now();
                }
                return None;
            }
            let silence = open.waited + open.waiting_since.elapsed();
            if open.waiting == 0 {
                open.waited = silence;
            }
            (silence >= self.limit / 2).then(|| Phase::Failed {
                cause: TimedOut(silence).into(),
                retry_at: Instant::now(),
            })
        });
    }
}
