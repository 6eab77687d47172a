//! Connections of a pool that the application made.

use std::sync::Arc;

use deadpool_redis::{Connection, Pool, PoolError};
use redis::aio::MultiplexedConnection;

use super::{
    super::{checks::check_server, error::Fault, request::Request, verdict::Verdict},
    Asking, Deadline, Reply,
    server::exchange,
};
use crate::storage::retirement::{self, Action, Retirement};

/// The connections of a pool. Clones share it.
#[derive(Clone)]
pub(super) struct Connections {
    pool: Pool,
    retirement: Arc<Retirement>,
}

impl Connections {
    pub(super) fn new(pool: Pool) -> Self {
        Self {
            pool,
            retirement: Arc::default(),
        }
    }

    pub(super) async fn prove(&self, deadline: Deadline) -> Result<(), Fault> {
        let mut connection = self.connection(deadline).await?;
        deadline.bound(check_server(&mut connection)).await?
    }

    pub(super) async fn send(
        &self,
        request: &Request<'_>,
        deadline: Deadline,
    ) -> Result<Reply, Fault> {
        let count = self.retirement.count();
        let lease = Lease {
            connection: Some(self.connection(deadline).await?),
            count,
            retirement: &self.retirement,
        };
        let mut connection = lease.sender();
        connection.set_response_timeout(deadline.limit);
        let answer = deadline
            .bound(exchange(&mut connection, request, Asking::No))
            .await;
        let answer = answer.unwrap_or_else(|timed_out| Err(timed_out.into()));
        let action = self.retirement.after(judged(request, &answer), count);
        if action.closes_idle() {
            drop(self.pool.retain(|_, _| false));
            self.retirement.closed_idle();
        }
        lease.end(action);
        answer.map_err(|fault| match fault.verdict() {
            // A new connection would lead to the same server, so the write is not sent again.
            Verdict::Replica if action == Action::Return => Fault::NotConnected(Arc::new(fault)),
            _ => fault,
        })
    }

    async fn connection(&self, deadline: Deadline) -> Result<Connection, Fault> {
        let connection = deadline.bound(self.pool.get()).await;
        let fault = match connection {
            Ok(Ok(connection)) => return Ok(connection),
            Ok(Err(PoolError::Backend(error))) => Fault::from(error),
            Ok(Err(PoolError::Timeout(_))) => Fault::Pool("all are in use".to_owned()),
            Ok(Err(error)) => Fault::Pool(error.to_string()),
            Err(timed_out) => timed_out.into(),
        };
        // Nothing was sent.
        Err(Fault::NotConnected(fault.into()))
    }
}

/// A connection in use. The pool gets it back when it is dropped, unless it was retired.
struct Lease<'a> {
    connection: Option<Connection>,
    /// How often connections had been retired when this one was acquired.
    count: u64,
    retirement: &'a Retirement,
}

impl Lease<'_> {
    /// A clone, which sends over the same connection. Its time limit is not that of the pool.
    #[expect(clippy::expect_used, reason = "a lease is empty only after its end")]
    fn sender(&self) -> MultiplexedConnection {
        let connection = self.connection.as_ref().expect("a connection in use");
        (**connection).clone()
    }

    fn end(mut self, action: Action) {
        let connection = self.connection.take();
        if action.closes_this() {
            connection.map(Connection::take);
        }
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if self.count < self.retirement.count() {
            self.connection.take().map(Connection::take);
        }
    }
}

/// What the answer to `request` says about the connection.
fn judged(request: &Request<'_>, answer: &Result<Reply, Fault>) -> retirement::Reply {
    use retirement::Reply::{Broken, Other, ReadOnly, Wrote};
    match answer {
        Ok(reply) if request.has_written(&reply.value) => Wrote,
        Err(fault) if fault.verdict() == Verdict::Replica => ReadOnly,
        Err(fault) if fault.verdict().ends_connection() || fault.may_have_happened() => Broken,
        Ok(_) | Err(_) => Other,
    }
}
