//! [`Idle`]: the connections that no operation uses, and which of them may be used again.

use std::time::Duration;

use sqlx::{Connection as _, MySqlConnection};
use tokio::time::{Instant, timeout};

use crate::storage::runtime::RuntimeAffinity;

/// A connection that was idle for this long is not used again.
const LONGEST_IDLE: Duration = Duration::from_secs(300);

/// A connection that was idle for this long is pinged before it is used: firewalls drop idle connections silently, and
/// an operation would run into its timeout.
const UNPROVED: Duration = Duration::from_secs(30);

/// The time limit for the reply to a ping.
const PING_TIMEOUT: Duration = Duration::from_millis(250);

/// A connection of the store's own.
pub(super) struct Opened {
    pub(super) connection: MySqlConnection,
    /// The size of the largest packet that the server accepts over it.
    pub(super) max_packet: u64,
    /// The runtime that it belongs to.
    runtime: RuntimeAffinity,
    /// When it was opened.
    opened: Instant,
    lifetime: Duration,
    /// When its last operation ended.
    pub(super) used: Instant,
}

impl Opened {
    /// A connection of this runtime. Its lifetime is up to a tenth shorter than the longest one, so that connections
    /// that were opened together are not replaced together.
    pub(super) fn new(
        connection: MySqlConnection,
        max_packet: u64,
        max_lifetime: Duration,
    ) -> Self {
        let now = Instant::now();
        Self {
            connection,
            max_packet,
            runtime: RuntimeAffinity::here(),
            opened: now,
            lifetime: max_lifetime - (max_lifetime / 10).mul_f64(fastrand::f64()),
            used: now,
        }
    }

    /// Whether the server answers on this connection within `limit`, if that is in doubt.
    pub(super) async fn is_alive(&mut self, limit: Duration) -> bool {
        if self.used.elapsed() < UNPROVED {
            return true;
        }
        // Boxed, since it is large and rare.
        let answer = Box::pin(timeout(PING_TIMEOUT.min(limit), self.connection.ping())).await;
        matches!(answer, Ok(Ok(())))
    }

    fn is_usable(&mut self) -> bool {
        self.used.elapsed() < LONGEST_IDLE
            && self.opened.elapsed() < self.lifetime
            && self.runtime.is_alive()
    }
}

/// The connections that no operation uses, in the order of their last use.
#[derive(Default)]
pub(super) struct Idle {
    connections: Vec<Opened>,
    is_closed: bool,
}

impl Idle {
    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    pub(super) fn push(&mut self, mut connection: Opened) {
        connection.used = Instant::now();
        if !self.is_closed {
            self.connections.push(connection);
        }
    }

    /// Closes all connections. Those that are in use are closed when they are returned.
    pub(super) fn close(&mut self) {
        self.is_closed = true;
        self.close_all();
    }

    pub(super) fn close_all(&mut self) {
        self.connections.clear();
    }

    pub(super) fn remove_unusable(&mut self) {
        self.connections.retain_mut(Opened::is_usable);
    }

    /// The connection of this runtime that was used last, or that of another runtime if `of_any` is set.
    ///
    /// A reply wakes up the runtime that opened the connection, so another runtime would wait for that one's
    /// threads.
    pub(super) fn take(&mut self, of_any: bool) -> Option<Opened> {
        let last = self.connections.iter().rposition(|it| it.runtime.is_here());
        let last = last.or_else(|| of_any.then(|| self.len().checked_sub(1))?);
        last.map(|index| self.connections.remove(index))
    }

    /// The connection that was not used for the longest time.
    pub(super) fn take_oldest(&mut self) -> Option<Opened> {
        (!self.connections.is_empty()).then(|| self.connections.remove(0))
    }

    /// Closes the connections that were not used since `moment`.
    pub(super) fn distrust(&mut self, moment: Instant) {
        self.connections.retain(|it| it.used > moment);
    }
}
