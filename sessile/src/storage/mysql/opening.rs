//! What MySQL and MariaDB tell of the table, and of the rights to it.

use sqlx::{AssertSqlSafe, Error, MySqlConnection, Row as _, mysql::MySqlRow};

use super::{
    dialect::{MySql, number},
    error::NO_SUCH_TABLE,
};
use crate::storage::sql::{Dialect as _, Fault, Table};

/// The table, unless it isn't there.
pub(super) async fn find_table(
    dialect: &MySql,
    connection: &mut MySqlConnection,
) -> Result<Option<Table>, Fault> {
    // Cast, since servers don't agree on the types.
    const TABLE: &str = "
        SELECT CAST(engine AS CHAR), CAST(table_comment AS CHAR) FROM information_schema.tables
        WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";
    const COLUMNS: &str = "
        SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), CAST(collation_name AS CHAR),
            CAST(column_key AS CHAR)
        FROM information_schema.columns
        WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";
    // Where the user has no right at all, the catalog shows nothing.
    if !is_there(dialect, connection).await? {
        return Ok(None);
    }
    let name = dialect.table();
    let table = sqlx::query(TABLE)
        .bind(&name.schema)
        .bind(&name.table)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let engine: Option<String> = table.try_get(0).map_err(failed)?;
    if engine.as_deref() != Some("InnoDB") {
        return Err(Fault::Shape {
            table: name.to_string(),
            difference: "its engine is not InnoDB".to_owned(),
        });
    }
    let columns = sqlx::query(COLUMNS)
        .bind(&name.schema)
        .bind(&name.table)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    let columns = columns.iter().map(Described::of).collect::<Result<_, _>>();
    let columns: Vec<Described> = columns.map_err(failed)?;
    let mut primary = columns.iter().filter(|column| column.is_primary);
    let has_unique_id = primary.next().is_some_and(|column| column.name == "id");
    Ok(Some(Table {
        comment: table.try_get(1).map_err(failed)?,
        has_unique_id: has_unique_id && primary.next().is_none(),
        columns: columns
            .into_iter()
            .map(|column| (column.name, column.kind))
            .collect(),
    }))
}

struct Described {
    name: String,
    kind: String,
    is_primary: bool,
}

impl Described {
    fn of(row: &MySqlRow) -> Result<Self, Error> {
        let mut kind: String = row.try_get(1)?;
        // MariaDB tells how wide it would print a number.
        if let Some((before, after)) = kind.split_once('(')
            && before == "bigint"
        {
            let after = after.split_once(')').map_or("", |(_, after)| after);
            kind = format!("{before}{after}");
        }
        if let Some(collation) = row.try_get::<Option<String>, _>(2)? {
            kind = format!("{kind} {collation}");
        }
        Ok(Self {
            name: row.try_get(0)?,
            kind,
            is_primary: row.try_get::<String, _>(3)? == "PRI",
        })
    }
}

async fn is_there(dialect: &MySql, connection: &mut MySqlConnection) -> Result<bool, Fault> {
    let look = format!("SELECT 1 FROM {} LIMIT 0", dialect.table());
    match sqlx::raw_sql(AssertSqlSafe(look)).execute(connection).await {
        Ok(_) => Ok(true),
        Err(Error::Database(error)) if number(&*error) == NO_SUCH_TABLE => Ok(false),
        Err(error) => Err(failed(error)),
    }
}

/// The server says which right is missing when it is asked for what needs it. None of this changes
/// anything.
pub(super) async fn check_rights(
    dialect: &MySql,
    connection: &mut MySqlConnection,
) -> Result<(), Fault> {
    let table = dialect.table();
    let columns = "id, secret, version, expires_at, record";
    for statement in [
        format!("SELECT {columns} FROM {table} LIMIT 0"),
        format!("INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE 1 = 0"),
        format!(
            "UPDATE {table} SET secret = secret, version = version, expires_at = expires_at,
             record = record WHERE 1 = 0"
        ),
        format!("DELETE FROM {table} WHERE 1 = 0"),
    ] {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement));
        statement.execute(&mut *connection).await.map_err(failed)?;
    }
    let row = sqlx::query("SELECT @@autocommit = 1")
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    match row.try_get(0).map_err(failed)? {
        true => Ok(()),
        false => Err(Fault::NoAutocommit),
    }
}

fn failed(error: Error) -> Fault {
    Fault::of::<MySql>(error)
}
