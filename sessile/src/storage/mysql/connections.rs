//! [`Connections`]: where an operation gets its connection, and whether that is used again.

use std::{sync::OnceLock, time::Duration};

use sqlx::{MySqlConnection, MySqlPool};

use super::{
    StoreErrorKind, catalog,
    error::fault,
    own::{Own, Taken},
};
use crate::{
    storage::{
        retirement::{self, Pooled},
        sql::{Attempt, Fault, NewRow},
    },
    telemetry::{self, Backend},
};

/// The connections of a store.
pub(super) enum Connections {
    /// The store opens them itself.
    Own(Own),
    /// The application's pool opens them.
    Pool(Pool),
}

/// The application's pool.
pub(super) struct Pool {
    pool: Pooled<MySqlPool>,
    /// The size of the largest packet that the server accepted when the store was opened.
    max_packet: OnceLock<u64>,
}

impl From<MySqlPool> for Pool {
    fn from(pool: MySqlPool) -> Self {
        Self {
            pool: pool.into(),
            max_packet: OnceLock::new(),
        }
    }
}

impl Connections {
    /// Runs an operation whose success does not show that the server accepts writes.
    pub(super) async fn read<T>(
        &self,
        attempt: Attempt,
        operation: impl AsyncFnOnce(&mut Lease) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.run(attempt, false, operation).await
    }

    /// Runs an operation whose success shows that the server accepts writes.
    pub(super) async fn write<T>(
        &self,
        attempt: Attempt,
        operation: impl AsyncFnOnce(&mut Lease) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        self.run(attempt, true, operation).await
    }

    /// A connection is used again only after the reply was read to its end. If the operation takes too long or
    /// its caller drops it, the connection is closed, so that no later operation reads its reply.
    async fn run<T>(
        &self,
        Attempt {
            deadline,
            needs_new_connection: is_new,
        }: Attempt,
        is_write: bool,
        operation: impl AsyncFnOnce(&mut Lease) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let lease = deadline.bound(self.lease(is_new, deadline.limit)).await;
        let lease = lease.unwrap_or_else(|timed_out| Err(timed_out.into()));
        let mut lease = lease.map_err(Fault::not_connected)?;
        let result = deadline.bound(operation(&mut lease)).await?;
        lease.end(is_write, result)
    }

    /// Closes the store's own connections, each after its operation.
    pub(super) fn close(&self) {
        if let Self::Own(own) = self {
            own.close();
        }
    }

    /// A connection for an operation with this time limit. One of the store's own is new if `is_new` is set.
    async fn lease(&self, is_new: bool, limit: Duration) -> Result<Lease, Fault> {
        match self {
            Self::Own(own) => {
                let taking = telemetry::waiting(Backend::MySql, own.take(is_new, limit));
                taking.await.map(Lease::Own)
            }
            Self::Pool(Pool { pool, max_packet }) => {
                let mut lease = Box::pin(pool.lease(limit)).await.map_err(fault)?;
                let max_packet = match max_packet.get() {
                    Some(known) => *known,
                    None => {
                        let found = catalog::max_packet(lease.connection()).await;
                        let found = found.map_err(fault)?;
                        *max_packet.get_or_init(|| found)
                    }
                };
                Ok(Lease::Pool(lease, max_packet))
            }
        }
    }
}

/// A connection in use. It is closed if its operation does not end.
pub(super) enum Lease {
    Own(Taken),
    Pool(retirement::Lease<MySqlPool>, u64),
}

/// The maximum size of a statement without its record: the values of the other columns, and the types of all.
const BESIDE_RECORD: u64 = 1024;

impl Lease {
    pub(super) fn connection(&mut self) -> &mut MySqlConnection {
        match self {
            Self::Own(taken) => taken.connection(),
            Self::Pool(lease, _) => lease.connection(),
        }
    }

    /// Fails if the server refuses a statement with this row. It would close the connection while it receives the statement,
    /// and its answer may then be lost.
    pub(super) fn check_size(&self, row: &NewRow<'_>) -> Result<(), Fault> {
        let max = match self {
            Self::Own(taken) => taken.max_packet(),
            Self::Pool(_, max_packet) => *max_packet,
        };
        let bytes = row.record.len() as u64;
        if bytes.saturating_add(BESIDE_RECORD) <= max {
            return Ok(());
        }
        let text = format!(
            "a record of {bytes} bytes is too large: the server's `max_allowed_packet` is {max}"
        );
        Err(Fault::new(StoreErrorKind::TooLarge, text))
    }

    /// Makes the connection available to other operations, or closes it if it can't be used any longer.
    fn end<T>(self, is_write: bool, result: Result<T, Fault>) -> Result<T, Fault> {
        match self {
            Self::Own(taken) => taken.end(is_write, result),
            Self::Pool(lease, _) => lease.end_with(is_write, result),
        }
    }
}
