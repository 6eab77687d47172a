//! Connections of a pool that the application made.

use std::time::Duration;

use deadpool_postgres::{Object, Pool, PoolError};
use tokio::time::Instant;

use super::{
    super::{
        catalog::Catalog,
        error::{fault, refused},
        statements::{Call, Rows},
    },
    execute, execute_locked,
};
use crate::storage::{
    retirement::Retirement,
    sql::{self, Fault, Table, after_reply},
    timing::Deadline,
};

pub(in super::super) struct Connections {
    pool: Pool,
    /// Whether a pooler may give each transaction another connection to the server.
    behind_pooler: bool,
    retirement: Retirement,
}

impl Connections {
    pub(super) fn new(pool: Pool, behind_pooler: bool) -> Self {
        Self {
            pool,
            behind_pooler,
            retirement: Retirement::default(),
        }
    }

    pub(super) async fn open(
        &self,
        tables: &[Table; 2],
        create_tables: bool,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let lease = self.lease(deadline).await?;
        let opened = {
            let mut catalog = Catalog::new(&***lease.client());
            let opening = sql::open(&mut catalog, tables, create_tables);
            deadline.bound(opening).await?
        };
        lease.end(false, opened)
    }

    pub(super) async fn attempt(&self, call: &Call<'_>, deadline: Deadline) -> Result<Rows, Fault> {
        let lease = self.lease(deadline).await?;
        let executing = async {
            let client = lease.client();
            let prepared = match self.behind_pooler {
                true => None,
                false => {
                    let statement = call.statement;
                    let preparing = client.prepare_typed_cached(&statement.text, statement.types);
                    Some(preparing.await.map_err(fault)?)
                }
            };
            match call.lock {
                None => execute(client, prepared.as_ref(), call).await,
                Some(lock) => execute_locked(client, lock, prepared.as_ref(), call).await,
            }
        };
        let result = deadline.bound(executing).await?;
        lease.end(call.statement.is_write(), result)
    }

    async fn lease(&self, deadline: Deadline) -> Result<Lease<'_>, Fault> {
        let count = self.retirement.count();
        let fault = match deadline.bound(self.pool.get()).await {
            Ok(Ok(object)) => {
                return Ok(Lease {
                    object: Some(object),
                    count,
                    connections: self,
                    since: Instant::now(),
                    limit: deadline.limit,
                });
            }
            Ok(Err(PoolError::Backend(error))) => refused(error),
            Ok(Err(error)) => Fault::pool(error),
            Err(timed_out) => timed_out.into(),
        };
        Err(fault.not_connected())
    }
}

/// A connection in use. The pool gets it back when it is dropped, unless it was retired or seems to be broken: another
/// operation can follow one that was cancelled, whose reply is discarded.
struct Lease<'a> {
    object: Option<Object>,
    /// How often connections had been retired when this one was acquired.
    count: u64,
    connections: &'a Connections,
    since: Instant,
    limit: Duration,
}

impl Lease<'_> {
    #[expect(clippy::expect_used, reason = "a lease is empty only after its end")]
    fn client(&self) -> &deadpool_postgres::Client {
        self.object.as_ref().expect("a connection in use")
    }

    fn end<T>(mut self, is_write: bool, result: Result<T, Fault>) -> Result<T, Fault> {
        let Connections {
            pool, retirement, ..
        } = self.connections;
        let (result, action) = after_reply(retirement, self.count, is_write, result);
        let object = self.object.take();
        if action.closes_this() {
            object.map(Object::take);
        }
        if action.closes_idle() {
            drop(pool.retain(|_, _| false));
            retirement.closed_idle();
        }
        result
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let is_retired = self.count < self.connections.retirement.count();
        if is_retired || self.since.elapsed() >= self.limit / 2 {
            self.object.take().map(Object::take);
        }
    }
}
