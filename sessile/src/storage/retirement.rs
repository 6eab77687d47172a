//! [`Retirement`]: which connections of a pool may lead to a former primary; [`Lease`]: a connection of the application's
//! pool in use.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::{lock::lock, takeover::Takeover};

/// Decides which connections of a pool are used again: those that are open at a [`Takeover`] are retired. A connection
/// that an operation uses meanwhile is closed when the operation ends.
#[derive(Debug, Default)]
pub(super) struct Retirement {
    takeover: Takeover,
    /// How often connections were retired.
    count: Mutex<u64>,
}

/// What the server replied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reply {
    /// It executed a write.
    Wrote,
    /// It refused a write because it is read-only.
    ReadOnly,
    /// The connection can't be used any longer.
    Broken,
    Other,
}

/// What happens to the connections of the pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    /// The connection returns to the pool. If the server is read-only, a new connection would lead there as well.
    Return,
    /// The connection is closed.
    Close,
    /// The connection returns to the pool, and the idle ones are closed.
    CloseIdle,
    /// The connection and the idle ones are closed.
    CloseAll,
}

impl Action {
    pub(super) fn closes_this(self) -> bool {
        matches!(self, Self::Close | Self::CloseAll)
    }

    pub(super) fn closes_idle(self) -> bool {
        matches!(self, Self::CloseIdle | Self::CloseAll)
    }
}

impl Retirement {
    /// How often connections were retired until now.
    pub(super) fn count(&self) -> u64 {
        *lock(&self.count)
    }

    /// What happens after `reply` over a connection that was acquired when the [count](Self::count) was `acquired_at`.
    /// The count has to be read before the connection is acquired.
    pub(super) fn after(&self, reply: Reply, acquired_at: u64) -> Action {
        let mut count = lock(&self.count);
        if reply == Reply::Broken || acquired_at < *count {
            return Action::Close;
        }
        let action = match reply {
            Reply::ReadOnly if self.takeover.refused() => Action::CloseAll,
            // If the refusal closed all connections, a write from before it came over a retired one.
            Reply::Wrote if self.takeover.executed(self.takeover.is_expected()) => {
                Action::CloseIdle
            }
            _ => return Action::Return,
        };
        *count += 1;
        action
    }

    /// Retires the connections that were acquired while the idle ones were being closed: they were idle before.
    pub(super) fn closed_idle(&self) {
        *lock(&self.count) += 1;
    }
}

/// A pool that the application made. It gets a connection back when that is dropped.
pub(super) trait Pool: Clone {
    type Connection;
    type Error;

    fn acquire(&self) -> impl Future<Output = Result<Self::Connection, Self::Error>> + Send;

    /// Closes a connection in place of returning it.
    fn close(connection: Self::Connection);

    /// Closes the connections that no operation uses.
    fn close_idle(&self);

    /// Whether a connection can be used again after its operation was dropped, which had run for `elapsed` and has this
    /// time limit.
    fn survives_drop(elapsed: Duration, limit: Duration) -> bool;
}

/// The connections of a pool.
#[derive(Clone)]
pub(super) struct Pooled<P> {
    pool: P,
    retirement: Arc<Retirement>,
}

impl<P> From<P> for Pooled<P> {
    fn from(pool: P) -> Self {
        Self {
            pool,
            retirement: Arc::default(),
        }
    }
}

impl<P: Pool> Pooled<P> {
    /// A connection for an operation with this time limit.
    pub(super) async fn lease(&self, limit: Duration) -> Result<Lease<P>, P::Error> {
        let count = self.retirement.count();
        Ok(Lease {
            connection: Some(self.pool.acquire().await?),
            count,
            pooled: self.clone(),
            since: Instant::now(),
            limit,
        })
    }
}

/// A connection of a pool in use. It is closed if its operation is dropped and it was retired or can't be used again.
pub(super) struct Lease<P: Pool> {
    connection: Option<P::Connection>,
    /// How often connections had been retired when this one was acquired.
    count: u64,
    pooled: Pooled<P>,
    since: Instant,
    limit: Duration,
}

impl<P: Pool> Lease<P> {
    #[expect(clippy::expect_used, reason = "a lease is empty only after its end")]
    pub(super) fn connection(&mut self) -> &mut P::Connection {
        self.connection.as_mut().expect("a connection in use")
    }

    /// Returns the connection to its pool after this reply, or closes it if it can't be used any longer.
    pub(super) fn end(mut self, reply: Reply) -> Action {
        let Pooled { pool, retirement } = &self.pooled;
        let action = retirement.after(reply, self.count);
        if action.closes_idle() {
            pool.close_idle();
            retirement.closed_idle();
        }
        if let Some(connection) = self.connection.take()
            && action.closes_this()
        {
            P::close(connection);
        }
        action
    }
}

impl<P: Pool> Drop for Lease<P> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let is_retired = self.count < self.pooled.retirement.count();
            if is_retired || !P::survives_drop(self.since.elapsed(), self.limit) {
                P::close(connection);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::{Action::*, Reply::*, *};

    #[tokio::test(start_paused = true)]
    async fn replies_decide_which_connections_are_closed() {
        let retirement = Retirement::default();
        // The reply, the count when its connection was acquired, and the milliseconds since the line before.
        for (line, (reply, acquired_at, waited, expected)) in [
            (Other, 0, 0, Return),
            (Wrote, 0, 0, Return),
            (Broken, 0, 0, Close),
            // The first refusal retires all connections, also those in use.
            (ReadOnly, 0, 0, CloseAll),
            (ReadOnly, 0, 0, Close),
            (Wrote, 0, 0, Close),
            (Other, 0, 0, Close),
            // The server stays read-only.
            (ReadOnly, 1, 499, Return),
            (Other, 1, 0, Return),
            (ReadOnly, 1, 1, CloseAll),
            (ReadOnly, 2, 0, Return),
            // Another one has taken over.
            (Wrote, 2, 0, CloseIdle),
            (Other, 2, 0, Close),
            (Wrote, 3, 0, Return),
            (ReadOnly, 3, 500, CloseAll),
        ]
        .into_iter()
        .enumerate()
        {
            advance(Duration::from_millis(waited)).await;
            assert_eq!(retirement.after(reply, acquired_at), expected, "{line}");
        }
        assert_eq!(retirement.count(), 4);
        retirement.closed_idle();
        assert_eq!(retirement.after(Other, 4), Close);
        assert_eq!(retirement.after(Other, 5), Return);
    }
}
