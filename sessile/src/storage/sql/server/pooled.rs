//! What happens to a connection of a pool after an operation.

use super::Fault;
use crate::storage::retirement::{Action, Lease, Pool, Reply};

/// The result of an operation. `decide` returns what happens to its connection after the reply.
pub(in crate::storage) fn after_reply<T>(
    is_write: bool,
    result: Result<T, Fault>,
    decide: impl FnOnce(Reply) -> Action,
) -> Result<T, Fault> {
    let reply = match &result {
        Ok(_) if is_write => Reply::Wrote,
        Err(Fault::ReadOnly) => Reply::ReadOnly,
        Err(fault) if fault.ends_connection() => Reply::Broken,
        _ => Reply::Other,
    };
    match (reply, decide(reply)) {
        (Reply::ReadOnly, Action::Return) => Err(Fault::stays_read_only()),
        _ => result,
    }
}

#[cfg(feature = "_postgres-pool")]
impl<P: Pool> crate::storage::retirement::Pooled<P> {
    /// A connection for an operation. `fault` is the fault of a pool that has none.
    pub(in crate::storage) async fn lease_until(
        &self,
        deadline: crate::storage::timing::Deadline,
        fault: fn(P::Error) -> Fault,
    ) -> Result<Lease<P>, Fault> {
        let lease = deadline.bound(self.lease(deadline.limit)).await;
        let lease = lease.map_err(Fault::from).and_then(|it| it.map_err(fault));
        lease.map_err(Fault::not_connected)
    }
}

impl<P: Pool> Lease<P> {
    /// Ends the use of the connection with the result of its operation.
    pub(in crate::storage) fn end_with<T>(
        self,
        is_write: bool,
        result: Result<T, Fault>,
    ) -> Result<T, Fault> {
        after_reply(is_write, result, |reply| self.end(reply))
    }
}
