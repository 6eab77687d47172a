//! [`Connections`]: where an operation gets its connection, and whether that is used again.

use std::time::Duration;

use sqlx::{MySql, MySqlConnection, MySqlPool};

use super::{
    error::fault,
    own::{Own, Taken},
};
use crate::{
    storage::{
        sql::{self, AfterCut, Answer, Failure, Fault, up_to_twice},
        timing::Deadline,
    },
    telemetry::{self, Backend},
};

/// The connections of a store.
pub(super) enum Connections {
    /// The store opens them itself.
    Own(Own),
    /// The application's pool opens them.
    Pool(MySqlPool),
}

impl Connections {
    /// Runs `operation`, and resends it on a new connection if its connection was cut and `after_cut`
    /// allows it.
    ///
    /// A connection is used again only after the reply was read to its end. If the operation takes too long or
    /// its caller drops it, the connection is closed, so that no later operation reads its reply.
    pub(super) async fn run<T, F>(
        &self,
        deadline: Deadline,
        after_cut: AfterCut,
        operation: impl Fn(Lease) -> F,
    ) -> Result<Answer<T>, Failure>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let operation = &operation;
        up_to_twice(after_cut, |is_new| async move {
            let lease = deadline.bound(self.lease(is_new, deadline.limit)).await;
            let lease = lease.unwrap_or_else(|timed_out| Err(timed_out.into()));
            let lease = lease.map_err(Fault::not_connected)?;
            deadline.bound(operation(lease)).await?
        })
        .await
    }

    /// A connection for an operation with this time limit. One of the store's own is new if `is_new` is set.
    async fn lease(&self, is_new: bool, limit: Duration) -> Result<Lease, Fault> {
        match self {
            Self::Own(own) => {
                let taking = telemetry::waiting(Backend::MySql, own.take(is_new, limit));
                taking.await.map(Lease::Own)
            }
            Self::Pool(pool) => {
                let connection = pool.acquire().await.map_err(fault)?;
                Ok(Lease::Pool(sql::Lease::new(connection)))
            }
        }
    }
}

/// A connection in use. It is closed if its operation does not end.
pub(super) enum Lease {
    Own(Taken),
    Pool(sql::Lease<MySql>),
}

impl Lease {
    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        match self {
            Self::Own(taken) => taken.connection(),
            Self::Pool(lease) => lease.connection(),
        }
    }

    /// Makes the connection available to other operations, or closes it if it can't be used any longer.
    pub(super) fn end<T>(self, result: Result<T, Fault>) -> Result<T, Fault> {
        match self {
            Self::Own(taken) => taken.end(result),
            Self::Pool(lease) => lease.end(result),
        }
    }
}
