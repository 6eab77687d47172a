//! What MySQL and MariaDB report about the connection, the tables and the rights to them.

use sqlx::{AssertSqlSafe, Error, MySqlConnection, Row as _, mysql::MySqlRow};

use super::{StoreErrorKind, error::fault};
use crate::storage::sql::{self, Fault, FoundTable, Table};

/// Sets up a new connection: every statement is its own transaction, whatever the server's default is.
///
/// The server does not notice that its client has given up, and keeps the connection until the
/// statement ends. By default it waits for locks for most of a minute, or for a day.
///
/// Returns the size of the largest packet.
pub(super) async fn set_up(connection: &mut MySqlConnection) -> Result<u64, Error> {
    const SET: &str =
        "SET SESSION autocommit = 1, innodb_lock_wait_timeout = 2, lock_wait_timeout = 2;
         SELECT @@max_allowed_packet";
    max_packet_of(connection, SET).await
}

/// The size of the largest packet that the server accepts over this connection.
pub(super) async fn max_packet(connection: &mut MySqlConnection) -> Result<u64, Error> {
    max_packet_of(connection, "SELECT @@max_allowed_packet").await
}

async fn max_packet_of(
    connection: &mut MySqlConnection,
    statements: &'static str,
) -> Result<u64, Error> {
    let rows = sqlx::raw_sql(statements).fetch_all(connection).await?;
    let text: Option<String> = match rows.first() {
        Some(row) => row.try_get_unchecked(0)?,
        None => None,
    };
    // If a proxy does not report the size, the server decides.
    Ok(text.and_then(|it| it.parse().ok()).unwrap_or(u64::MAX))
}

/// The catalog of the tables, read over a connection.
pub(super) struct Catalog<'a>(pub(super) &'a mut MySqlConnection);

impl Catalog<'_> {
    /// The rows of the result, as texts.
    async fn rows(&mut self, query: String) -> Result<Vec<Vec<Option<String>>>, Fault> {
        let query = sqlx::raw_sql(AssertSqlSafe(query));
        let rows = query.fetch_all(&mut *self.0).await.map_err(fault)?;
        // Unchecked, because some servers give the columns of their catalogs other types.
        let texts = |row: &MySqlRow| {
            let columns = 0..row.len();
            columns.map(|it| row.try_get_unchecked(it)).collect()
        };
        let rows = rows.iter().map(texts).collect::<Result<_, _>>();
        rows.map_err(fault)
    }
}

impl sql::Catalog for Catalog<'_> {
    /// Fails if changes would not be permanent.
    async fn check_database(&mut self) -> Result<(), Fault> {
        let rows = self.rows("SELECT @@autocommit".to_owned()).await?;
        if rows.iter().flatten().flatten().all(|value| value != "1") {
            let text = "autocommit is off for the connections of the pool, so sessile's changes would be lost";
            return Err(Fault::misconfigured(text));
        }
        Ok(())
    }

    async fn create_table(&mut self, sql: &str) -> Result<(), Fault> {
        self.rows(sql.to_owned()).await.map(drop)
    }

    async fn find_table(&mut self, table: &Table) -> Result<Option<FoundTable>, Fault> {
        // The catalog does not show a table to a user without any right to it.
        let name = &table.name;
        match self.rows(format!("SELECT 1 FROM {name} LIMIT 0")).await {
            Ok(_) => {}
            Err(Fault::Failed {
                kind: StoreErrorKind::Incompatible,
                ..
            }) => return Ok(None),
            Err(fault) => return Err(fault),
        }
        // A name has no other characters than letters, digits and underscores.
        let schema = name.schema.as_ref().map(|schema| format!("'{schema}'"));
        let place = format!(
            "table_schema = {} AND table_name = '{}'",
            schema.as_deref().unwrap_or("DATABASE()"),
            name.table
        );
        let found =
            format!("SELECT engine, table_comment FROM information_schema.tables WHERE {place}");
        let columns = format!(
            "SELECT column_name, column_type, collation_name, column_key
             FROM information_schema.columns WHERE {place}"
        );
        let mut found = self.rows(found).await?.pop().unwrap_or_default();
        let comment = found.pop().flatten();
        if found != [Some("InnoDB".to_owned())] {
            return Err(table.differs("its engine is not InnoDB"));
        }
        let columns = self.rows(columns).await?;
        let keys: Vec<_> = columns
            .iter()
            .filter(|column| column[3].as_deref() == Some("PRI"))
            .collect();
        Ok(Some(FoundTable {
            comment,
            has_unique_key: matches!(keys[..], [key] if key[0].as_deref() == Some(table.key)),
            columns: columns.iter().filter_map(|it| described(it)).collect(),
        }))
    }

    /// Runs statements that need the rights and change nothing: the server's error names a missing right.
    async fn check_rights(&mut self, table: &Table) -> Result<(), Fault> {
        let name = &table.name;
        let names: Vec<_> = table.columns.iter().map(|(name, _)| *name).collect();
        let columns = names.join(", ");
        let assignments: Vec<_> = names.iter().map(|it| format!("{it} = {it}")).collect();
        let assignments = assignments.join(", ");
        for statement in [
            format!("SELECT {columns} FROM {name} LIMIT 0"),
            format!("INSERT INTO {name} ({columns}) SELECT {columns} FROM {name} WHERE 1 = 0"),
            format!("UPDATE {name} SET {assignments} WHERE 1 = 0"),
            format!("DELETE FROM {name} WHERE 1 = 0"),
        ] {
            self.rows(statement).await?;
        }
        Ok(())
    }
}

/// The name and the type of a column, from a row of the catalog.
fn described(row: &[Option<String>]) -> Option<(String, String)> {
    let [Some(name), Some(kind), collation, _] = row else {
        return None;
    };
    let mut kind = kind.clone();
    // MariaDB adds the display width of numbers.
    if let Some(width) = kind.strip_prefix("bigint(") {
        let rest = width.split_once(')').map_or("", |(_, rest)| rest);
        kind = format!("bigint{rest}");
    }
    if let Some(collation) = collation {
        kind = format!("{kind} {collation}");
    }
    Some((name.clone(), kind))
}
