//! The statements for PostgreSQL.

use sqlx::{AssertSqlSafe, Error, PgConnection, Row as _, error::DatabaseError};

use super::{SessionId, StoreError, Version, error, opening, schema};
use crate::storage::sql::{
    self, Cleaned, Dialect, Fault, FoundTable, Meaning, Name, NewRow, Row, Statement, Table,
};

pub(super) const DEFAULT_TABLE: &str = "sessile_sessions";

/// PostgreSQL cuts longer names without an error.
const LONGEST_NAME: usize = 63;

/// The server's clock in milliseconds since the Unix epoch, constant throughout a statement.
const NOW: &str = "floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint";

/// The statements of a store for PostgreSQL.
#[derive(Debug)]
pub(in crate::storage) struct Postgres {
    table: Name,
    load: Statement,
    create: Statement,
    update: Statement,
    delete: Statement,
    clean_up: Statement,
}

impl Postgres {
    pub(super) fn new(schema: Option<String>, table: String) -> Result<Self, StoreError> {
        Ok(Self::of(Name::new(schema, table, LONGEST_NAME, '"')?))
    }

    fn of(table: Name) -> Self {
        Self {
            load: Statement::new(&format!(
                "SELECT version, record FROM {table} WHERE id = $1 AND expires_at > {NOW}"
            )),
            // A row that has expired is replaced.
            create: Statement::new(&format!(
                "INSERT INTO {table} AS found
                     (id, version, due_at, expires_at, subject, signed_in_at, label, record)
                 VALUES ($1, $2, {NOW} + $3, {NOW} + $3, $4, $5, $6, $7)
                 ON CONFLICT (id) DO UPDATE SET
                     version = excluded.version, due_at = excluded.due_at,
                     expires_at = excluded.expires_at, subject = excluded.subject,
                     signed_in_at = excluded.signed_in_at, label = excluded.label,
                     record = excluded.record
                 WHERE found.expires_at <= {NOW}"
            )),
            // `found` is the row as it was when the statement began. `due_at` stays as it is, so that
            // no index changes and the update can be HOT; only a life that ends more than a minute
            // earlier moves it.
            update: Statement::new(&format!(
                "WITH found AS (
                     SELECT version FROM {table} WHERE id = $1 AND expires_at > {NOW}
                 ), updated AS (
                     UPDATE {table} SET
                         version = $3,
                         due_at = CASE WHEN {NOW} + $4 < due_at - 60000 THEN {NOW} + $4 ELSE due_at END,
                         expires_at = {NOW} + $4,
                         subject = $5, signed_in_at = $6, label = $7, record = $8
                     WHERE id = $1 AND version = $2 AND expires_at > {NOW}
                     RETURNING version
                 )
                 SELECT found.version, EXISTS (SELECT FROM updated) FROM found"
            )),
            delete: Statement::new(&format!("DELETE FROM {table} WHERE id = $1")),
            // The arrays make the planner find the rows by their ids, however many it expects.
            clean_up: Statement::new(&format!(
                "WITH due AS MATERIALIZED (
                     SELECT id, expires_at <= {NOW} AS is_expired FROM {table}
                     WHERE due_at <= {NOW} ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
                 ), deleted AS (
                     DELETE FROM {table}
                     WHERE id = ANY (ARRAY (SELECT id FROM due WHERE is_expired))
                     RETURNING 1
                 ), postponed AS (
                     UPDATE {table} SET due_at = expires_at
                     WHERE id = ANY (ARRAY (SELECT id FROM due WHERE NOT is_expired))
                 )
                 SELECT (SELECT count(*) FROM due), (SELECT count(*) FROM deleted)"
            )),
            table,
        }
    }
}

impl Default for Postgres {
    fn default() -> Self {
        Self::of(Name::fixed(DEFAULT_TABLE, '"'))
    }
}

impl Dialect for Postgres {
    type Database = sqlx::Postgres;

