//! What PostgreSQL tells of the table, and of the rights to it.

use sqlx::{Error, PgConnection, Row as _};

use super::dialect::Postgres;
use crate::storage::sql::{Dialect as _, Fault, Table};

/// The table, unless it isn't there.
pub(super) async fn find_table(
    dialect: &Postgres,
    connection: &mut PgConnection,
) -> Result<Option<Table>, Fault> {
    const TABLE: &str = "
        SELECT current_setting('server_encoding'), obj_description(it.oid, 'pg_class'),
            EXISTS (
                SELECT FROM pg_index
                JOIN pg_attribute ON attrelid = indrelid AND attname = 'id' AND attnum = indkey[0]
                WHERE indrelid = it.oid AND indisunique AND indisvalid
                    AND indnkeyatts = 1 AND indpred IS NULL
            ),
            it.oid IS NOT NULL
        FROM (SELECT to_regclass($1) AS oid) AS it";
    const COLUMNS: &str = "
        SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute
        WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
    let name = dialect.table().to_string();
    let row = sqlx::query(TABLE)
        .bind(&name)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    let encoding: String = row.try_get(0).map_err(failed)?;
    if encoding != "UTF8" {
        return Err(Fault::Encoding(encoding));
    }
    if !row.try_get::<bool, _>(3).map_err(failed)? {
        return Ok(None);
    }
    let columns = sqlx::query(COLUMNS)
        .bind(&name)
        .fetch_all(connection)
        .await
        .map_err(failed)?;
    let columns = columns
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)))
        .collect::<Result<_, Error>>();
    Ok(Some(Table {
        comment: row.try_get(1).map_err(failed)?,
        columns: columns.map_err(failed)?,
        has_unique_id: row.try_get(2).map_err(failed)?,
    }))
}

/// A server that is read-only says so itself; a right that is missing it would only name when it is
/// needed.
pub(super) async fn check_rights(
    dialect: &Postgres,
    connection: &mut PgConnection,
) -> Result<(), Fault> {
    const RIGHTS: &str = "
        SELECT current_setting('transaction_read_only') = 'on', (
            SELECT string_agg(it.name, ', ')
            FROM unnest(ARRAY ['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS it (name)
            WHERE NOT has_table_privilege(to_regclass($1), it.name)
        )";
    let table = dialect.table().to_string();
    let row = sqlx::query(RIGHTS)
        .bind(&table)
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    if row.try_get(0).map_err(failed)? {
        return Err(Fault::ReadOnly);
    }
    match row.try_get(1).map_err(failed)? {
        Some(rights) => Err(Fault::Rights { table, rights }),
        None => Ok(()),
    }
}

fn failed(error: Error) -> Fault {
    Fault::of::<Postgres>(error)
}
