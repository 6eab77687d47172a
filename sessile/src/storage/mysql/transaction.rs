//! Transactions that lock a subject.

use sqlx::MySqlConnection;

use super::error::fault;
use crate::storage::sql::Fault;

/// Begins a transaction. It reads without locks, whatever the server's default is.
pub(super) async fn begin(connection: &mut MySqlConnection) -> Result<(), Fault> {
    const BEGIN: &str = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; START TRANSACTION";
    run(connection, BEGIN).await
}

/// Commits the transaction, or undoes it if it failed.
pub(super) async fn end<T>(
    connection: &mut MySqlConnection,
    result: Result<T, Fault>,
) -> Result<T, Fault> {
    let result = match result {
        Ok(done) => run(connection, "COMMIT").await.map(|()| done),
        failed => failed,
    };
    // Other errors close the connection, which undoes the transaction.
    if matches!(&result, Err(fault) if !fault.ends_connection()) {
        run(connection, "ROLLBACK").await?;
    }
    result
}

async fn run(connection: &mut MySqlConnection, statement: &'static str) -> Result<(), Fault> {
    let statement = sqlx::raw_sql(statement);
    statement.execute(connection).await.map_err(fault)?;
    Ok(())
}
