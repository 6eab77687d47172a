//! Connections of a pool that the application made.

use std::{sync::Arc, time::Duration};

use deadpool_redis::{Connection, Pool, PoolError};

use super::{
    super::{checks::check_server, error::Fault, request::Request, verdict::Verdict},
    Asking, Deadline, Reply,
    server::exchange,
};
use crate::storage::retirement::{self, Action, Lease, Pooled};

/// The connections of a pool. Clones share it.
#[derive(Clone)]
pub(super) struct Connections(Pooled<Pool>);

impl From<Pool> for Connections {
    fn from(pool: Pool) -> Self {
        Self(pool.into())
    }
}

impl Connections {
    pub(super) async fn prove(&self, deadline: Deadline) -> Result<(), Fault> {
        let mut lease = self.lease(deadline).await?;
        deadline.bound(check_server(lease.connection())).await?
    }

    pub(super) async fn send(
        &self,
        request: &Request<'_>,
        deadline: Deadline,
    ) -> Result<Reply, Fault> {
        let mut lease = self.lease(deadline).await?;
        // A clone sends over the same connection, and its time limit is not that of the pool.
        let mut connection = (**lease.connection()).clone();
        connection.set_response_timeout(deadline.limit);
        let answer = deadline
            .bound(exchange(&mut connection, request, Asking::No))
            .await;
        let answer = answer.unwrap_or_else(|timed_out| Err(timed_out.into()));
        let action = lease.end(judged(request, &answer));
        answer.map_err(|fault| match fault.verdict() {
            // A new connection would lead to the same server, so the write is not sent again.
            Verdict::Replica if action == Action::Return => Fault::NotConnected(Arc::new(fault)),
            _ => fault,
        })
    }

    async fn lease(&self, deadline: Deadline) -> Result<Lease<Pool>, Fault> {
        let fault = match deadline.bound(self.0.lease(deadline.limit)).await {
            Ok(Ok(lease)) => return Ok(lease),
            Ok(Err(PoolError::Backend(error))) => Fault::from(error),
            Ok(Err(PoolError::Timeout(_))) => Fault::Pool("all are in use".to_owned()),
            Ok(Err(error)) => Fault::Pool(error.to_string()),
            Err(timed_out) => timed_out.into(),
        };
        // Nothing was sent.
        Err(Fault::NotConnected(fault.into()))
    }
}

impl retirement::Pool for Pool {
    type Connection = Connection;
    type Error = PoolError;

    async fn acquire(&self) -> Result<Connection, PoolError> {
        self.get().await
    }

    fn close(connection: Connection) {
        drop(Connection::take(connection));
    }

    fn close_idle(&self) {
        drop(self.retain(|_, _| false));
    }

    /// The reply to a request that was dropped is discarded.
    fn survives_drop(_elapsed: Duration, _limit: Duration) -> bool {
        true
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
