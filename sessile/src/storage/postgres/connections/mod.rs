//! [`Connections`]: how a statement gets its connection, and how it is executed.

mod connect;
mod own;
#[cfg(feature = "postgres-pool")]
mod pool;
#[cfg(feature = "postgres-pool-sqlx")]
mod sqlx_pool;

use std::{error::Error as _, io};

use smallvec::SmallVec;
use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};

pub(super) use self::own::Own;
#[cfg(feature = "_postgres-pool")]
use super::pool::{Pool, PostgresPool};
use super::{
    error::{fault, fault_of_unnamed},
    parameter::Parameter,
    statements::{Call, Found, Rows},
};
use crate::storage::{
    sql::{Fault, Table},
    timing::Deadline,
};

/// The connections of a store.
pub(super) enum Connections {
    /// The store opens them itself.
    Own(Box<Own>),
    /// The application's pool opens them.
    #[cfg(feature = "postgres-pool")]
    Pool(pool::Connections),
    #[cfg(feature = "postgres-pool-sqlx")]
    Sqlx(sqlx_pool::Connections),
}

impl Connections {
    /// The connections of `pool`.
    #[cfg(feature = "_postgres-pool")]
    pub(super) fn pooled(
        PostgresPool(pool): PostgresPool,
        behind_pooler: bool,
    ) -> Result<Self, Fault> {
        match pool {
            #[cfg(feature = "postgres-pool")]
            Pool::Deadpool(pool) => Ok(Self::Pool(pool::Connections::new(pool, behind_pooler))),
            #[cfg(feature = "postgres-pool-sqlx")]
            Pool::Sqlx(_) if behind_pooler => {
                let text = "a pool of sqlx does not work behind a pooler in transaction mode: use a pool of \
                            deadpool-postgres";
                Err(Fault::misconfigured(text))
            }
            #[cfg(feature = "postgres-pool-sqlx")]
            Pool::Sqlx(pool) => Ok(Self::Sqlx(pool.into())),
        }
    }

    /// Closes the store's own connections after the statements that are in flight.
    pub(super) fn close(&self) {
        match self {
            Self::Own(own) => own.close(),
            #[cfg(feature = "postgres-pool")]
            Self::Pool(_) => {}
            #[cfg(feature = "postgres-pool-sqlx")]
            Self::Sqlx(_) => {}
        }
    }

    pub(super) async fn open(
        &self,
        tables: &[Table; 2],
        create_tables: bool,
        deadline: Deadline,
    ) -> Result<(), Fault> {
        match self {
            Self::Own(own) => own.open(tables, create_tables, deadline).await,
            #[cfg(feature = "postgres-pool")]
            Self::Pool(pool) => pool.open(tables, create_tables, deadline).await,
            #[cfg(feature = "postgres-pool-sqlx")]
            Self::Sqlx(pool) => pool.open(tables, create_tables, deadline).await,
        }
    }

    /// Executes a statement.
    pub(super) async fn run(&self, call: &Call<'_>, deadline: Deadline) -> Result<Rows, Fault> {
        match self {
            Self::Own(own) => own.attempt(call, deadline).await,
            #[cfg(feature = "postgres-pool")]
            Self::Pool(pool) => Box::pin(pool.attempt(call, deadline)).await,
            #[cfg(feature = "postgres-pool-sqlx")]
            Self::Sqlx(pool) => Box::pin(pool.attempt(call, deadline)).await,
        }
    }
}

/// Executes a statement, and proves that it was this one.
async fn execute(
    client: &Client,
    prepared: Option<&tokio_postgres::Statement>,
    Call {
        statement,
        parameters,
        ..
    }: &Call<'_>,
) -> Result<Rows, Fault> {
    let rows = match prepared {
        Some(prepared) => {
            let values: SmallVec<[_; 8]> = parameters.iter().map(value).collect();
            client.query(prepared, &values).await
        }
        None => {
            let types = statement.types.iter().map(Type::clone);
            let values: SmallVec<[_; 8]> = parameters.iter().map(value).zip(types).collect();
            client.query_typed(&statement.text, &values).await
        }
    };
    let rows = rows.map_err(|error| match has_other_columns(&error) {
        true => Fault::OtherStatement,
        false if prepared.is_none() => fault_of_unnamed(error),
        false => fault(error),
    })?;
    if rows.is_empty() {
        return Err(Fault::OtherStatement);
    }
    let rows = rows.iter().map(|row| found(row, statement.proof));
    rows.collect()
}

/// Executes a statement in a transaction, which first locks the number `lock`. The statement sees what was committed before
/// it has the lock.
///
/// The first poll sends everything, so it is one round trip, and dropping the future leaves no transaction open.
async fn execute_locked(
    client: &Client,
    lock: i64,
    prepared: Option<&tokio_postgres::Statement>,
    call: &Call<'_>,
) -> Result<Rows, Fault> {
    let begin = format!("{BEGIN}; {}", locking(lock));
    let (begun, rows, committed) = tokio::join!(
        biased;
        client.simple_query(&begin),
        execute(client, prepared, call),
        client.simple_query("COMMIT"),
    );
    match begun {
        Ok(_) => {}
        // There was no transaction, so the statement was executed on its own.
        Err(error) if rows.is_ok() => return Err(Fault::connection(error)),
        Err(error) => return Err(fault(error)),
    }
    let rows = rows?;
    committed.map_err(fault)?;
    Ok(rows)
}

/// Begins a transaction. Each of its statements sees what was committed before the statement.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// The statement that locks a number until the transaction ends.
fn locking(lock: i64) -> String {
    format!("SELECT pg_advisory_xact_lock({lock})")
}

/// The content of a row, if it begins with this proof.
fn found(row: &Row, proof: i64) -> Result<Found, Fault> {
    if !matches!(row.try_get::<_, i64>(0), Ok(found) if found == proof) {
        return Err(Fault::OtherStatement);
    }
    Ok(Found {
        first: row.try_get(1).map_err(unreadable)?,
        second: row.try_get(2).map_err(unreadable)?,
        text: row.try_get(3).map_err(unreadable)?,
    })
}

fn value<'a>(parameter: &'a Parameter<'_>) -> &'a (dyn ToSql + Sync) {
    parameter
}

/// Whether the driver found other columns than those of the prepared statement.
fn has_other_columns(error: &tokio_postgres::Error) -> bool {
    let cause = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| cause.kind() == io::ErrorKind::InvalidData)
}

fn unreadable(_error: tokio_postgres::Error) -> Fault {
    Fault::Unreadable
}
