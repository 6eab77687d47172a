//! Connections of a pool that the application made.

use std::time::Duration;

use deadpool_postgres::{Object, Pool, PoolError};

use super::{
    super::{
        catalog::Catalog,
        error::{fault, refused},
        statements::{Call, Rows},
    },
    execute, execute_locked,
};
use crate::storage::{
    retirement::{self, Lease, Pooled},
    sql::{self, Fault, Table},
    timing::Deadline,
};

pub(in super::super) struct Connections {
    pooled: Pooled<Pool>,
    /// Whether a pooler may give each transaction another connection to the server.
    behind_pooler: bool,
}

impl Connections {
    pub(super) fn new(pool: Pool, behind_pooler: bool) -> Self {
        Self {
            pooled: pool.into(),
            behind_pooler,
        }
    }

    pub(super) async fn open(
        &self,
        tables: &[Table; 2],
        create_tables: bool,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let mut lease = self.lease(deadline).await?;
        let opened = {
            let mut catalog = Catalog::new(&***lease.connection());
            let opening = sql::open(&mut catalog, tables, create_tables);
            deadline.bound(opening).await?
        };
        lease.end_with(false, opened)
    }

    pub(super) async fn attempt(&self, call: &Call<'_>, deadline: Deadline) -> Result<Rows, Fault> {
        let mut lease = self.lease(deadline).await?;
        let executing = async {
            let client = lease.connection();
            let prepared = match self.behind_pooler {
                true => None,
                false => {
                    let statement = &call.statement;
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
        lease.end_with(call.statement.is_write(), result)
    }

    fn lease(&self, deadline: Deadline) -> impl Future<Output = Result<Lease<Pool>, Fault>> {
        self.pooled.lease_until(deadline, |error| match error {
            PoolError::Backend(error) => refused(error),
            error => Fault::pool(error),
        })
    }
}

impl retirement::Pool for Pool {
    type Connection = Object;
    type Error = PoolError;

    async fn acquire(&self) -> Result<Object, PoolError> {
        self.get().await
    }

    fn close(connection: Object) {
        drop(Object::take(connection));
    }

    fn close_idle(&self) {
        drop(self.retain(|_, _| false));
    }

    /// Another operation can follow one that was dropped, whose reply is discarded, unless the connection seems to be broken.
    fn survives_drop(elapsed: Duration, limit: Duration) -> bool {
        elapsed < limit / 2
    }
}
