//! Connections of a pool that the application made.

use super::{
    super::{error::Fault, script::Request},
    Asking, Attempt, Deadline,
    checks::check_server,
    exchange,
};
use deadpool_redis::{Connection, Pool, PoolError};

/// The connections of a pool. Clones share it.
#[derive(Clone)]
pub(super) struct Connections(Pool);

impl Connections {
    pub(super) fn new(pool: Pool) -> Self {
        Self(pool)
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
        let pooled = self.connection(deadline).await?;
        // A clone sends over the same connection, with a limit that is not the pool's.
        let mut connection = (*pooled).clone();
        connection.set_response_timeout(deadline.limit);
        let answer = deadline
            .bound(exchange(&mut connection, request, Asking::No))
            .await;
        let answer = answer.unwrap_or_else(|timed_out| Err(timed_out.into()));
        if let Err(fault) = &answer
            && (fault.verdict().ends_connection() || fault.may_have_happened())
        {
            // The pool must not lend it again.
            drop(Connection::take(pooled));
        }
        let value = answer?;
        Ok(Attempt {
            value,
            provenance: None,
        })
    }

    async fn connection(&self, deadline: Deadline) -> Result<Connection, Fault> {
        let connection = deadline.bound(self.0.get()).await;
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
