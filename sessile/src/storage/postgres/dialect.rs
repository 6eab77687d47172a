//! The statements in PostgreSQL's words.

use sqlx::{AssertSqlSafe, Error, PgConnection, Row as _, error::DatabaseError};

use super::{StoreError, Version, error, opening};
use crate::storage::sql::{
    Change, Column, Dialect, Fault, Meaning, Name, NewRow, Row, SCHEMA_COMMENT, Statement, Table,
    quoted,
};

pub(super) const DEFAULT_TABLE: &str = "sessile_sessions";

/// PostgreSQL cuts names that are longer, without an error.
const LONGEST_NAME: usize = 63;

/// The server's clock in milliseconds since the Unix epoch, the same throughout a statement.
const NOW: &str = "floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint";

/// How a store speaks to PostgreSQL.
#[derive(Debug)]
pub(in crate::storage) struct Postgres {
    pub(super) table: Name,
    load: Statement,
    create: Statement,
    swap: Statement,
    delete: Statement,
    delete_expired: Statement,
}

impl Postgres {
    pub(super) fn new(schema: Option<String>, table: String) -> Result<Self, StoreError> {
        Ok(Self::of(Name::new(schema, table, LONGEST_NAME, '"')?))
    }

    fn of(table: Name) -> Self {
        Self {
            load: Statement::new(&format!(
                "SELECT version, record FROM {table}
                 WHERE id = $1 AND secret = $2 AND expires_at > {NOW}"
            )),
            create: Statement::new(&format!(
                "INSERT INTO {table} (id, secret, version, expires_at, record)
                 VALUES ($1, $2, $3, {NOW} + $4, $5)
                 ON CONFLICT (id) DO NOTHING"
            )),
            // The row as it was when the statement began, also if it opens to the new digest already:
            // then the same was sent before, and done.
            swap: Statement::new(&format!(
                "WITH found AS (
                     SELECT version FROM {table}
                     WHERE id = $1 AND secret IN ($2, $4) AND expires_at > {NOW}
                 ), swapped AS (
                     UPDATE {table}
                     SET secret = $4, version = $5, expires_at = {NOW} + $6, record = $7
                     WHERE id = $1 AND secret = $2 AND version = $3 AND expires_at > {NOW}
                     RETURNING version
                 )
                 SELECT found.version, EXISTS (SELECT FROM swapped) FROM found"
            )),
            delete: Statement::new(&format!("DELETE FROM {table} WHERE id = $1")),
            // The rows to delete are found once, whatever the planner thinks of their number, and
            // by two indexes.
            delete_expired: Statement::new(&format!(
                "DELETE FROM {table} WHERE id = ANY (ARRAY (
                     SELECT id FROM {table} WHERE expires_at <= {NOW}
                     ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
                 ))"
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

    const COLUMNS: [Column<'static>; 5] = [
        Column::new("id", "text"),
        Column::new("secret", "text"),
        Column::new("version", "bigint"),
        Column::new("expires_at", "bigint"),
        Column::new("record", "text"),
    ];

    fn table(&self) -> &Name {
        &self.table
    }

    fn schema_sql(&self) -> String {
        let table = &self.table;
        let index = quoted(&table.with_suffix("_expires_at", LONGEST_NAME), '"');
        format!(
            "CREATE TABLE {table} (
    id         text   NOT NULL PRIMARY KEY,
    secret     text   NOT NULL, -- the digest of the session key's secret
    version    bigint NOT NULL,
    expires_at bigint NOT NULL, -- milliseconds since the Unix epoch
    record     text   NOT NULL
);
CREATE INDEX {index} ON {table} (expires_at);
COMMENT ON TABLE {table} IS '{SCHEMA_COMMENT}';
"
        )
    }

    fn meaning(error: &dyn DatabaseError) -> Meaning {
        error::meaning(&error.code().unwrap_or_default())
    }

    fn exists_already(error: &dyn DatabaseError) -> bool {
        // `duplicate_table`, and if it was made a moment ago: `duplicate_object`, since a table has a type of its
        // name, or `unique_violation` of the catalog.
        matches!(error.code().as_deref(), Some("42P07" | "42710" | "23505"))
    }

    async fn set_up(_connection: &mut PgConnection) -> Result<(), Error> {
        Ok(())
    }

    async fn create_table(&self, connection: &mut PgConnection) -> Result<(), Error> {
        // All in one transaction, since they are sent together.
        let schema = sqlx::raw_sql(AssertSqlSafe(self.schema_sql()));
        schema.execute(connection).await?;
        Ok(())
    }

    async fn find_table(&self, connection: &mut PgConnection) -> Result<Option<Table>, Fault> {
        opening::find_table(self, connection).await
    }

    async fn check_rights(&self, connection: &mut PgConnection) -> Result<(), Fault> {
        opening::check_rights(self, connection).await
    }

    async fn load(
        &self,
        connection: &mut PgConnection,
        id: &str,
        digest: &str,
    ) -> Result<Option<Row>, Error> {
        let row = sqlx::query(self.load.sql())
            .bind(id)
            .bind(digest)
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
            .bind(row.id)
            .bind(row.digest)
            .bind(row.version.get().cast_signed())
            .bind(row.ttl)
            .bind(row.record)
            .execute(connection)
            .await?;
        Ok(created.rows_affected() == 1)
    }

    async fn swap(
        &self,
        connection: &mut PgConnection,
        change: &Change<'_>,
    ) -> Result<Option<Version>, Error> {
        let Change {
            id,
            old_digest,
            old_version,
            new,
        } = change;
        // All rows, though there is at most one: the change is made for good only after the last one.
        let rows = sqlx::query(self.swap.sql())
            .bind(id)
            .bind(old_digest)
            .bind(old_version.get().cast_signed())
            .bind(new.digest)
            .bind(new.version.get().cast_signed())
            .bind(new.ttl)
            .bind(new.record)
            .fetch_all(connection)
            .await?;
        let Some(row) = rows.first() else {
            return Ok(None);
        };
        // What was found is from when the statement began. If that is the old version and nothing was
        // swapped, others were faster.
        let (found, is_swapped) = (version_of(row.try_get(0)?), row.try_get(1)?);
        Ok(Some(if is_swapped { new.version } else { found }))
    }

    async fn delete(&self, connection: &mut PgConnection, id: &str) -> Result<(), Error> {
        let delete = sqlx::query(self.delete.sql());
        delete.bind(id).execute(connection).await?;
        Ok(())
    }

    async fn delete_expired(
        &self,
        connection: &mut PgConnection,
        limit: u32,
    ) -> Result<u64, Error> {
        let delete = sqlx::query(self.delete_expired.sql());
        let deleted = delete.bind(i64::from(limit)).execute(connection).await?;
        Ok(deleted.rows_affected())
    }
}

/// PostgreSQL has no unsigned integers.
fn version_of(column: i64) -> Version {
    Version::new(column.cast_unsigned())
}
