//! What PostgreSQL tells of the table, and of the rights to it.

use sqlx::{Error, PgConnection, Row as _};

use super::dialect::Postgres;
use crate::storage::sql::{Dialect as _, Fault, Table};

/// The table, unless it isn't there.
pub(super) async fn find_table(
    dialect: &Postgres,
    connection: &mut PgConnection,
) -> Result<Option<Table>, Fault> {
    // `to_regclass` knows what others have made since the statement began, whose indexes and comment the
    // statement does not see yet. `pg_class` has the table when they are there as well.
    const TABLE: &str = "
        SELECT current_setting('server_encoding'), obj_description(it.oid, 'pg_class'),
            EXISTS (
                SELECT FROM pg_index
                JOIN pg_attribute ON attrelid = indrelid AND attname = 'id' AND attnum = indkey[0]
                WHERE indrelid = it.oid AND indisunique AND indisvalid
                    AND indnkeyatts = 1 AND indpred IS NULL
            ),
            it.oid IS NOT NULL
        FROM (SELECT (SELECT oid FROM pg_class WHERE oid = to_regclass($1)) AS oid) AS it";
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

#[cfg(test)]
mod tests {
    use sessile_rig::postgres::Postgres as Server;
    use sqlx::{Connection as _, raw_sql};

    use super::*;

    #[tokio::test]
    async fn a_table_that_was_just_made_is_there_with_all_it_has_or_not_at_all() {
        let server = Server::start().unwrap();
        let mut connection = PgConnection::connect(&server.url()).await.unwrap();
        let dialect = Postgres::default();
        // From here on its statements see what there is now, as if they had begun before the table was made.
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1";
        raw_sql(begin).execute(&mut connection).await.unwrap();
        server.execute(&dialect.schema_sql()).unwrap();

        let early = find_table(&dialect, &mut connection).await.unwrap();
        assert!(early.is_none());
        raw_sql("COMMIT").execute(&mut connection).await.unwrap();
        let found = find_table(&dialect, &mut connection).await.unwrap();
        assert!(found.is_some_and(|table| table.has_unique_id && table.comment.is_some()));
    }
}
