//! [`InFlight`]: a request in flight over a [`SharedConnection`].

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

use super::{Open, Phase, SharedConnection};
use crate::storage::redis::{
    error::Fault,
    near::{Pending, StreamGuard},
};

/// A request in flight.
///
/// If a request is dropped or times out, and no reply at all has arrived for half of the timeout, the
/// connection is closed: the server hangs or the connection broke silently, and the next request need not
/// wait to detect that.
pub(super) struct InFlight<'a> {
    pub(super) shared: &'a SharedConnection,
    pub(super) connection: MultiplexedConnection,
    pub(super) number: u64,
    pub(super) limit: Duration,
    pub(super) is_answered: bool,
    /// For the near cache, if there is one.
    pub(super) pending: Option<Pending>,
}

impl<'a> InFlight<'a> {
    pub(super) fn new(
        shared: &'a SharedConnection,
        (open, number): (&mut Open, u64),
        limit: Duration,
    ) -> Self {
        open.waiting += 1;
        open.silent_since.get_or_insert_with(Instant::now);
        Self {
            shared,
            connection: open.raw.connection.clone(),
            number,
            limit,
            is_answered: false,
            pending: open.raw.stream.as_ref().map(StreamGuard::ask),
        }
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.shared.with_open(self.number, |open| {
            open.waiting = open.waiting.saturating_sub(1);
            if self.is_answered {
                open.silent_since = (open.waiting > 0).then(Instant::now);
                return None;
            }
            let silence = open
                .silent_since
                .map_or(Duration::ZERO, |since| since.elapsed());
            (silence >= self.limit / 2).then(|| Phase::Failed {
                cause: Fault::TimedOut(silence),
                retry_at: Instant::now(),
            })
        });
    }
}
