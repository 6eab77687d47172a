//! The statements in the words of MySQL and MariaDB.

use sqlx::{
    AssertSqlSafe, Error, MySqlConnection, Row as _, error::DatabaseError,
    mysql::MySqlDatabaseError,
};

use super::{StoreError, Version, error, opening};
use crate::storage::sql::{
    Change, Column, Dialect, Fault, Meaning, Name, NewRow, Row, SCHEMA_COMMENT, Statement, Table,
    quoted,
};

pub(super) const DEFAULT_TABLE: &str = "sessile_sessions";

const LONGEST_NAME: usize = 64;

/// The server's clock in milliseconds since the Unix epoch, whatever time zone is set; the same
/// throughout a statement.
const NOW: &str = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)";

/// How many rows a statement deletes by their ids.
const DELETED_AT_ONCE: u32 = 500;

/// How a store speaks to MySQL and MariaDB.
#[derive(Debug)]
pub(in crate::storage) struct MySql {
    pub(super) table: Name,
    load: Statement,
    create: Statement,
    swap: Statement,
    delete: Statement,
    find_expired: Statement,
}

impl MySql {
    pub(super) fn new(schema: Option<String>, table: String) -> Result<Self, StoreError> {
        Ok(Self::of(Name::new(schema, table, LONGEST_NAME, '`')?))
    }

    fn of(table: Name) -> Self {
        Self {
            // As bytes: then no character set of the connection comes in between.
            load: Statement::new(&format!(
                "SELECT version, CAST(record AS BINARY) FROM {table}
                 WHERE id = ? AND secret = ? AND expires_at > {NOW}"
            )),
            create: Statement::new(&format!(
                "INSERT INTO {table} (id, secret, version, expires_at, record)
                 VALUES (?, ?, ?, {NOW} + ?, ?)"
            )),
            // One statement for all three answers: it finds the row whatever its version, changes it
            // if the version is right, and tells the version it left there. What is assigned first
            // counts for what comes after it, so the version comes last. A row that opens to the
            // new digest is what the same statement left when it was sent before.
            swap: Statement::new(&format!(
                "UPDATE {table} SET
                     secret     = IF(version = ?, ?, secret),
                     expires_at = IF(version = ?, {NOW} + ?, expires_at),
                     record     = IF(version = ?, ?, record),
                     version    = LAST_INSERT_ID(IF(version = ?, ?, version))
                 WHERE id = ? AND secret IN (?, ?) AND expires_at > {NOW}"
            )),
            delete: Statement::new(&format!("DELETE FROM {table} WHERE id = ?")),
            find_expired: Statement::new(&format!(
                "SELECT id FROM {table} WHERE expires_at <= {NOW} ORDER BY expires_at LIMIT ?"
            )),
            table,
        }
    }

    /// Deletes rows by their ids, if their time is still over.
    ///
    /// To find them in the same statement would lock what lies between them, so that new sessions
    /// would have to wait.
    async fn delete_found(
        &self,
        connection: &mut MySqlConnection,
        ids: &[String],
    ) -> Result<u64, Error> {
        let places = vec!["?"; ids.len()].join(", ");
        let statement = format!(
            "DELETE FROM {} WHERE id IN ({places}) AND expires_at <= {NOW}",
            self.table
        );
        // Only that of a full batch comes again and again.
        let is_full = ids.len() == DELETED_AT_ONCE as usize;
        let mut delete = sqlx::query(AssertSqlSafe(statement)).persistent(is_full);
        for id in ids {
            delete = delete.bind(id);
        }
        Ok(delete.execute(connection).await?.rows_affected())
    }
}

impl Default for MySql {
    fn default() -> Self {
        Self::of(Name::fixed(DEFAULT_TABLE, '`'))
    }
}

impl Dialect for MySql {
    type Database = sqlx::MySql;

