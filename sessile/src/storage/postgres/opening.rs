//! What PostgreSQL says about the database and its tables, and about the rights to them.

use sqlx::{Error, PgConnection, Row as _};

use super::dialect::Postgres;
use crate::storage::sql::{Fault, FoundTable, Table};

/// Fails if the database has another encoding than UTF-8, or is read-only.
pub(super) async fn check_database(connection: &mut PgConnection) -> Result<(), Fault> {
    const DATABASE: &str = "
        SELECT current_setting('server_encoding'), current_setting('transaction_read_only') = 'on'";
    let row = sqlx::query(DATABASE)
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    let encoding: String = row.try_get(0).map_err(failed)?;
    if encoding != "UTF8" {
        return Err(Fault::Encoding(encoding));
    }
    match row.try_get(1).map_err(failed)? {
        true => Err(Fault::ReadOnly),
        false => Ok(()),
    }
}

/// The table, if it exists.
pub(super) async fn find_table(
    connection: &mut PgConnection,
    table: &Table,
) -> Result<Option<FoundTable>, Fault> {
    // `to_regclass` sees tables that were created after the statement began, whose indexes and comment
    // the statement does not see. `pg_class` has the table only together with them.
    const TABLE: &str = "
        SELECT obj_description(it.oid, 'pg_class'),
            EXISTS (
                SELECT FROM pg_index
                JOIN pg_attribute ON attrelid = indrelid AND attname = $2 AND attnum = indkey[0]
                WHERE indrelid = it.oid AND indisunique AND indisvalid
                    AND indnkeyatts = 1 AND indpred IS NULL
            ),
            it.oid IS NOT NULL
        FROM (SELECT (SELECT oid FROM pg_class WHERE oid = to_regclass($1)) AS oid) AS it";
    const COLUMNS: &str = "
        SELECT attname::text, format_type(atttypid, atttypmod) FROM pg_attribute
        WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
    let name = table.name.to_string();
    let row = sqlx::query(TABLE)
        .bind(&name)
        .bind(table.key)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed)?;
    if !row.try_get::<bool, _>(2).map_err(failed)? {
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
    Ok(Some(FoundTable {
        comment: row.try_get(0).map_err(failed)?,
        columns: columns.map_err(failed)?,
        has_unique_key: row.try_get(1).map_err(failed)?,
    }))
}

/// Asks for the rights now, since PostgreSQL reports a missing one only when it is needed.
pub(super) async fn check_rights(
    connection: &mut PgConnection,
    table: &Table,
) -> Result<(), Fault> {
    const RIGHTS: &str = "
        SELECT string_agg(it.name, ', ')
        FROM unnest(ARRAY ['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS it (name)
        WHERE NOT has_table_privilege(to_regclass($1), it.name)";
    let table = table.name.to_string();
    let row = sqlx::query(RIGHTS)
        .bind(&table)
        .fetch_one(connection)
        .await
        .map_err(failed)?;
    match row.try_get(0).map_err(failed)? {
        Some(rights) => Err(Fault::Rights { table, rights }),
        None => Ok(()),
    }
}

fn failed(error: Error) -> Fault {
    Fault::of::<Postgres>(error)
}

#[cfg(test)]
mod tests {
    use sessile_rig::postgres::Postgres as Server;
    use sqlx::{Connection as _, raw_sql};

    use super::*;
    use crate::storage::sql::Dialect as _;

    #[tokio::test]
    async fn a_new_table_is_found_with_its_key_and_comment_or_not_at_all() {
        let server = Server::start().unwrap();
        let mut connection = PgConnection::connect(&server.url()).await.unwrap();
        let dialect = Postgres::default();
        let [table, _] = dialect.tables();
        // Later statements see what exists now, as if they had begun before the table was created.
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1";
        raw_sql(begin).execute(&mut connection).await.unwrap();
        server.execute(&dialect.schema_sql()).unwrap();

        let early = find_table(&mut connection, &table).await.unwrap();
        assert!(early.is_none());
        raw_sql("COMMIT").execute(&mut connection).await.unwrap();
        let found = find_table(&mut connection, &table).await.unwrap();
        assert!(found.is_some_and(|table| table.has_unique_key && table.comment.is_some()));
    }
}
