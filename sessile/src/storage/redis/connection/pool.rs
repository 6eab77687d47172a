//! Connections of a pool that the application made.

use std::sync::Arc;

use super::{
    super::{error::Fault, script::Request, verdict::Verdict},
    Asking, Attempt, Deadline,
    checks::check_server,
    exchange,
};
use crate::storage::retirement::{Reply, Retirement};
use deadpool_redis::{Connection, Pool, PoolError};

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
    ) -> Result<Attempt, Fault> {
        let count = self.retirement.count();
        let pooled = self.connection(deadline).await?;
        // A clone sends over the same connection, with a limit that is not the pool's.
        let mut connection = (*pooled).clone();
        connection.set_response_timeout(deadline.limit);
        let answer = deadline
            .bound(exchange(&mut connection, request, Asking::No))
            .await;
        let answer = answer.unwrap_or_else(|timed_out| Err(timed_out.into()));
        let action = self.retirement.after(reply(request, &answer), count);
        if action.closes_idle() {
            drop(self.pool.retain(|_, _| false));
        }
        if action.closes_this() {
            drop(Connection::take(pooled));
        }
        let value = answer?;
        Ok(Attempt {
            value,
            provenance: None,
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

/// What the answer to `request` says about the connection.
fn reply<T>(request: &Request<'_>, answer: &Result<T, Fault>) -> Reply {
    match answer {
        Ok(_) if request.action.is_write() => Reply::Wrote,
        Ok(_) => Reply::Other,
        Err(fault) if fault.verdict() == Verdict::Replica => Reply::ReadOnly,
        Err(fault) if fault.verdict().ends_connection() || fault.may_have_happened() => {
            Reply::Broken
        }
        Err(_) => Reply::Other,
    }
}
