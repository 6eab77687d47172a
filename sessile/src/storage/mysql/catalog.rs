//! What MySQL and MariaDB say about the connection and the tables, and about the rights to them.

use sqlx::{AssertSqlSafe, Error, MySqlConnection, Row as _, mysql::MySqlRow};

use super::error::{NO_SUCH_TABLE, fault, number};
use crate::storage::sql::{self, Fault, FoundTable, Table};

/// Sets up a new connection: every statement is its own transaction, whatever the server's default is.
///
/// The server does not notice that its client has given up, and keeps the connection until the
/// statement ends. By default it waits for locks for most of a minute, or for a day.
pub(super) async fn set_up(connection: &mut MySqlConnection) -> Result<(), Error> {
    const SET: &str =
        "SET SESSION autocommit = 1, innodb_lock_wait_timeout = 2, lock_wait_timeout = 2";
    sqlx::raw_sql(SET).execute(connection).await?;
    Ok(())
}

/// What a connection tells about the tables.
pub(super) struct Catalog<'a>(pub(super) &'a mut MySqlConnection);

impl sql::Catalog for Catalog<'_> {
    async fn check_database(&mut self) -> Result<(), Fault> {
        check_database(self.0).await
    }

    async fn create_table(&mut self, table: &Table) -> Result<(), Fault> {
        let schema = sqlx::raw_sql(AssertSqlSafe(table.sql.clone()));
        schema.execute(&mut *self.0).await.map_err(fault)?;
        Ok(())
    }

    async fn find_table(&mut self, table: &Table) -> Result<Option<FoundTable>, Fault> {
        find_table(self.0, table).await
    }

    async fn check_rights(&mut self, table: &Table) -> Result<(), Fault> {
        check_rights(self.0, table).await
    }
}

/// Fails if changes would not be permanent.
async fn check_database(connection: &mut MySqlConnection) -> Result<(), Fault> {
    let row = sqlx::query("SELECT @@autocommit = 1")
        .fetch_one(connection)
        .await
        .map_err(fault)?;
    match row.try_get(0).map_err(fault)? {
        true => Ok(()),
        false => Err(Fault::NoAutocommit),
    }
}

/// The table, if it exists.
async fn find_table(
    connection: &mut MySqlConnection,
    table: &Table,
) -> Result<Option<FoundTable>, Fault> {
    // The casts are for servers whose catalogs have other types.
    const TABLE: &str = "
        SELECT CAST(engine AS CHAR), CAST(table_comment AS CHAR) FROM information_schema.tables
        WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";
    const COLUMNS: &str = "
        SELECT CAST(column_name AS CHAR), CAST(column_type AS CHAR), CAST(collation_name AS CHAR),
            CAST(column_key AS CHAR)
        FROM information_schema.columns
        WHERE table_schema = COALESCE(?, DATABASE()) AND table_name = ?";
    // To a user without any right to a table, the catalog does not show it.
    if !exists(connection, table).await? {
        return Ok(None);
    }
    let name = &table.name;
    let found = sqlx::query(TABLE)
        .bind(&name.schema)
        .bind(&name.table)
        .fetch_one(&mut *connection)
        .await
        .map_err(fault)?;
    let engine: Option<String> = found.try_get(0).map_err(fault)?;
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
        .map_err(fault)?;
    let columns = columns.iter().map(Described::of).collect::<Result<_, _>>();
    let columns: Vec<Described> = columns.map_err(fault)?;
    let mut primary = columns.iter().filter(|column| column.is_primary);
    let has_unique_key = primary
        .next()
        .is_some_and(|column| column.name == table.key);
    Ok(Some(FoundTable {
        comment: found.try_get(1).map_err(fault)?,
        has_unique_key: has_unique_key && primary.next().is_none(),
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
        // MariaDB adds the display width of numbers.
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

async fn exists(connection: &mut MySqlConnection, table: &Table) -> Result<bool, Fault> {
    let select = format!("SELECT 1 FROM {} LIMIT 0", table.name);
    let select = sqlx::raw_sql(AssertSqlSafe(select));
    match select.execute(connection).await {
        Ok(_) => Ok(true),
        Err(Error::Database(error)) if number(&*error) == NO_SUCH_TABLE => Ok(false),
        Err(error) => Err(fault(error)),
    }
}

/// Runs statements that need the rights and change nothing: the server's error names a missing right.
async fn check_rights(connection: &mut MySqlConnection, table: &Table) -> Result<(), Fault> {
    let name = &table.name;
    let names: Vec<_> = table.columns.iter().map(|column| column.name).collect();
    let columns = names.join(", ");
    let assignments: Vec<_> = names.iter().map(|it| format!("{it} = {it}")).collect();
    let assignments = assignments.join(", ");
    for statement in [
        format!("SELECT {columns} FROM {name} LIMIT 0"),
        format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {name} WHERE 1 = 0"),
        format!("UPDATE {name} SET {assignments} WHERE 1 = 0"),
        format!("DELETE FROM {name} WHERE 1 = 0"),
    ] {
        let statement = sqlx::raw_sql(AssertSqlSafe(statement));
        statement.execute(&mut *connection).await.map_err(fault)?;
    }
    Ok(())
}
