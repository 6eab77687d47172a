//! [`Connections`]: where an operation gets its connection, and what happens when that is cut.

use sqlx::{MySql, MySqlConnection, MySqlPool, pool::PoolConnection};

use super::{
    error::fault,
    own::{Own, Taken},
};
use crate::storage::{
    sql::{AfterCut, Answer, Failure, Fault, up_to_twice},
    timing::Deadline,
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
    /// A connection is reused only after the operation completed. If the operation takes too long or its
    /// caller drops it, the connection is closed, so that no later operation reads its reply.
    pub(super) async fn run<T, F>(
        &self,
        deadline: Deadline,
        after_cut: AfterCut,
        operation: impl Fn(Lease) -> F,
    ) -> Result<Answer<T>, Failure>
    where
        F: Future<Output = (Lease, Result<T, Fault>)>,
    {
        let operation = &operation;
        up_to_twice(after_cut, |is_new| async move {
            let lease = deadline.bound(self.lease(is_new)).await;
            let lease = lease.unwrap_or_else(|timed_out| Err(timed_out.into()));
            let lease = lease.map_err(Fault::not_connected)?;
            let (lease, result) = deadline.bound(operation(lease)).await?;
            match &result {
                Ok(_) | Err(Fault::Overtaken) => lease.give_back(),
                Err(fault) if fault.ends_connection() => lease.report_cut(),
                Err(_) => {}
            }
            result
        })
        .await
    }

    /// A connection. One of the store's own is new if `is_new` is set.
    async fn lease(&self, is_new: bool) -> Result<Lease, Fault> {
        let held = match self {
            Self::Own(own) => Held::Own(own.take(is_new).await?),
            Self::Pool(pool) => Held::Pool(pool.acquire().await.map_err(fault)?),
        };
        Ok(Lease(Some(held)))
    }
}

/// A connection in use. It is closed if it isn't given back.
pub(super) struct Lease(Option<Held>);

enum Held {
    Own(Taken),
    Pool(PoolConnection<MySql>),
}

impl Lease {
    #[expect(
        clippy::expect_used,
        reason = "a lease is empty only while it is given back or dropped"
    )]
    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        match self.0.as_mut().expect("a lease that was not given back") {
            Held::Own(taken) => taken.connection(),
            Held::Pool(connection) => connection,
        }
    }

    /// Makes the connection available to other operations.
    fn give_back(mut self) {
        match self.0.take() {
            Some(Held::Own(taken)) => taken.give_back(),
            // Dropping it returns it to its pool.
            Some(Held::Pool(connection)) => drop(connection),
            None => {}
        }
    }

    /// Closes the connection, and idle ones that are likely to be cut as well.
    fn report_cut(mut self) {
        match self.0.take() {
            Some(Held::Own(taken)) => taken.report_cut(),
            Some(Held::Pool(connection)) => drop(connection.detach()),
            None => {}
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(Held::Pool(connection)) = self.0.take() {
            // Otherwise the pool would wait for the reply before it opens another in its place.
            drop(connection.detach());
        }
    }
}