    const SCHEMES: &'static [&'static str] = &["postgres", "postgresql"];

    fn tables(&self) -> [Table; 2] {
        sql::tables(&self.table, &schema::SESSIONS, &schema::MARKS)
    }

    fn meaning(error: &dyn DatabaseError) -> Meaning {
        error::meaning(&error.code().unwrap_or_default())
    }

    fn exists_already(error: &dyn DatabaseError) -> bool {
        // `duplicate_table`. If the other transaction was still open: `duplicate_object`, since a
        // table has a type of its name, or `unique_violation` of the catalog.
        matches!(error.code().as_deref(), Some("42P07" | "42710" | "23505"))
    }

    async fn set_up(_connection: &mut PgConnection) -> Result<(), Error> {
        Ok(())
    }

    async fn check_database(connection: &mut PgConnection) -> Result<(), Fault> {
        opening::check_database(connection).await
    }

    async fn create_table(connection: &mut PgConnection, table: &Table) -> Result<(), Error> {
        // Sent together, the statements are one transaction.
        let schema = sqlx::raw_sql(AssertSqlSafe(table.sql.clone()));
        schema.execute(connection).await?;
        Ok(())
    }

    async fn find_table(
        connection: &mut PgConnection,
        table: &Table,
    ) -> Result<Option<FoundTable>, Fault> {
        opening::find_table(connection, table).await
    }

    async fn check_rights(connection: &mut PgConnection, table: &Table) -> Result<(), Fault> {
        opening::check_rights(connection, table).await
    }

    async fn load(
        &self,
        connection: &mut PgConnection,
        id: &SessionId,
    ) -> Result<Option<Row>, Error> {
        let row = sqlx::query(self.load.sql())
            .bind(id.as_bytes().as_slice())
            .fetch_optional(connection)
            .await?;
        let Some(row) = row else {
            return Ok(None);
        };
        Ok(Some(Row {
            version: version_of(row.try_get(0)?),
            record: row.try_get::<String, _>(1)?.into_bytes(),
        }))
    }

    async fn create(&self, connection: &mut PgConnection, row: &NewRow<'_>) -> Result<bool, Error> {
        let created = sqlx::query(self.create.sql())
            .bind(row.id.as_bytes().as_slice())
            .bind(row.version.get().cast_signed())
            .bind(row.ttl)
            .bind(row.subject())
            .bind(row.signed_in_at)
            .bind(row.label)
            .bind(&*row.record)
            .execute(connection)
            .await?;
        Ok(created.rows_affected() == 1)
    }

    async fn update(
        &self,
        connection: &mut PgConnection,
        expected: Version,
        row: &NewRow<'_>,
    ) -> Result<Option<Version>, Error> {
        // At most one row comes back, but the change is permanent only after the end of the result.
        let rows = sqlx::query(self.update.sql())
            .bind(row.id.as_bytes().as_slice())
            .bind(expected.get().cast_signed())
            .bind(row.version.get().cast_signed())
            .bind(row.ttl)
            .bind(row.subject())
            .bind(row.signed_in_at)
            .bind(row.label)
            .bind(&*row.record)
            .fetch_all(connection)
            .await?;
        let Some(found) = rows.first() else {
            return Ok(None);
        };
        let (version, is_updated) = (version_of(found.try_get(0)?), found.try_get(1)?);
        Ok(Some(if is_updated { row.version } else { version }))
    }

    async fn delete(&self, connection: &mut PgConnection, id: &SessionId) -> Result<(), Error> {
        let delete = sqlx::query(self.delete.sql());
        let delete = delete.bind(id.as_bytes().as_slice());
        delete.execute(connection).await?;
        Ok(())
    }

    async fn clean_up(&self, connection: &mut PgConnection, limit: u32) -> Result<Cleaned, Error> {
        let rows = sqlx::query(self.clean_up.sql())
            .bind(i64::from(limit))
            .fetch_all(connection)
            .await?;
        let Some(counts) = rows.first() else {
            return Ok(Cleaned::default());
        };
        Ok(Cleaned {
            due: counts.try_get::<i64, _>(0)?.cast_unsigned(),
            deleted: counts.try_get::<i64, _>(1)?.cast_unsigned(),
        })
    }
}

/// PostgreSQL has no unsigned integers.
fn version_of(column: i64) -> Version {
    Version::new(column.cast_unsigned())
}
