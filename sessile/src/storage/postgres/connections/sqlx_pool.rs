//! Connections of a pool of `sqlx` that the application made.

use sqlx::{
    AssertSqlSafe, Connection as _, PgConnection, PgPool, Row as _,
    postgres::{PgDatabaseError, PgRow, PgSeverity},
};

use super::{
    super::{
        catalog::{Catalog, Query, Texts},
        error::{meaning, meaning_of_refusal},
        parameter::Parameter,
        statements::{Call, Found, Rows},
    },
    BEGIN, locking,
};
use crate::storage::{
    retirement::Pooled,
    sql::{self, Fault, Table, of_sqlx},
    timing::Deadline,
};

pub(in super::super) struct Connections(Pooled<PgPool>);

impl From<PgPool> for Connections {
    fn from(pool: PgPool) -> Self {
        Self(pool.into())
    }
}

impl Connections {
    pub(super) async fn open(
        &self,
        tables: &[Table; 2],
        create_tables: bool,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        let mut lease = self.0.lease_until(deadline, refused).await?;
        let opened = {
            let mut catalog = Catalog::new(&mut **lease.connection());
            let opening = sql::open(&mut catalog, tables, create_tables);
            deadline.bound(opening).await?
        };
        lease.end_with(false, opened)
    }

    pub(super) async fn attempt(&self, call: &Call<'_>, deadline: Deadline) -> Result<Rows, Fault> {
        let mut lease = self.0.lease_until(deadline, refused).await?;
        let connection = lease.connection();
        let result = match call.lock {
            None => deadline.bound(execute(connection, call)).await?,
            Some(lock) => {
                let executing = execute_locked(connection, lock, call);
                deadline.bound(executing).await?
            }
        };
        lease.end_with(call.statement.is_write(), result)
    }
}

async fn execute(connection: &mut PgConnection, call: &Call<'_>) -> Result<Rows, Fault> {
    let mut query = sqlx::query(AssertSqlSafe(call.statement.text.clone()));
    for parameter in &call.parameters {
        query = match *parameter {
            Parameter::Bytes(bytes) => query.bind(bytes),
            Parameter::Number(number) => query.bind(number),
            Parameter::Text(text) => query.bind(text),
        };
    }
    let rows = query.fetch_all(connection).await.map_err(fault)?;
    if rows.is_empty() {
        return Err(Fault::OtherStatement);
    }
    let rows = rows.iter().map(|row| found(row, call.statement.proof));
    rows.collect()
}

/// As [`super::execute_locked`], in several round trips. If it fails, the transaction is undone.
async fn execute_locked(
    connection: &mut PgConnection,
    lock: i64,
    call: &Call<'_>,
) -> Result<Rows, Fault> {
    let mut transaction = connection.begin_with(BEGIN).await.map_err(fault)?;
    let locking = sqlx::raw_sql(AssertSqlSafe(locking(lock)));
    locking.execute(&mut *transaction).await.map_err(fault)?;
    let rows = execute(&mut transaction, call).await?;
    transaction.commit().await.map_err(fault)?;
    Ok(rows)
}

/// The content of a row, if it begins with this proof.
fn found(row: &PgRow, proof: i64) -> Result<Found, Fault> {
    if !matches!(row.try_get::<i64, _>(0), Ok(found) if found == proof) {
        return Err(Fault::OtherStatement);
    }
    Ok(Found {
        first: row.try_get(1).map_err(fault)?,
        second: row.try_get(2).map_err(fault)?,
        text: row.try_get(3).map_err(fault)?,
    })
}

impl Query for &mut PgConnection {
    async fn rows(&mut self, query: &str) -> Result<Vec<Texts>, Fault> {
        let query = sqlx::raw_sql(AssertSqlSafe(query.to_owned()));
        let rows = query.fetch_all(&mut **self).await.map_err(fault)?;
        let texts = |row: &PgRow| {
            let columns = 0..row.len();
            columns.map(|it| row.try_get_unchecked(it)).collect()
        };
        let rows = rows.iter().map(texts).collect::<Result<_, _>>();
        rows.map_err(fault)
    }
}

/// The fault of a statement that failed.
fn fault(error: sqlx::Error) -> Fault {
    of_sqlx(error, |error, code| {
        let severity = error.try_downcast_ref().map(PgDatabaseError::severity);
        meaning(code, severity != Some(PgSeverity::Error))
    })
}

/// The fault of a connection that could not be made.
fn refused(error: sqlx::Error) -> Fault {
    of_sqlx(error, |_, code| meaning_of_refusal(code))
}
