//! [`Sent`]: a request in flight over a [`Link`].

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

use super::{Link, Open, Phase};
use crate::storage::redis::{
    error::Fault,
    near::{Pending, StreamGuard},
};

/// A request in flight.
///
/// If a request is dropped or times out, and no reply at all has arrived for half of the timeout, the
/// connection is closed: the server hangs or the connection broke silently, and the next request need not
/// wait to detect that.
pub(super) struct Sent<'a> {
    pub(super) link: &'a Link,
    pub(super) connection: MultiplexedConnection,
    pub(super) number: u64,
    pub(super) limit: Duration,
    pub(super) is_answered: bool,
    /// For the near cache, if there is one.
    pub(super) pending: Option<Pending>,
}

impl<'a> Sent<'a> {
    pub(super) fn new(link: &'a Link, (open, number): (&mut Open, u64), limit: Duration) -> Self {
        open.waiting += 1;
        open.silent_since.get_or_insert_with(Instant::now);
        Self {
            link,
            connection: open.wire.connection.clone(),
            number,
            limit,
            is_answered: false,
            pending: open.wire.stream.as_ref().map(StreamGuard::ask),
        }
    }
}

impl Drop for Sent<'_> {
    fn drop(&mut self) {
        self.link.with_open(self.number, |open| {
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