    const SCHEMES: &'static [&'static str] = &["mysql", "mariadb"];

    const COLUMNS: [Column<'static>; 5] = [
        Column::new("id", "char(22) ascii_bin"),
        Column::new("secret", "char(43) ascii_bin"),
        Column::new("version", "bigint unsigned"),
        Column::new("expires_at", "bigint"),
        Column::new("record", "longtext utf8mb4_bin"),
    ];

    fn table(&self) -> &Name {
        &self.table
    }

    fn schema_sql(&self) -> String {
        let table = &self.table;
        let index = quoted(&table.with_suffix("_expires_at", LONGEST_NAME), '`');
        format!(
            "CREATE TABLE {table} (
    id         CHAR(22) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY,
    secret     CHAR(43) CHARACTER SET ascii COLLATE ascii_bin NOT NULL, -- the digest of the session key's secret
    version    BIGINT UNSIGNED NOT NULL,
    expires_at BIGINT NOT NULL, -- milliseconds since the Unix epoch
    record     LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    INDEX {index} (expires_at)
) ENGINE = InnoDB, COMMENT = '{SCHEMA_COMMENT}';
"
        )
    }

    fn meaning(error: &dyn DatabaseError) -> Meaning {
        error::meaning(number(error), &error.code().unwrap_or_default())
    }

    fn exists_already(error: &dyn DatabaseError) -> bool {
        number(error) == error::TABLE_EXISTS
    }

    /// Every statement is for good by itself, whatever the server's default is. And none waits for
    /// another's lock for longer than anybody waits for it: a server goes on waiting when its client
    /// has gone, by default for most of a minute or a day, with a connection for each.
    async fn set_up(connection: &mut MySqlConnection) -> Result<(), Error> {
        const SET: &str =
            "SET SESSION autocommit = 1, innodb_lock_wait_timeout = 2, lock_wait_timeout = 2";
        sqlx::raw_sql(SET).execute(connection).await?;
        Ok(())
    }

    async fn create_table(&self, connection: &mut MySqlConnection) -> Result<(), Error> {
        let schema = sqlx::raw_sql(AssertSqlSafe(self.schema_sql()));
        schema.execute(connection).await?;
        Ok(())
    }

    async fn find_table(&self, connection: &mut MySqlConnection) -> Result<Option<Table>, Fault> {
        opening::find_table(self, connection).await
    }

    async fn check_rights(&self, connection: &mut MySqlConnection) -> Result<(), Fault> {
        opening::check_rights(self, connection).await
    }

    async fn load(
        &self,
        connection: &mut MySqlConnection,
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
            version: Version::new(row.try_get(0)?),
            record: row.try_get(1)?,
        }))
    }

    async fn create(
        &self,
        connection: &mut MySqlConnection,
        row: &NewRow<'_>,
    ) -> Result<bool, Error> {
        let created = sqlx::query(self.create.sql())
            .bind(row.id)
            .bind(row.digest)
            .bind(row.version.get())
            .bind(row.ttl)
            .bind(row.record.as_bytes())
            .execute(connection)
            .await;
        match created {
            Ok(_) => Ok(true),
            Err(Error::Database(error)) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn swap(
        &self,
        connection: &mut MySqlConnection,
        change: &Change<'_>,
    ) -> Result<Option<Version>, Error> {
        let Change {
            id,
            old_digest,
            old_version,
            new,
        } = change;
        let old_version = old_version.get();
        let swapped = sqlx::query(self.swap.sql())
            .bind(old_version)
            .bind(new.digest)
            .bind(old_version)
            .bind(new.ttl)
            .bind(old_version)
            .bind(new.record.as_bytes())
            .bind(old_version)
            .bind(new.version.get())
            .bind(id)
            .bind(old_digest)
            .bind(new.digest)
            .execute(connection)
            .await?;
        // The rows that were found, changed or not.
        Ok(match swapped.rows_affected() {
            0 => None,
            _ => Some(Version::new(swapped.last_insert_id())),
        })
    }

    async fn delete(&self, connection: &mut MySqlConnection, id: &str) -> Result<(), Error> {
        let delete = sqlx::query(self.delete.sql());
        delete.bind(id).execute(connection).await?;
        Ok(())
    }

    async fn delete_expired(
        &self,
        connection: &mut MySqlConnection,
        limit: u32,
    ) -> Result<u64, Error> {
        let mut deleted = 0;
        let mut left = limit;
        while left > 0 {
            let batch = left.min(DELETED_AT_ONCE);
            let rows = sqlx::query(self.find_expired.sql())
                .bind(batch)
                .fetch_all(&mut *connection)
                .await?;
            let ids = rows.iter().map(|row| row.try_get(0));
            let ids = ids.collect::<Result<Vec<String>, _>>()?;
            if ids.is_empty() {
                break;
            }
            deleted += self.delete_found(connection, &ids).await?;
            if rows.len() < batch as usize {
                break;
            }
            left -= batch;
        }
        Ok(deleted)
    }
}

pub(super) fn number(error: &dyn DatabaseError) -> u16 {
    let error = error.try_downcast_ref::<MySqlDatabaseError>();
    error.map_or(0, MySqlDatabaseError::number)
}
