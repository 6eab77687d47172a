//! The statements for MySQL and MariaDB.

use sqlx::{
    AssertSqlSafe, Error, MySqlConnection, Row as _, error::DatabaseError,
    mysql::MySqlDatabaseError,
};

use super::{SessionId, StoreError, Version, error, opening, schema};
use crate::storage::sql::{
    self, Cleaned, Dialect, Fault, FoundTable, Meaning, Name, NewRow, Row, Statement, Table,
};

pub(super) const DEFAULT_TABLE: &str = "sessile_sessions";

const LONGEST_NAME: usize = 64;

/// The server's clock in milliseconds since the Unix epoch, in any time zone, constant throughout a
/// statement.
const NOW: &str = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)";

/// How many rows a clean-up processes with one statement.
const CLEANED_AT_ONCE: u32 = 500;

/// The statements of a store for MySQL and MariaDB.
#[derive(Debug)]
pub(in crate::storage) struct MySql {
    table: Name,
    load: Statement,
    create: Statement,
    update: Statement,
    delete: Statement,
    delete_if_expired: Statement,
    find_due: Statement,
}

impl MySql {
    pub(super) fn new(database: Option<String>, table: String) -> Result<Self, StoreError> {
        Ok(Self::of(Name::new(database, table, LONGEST_NAME, '`')?))
    }

    fn of(table: Name) -> Self {
        Self {
            // As bytes, so that the connection's character set has no effect.
            load: Statement::new(&format!(
                "SELECT version, CAST(record AS BINARY) FROM {table}
                 WHERE id = ? AND expires_at > {NOW}"
            )),
            create: Statement::new(&format!(
                "INSERT INTO {table}
                     (id, version, due_at, expires_at, subject, signed_in_at, label, record)
                 VALUES (?, ?, {NOW} + ?, {NOW} + ?, ?, ?, ?, ?)"
            )),
            // Finds the row at any version, changes it only at the expected one, and returns the
            // version that it has afterwards. Each assignment sees those before it, so the due time
            // comes before the end, and the version comes last.
            update: Statement::new(&format!(
                "UPDATE {table} SET
                     due_at       = IF(version = ? AND {NOW} + ? < due_at - 60000, {NOW} + ?, due_at),
                     expires_at   = IF(version = ?, {NOW} + ?, expires_at),
                     subject      = IF(version = ?, ?, subject),
                     signed_in_at = IF(version = ?, ?, signed_in_at),
                     label        = IF(version = ?, ?, label),
                     record       = IF(version = ?, ?, record),
                     version      = LAST_INSERT_ID(IF(version = ?, ?, version))
                 WHERE id = ? AND expires_at > {NOW}"
            )),
            delete: Statement::new(&format!("DELETE FROM {table} WHERE id = ?")),
            delete_if_expired: Statement::new(&format!(
                "DELETE FROM {table} WHERE id = ? AND expires_at <= {NOW}"
            )),
            find_due: Statement::new(&format!(
                "SELECT id, expires_at <= {NOW} FROM {table}
                 WHERE due_at <= {NOW} ORDER BY due_at LIMIT ?"
            )),
            table,
        }
    }

    async fn insert(
        connection: &mut MySqlConnection,
        statement: &Statement,
        row: &NewRow<'_>,
    ) -> Result<bool, Error> {
        let inserted = sqlx::query(statement.sql())
            .bind(row.id.as_bytes().as_slice())
            .bind(row.version.get())
            .bind(row.ttl)
            .bind(row.ttl)
            .bind(row.subject())
            .bind(row.signed_in_at)
            .bind(row.label.map(str::as_bytes))
            .bind(row.record.as_bytes())
            .execute(connection)
            .await;
        match inserted {
            Ok(_) => Ok(true),
            Err(Error::Database(error)) if error.is_unique_violation() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Runs `statement` for the rows of these ids, at most [`CLEANED_AT_ONCE`], which stand where the
    /// statement has `{ids}`.
    ///
    /// To find the rows in the same statement would lock the gaps between them, so that new sessions
    /// would have to wait.
    async fn change_found(
        connection: &mut MySqlConnection,
        statement: impl FnOnce(&str) -> String,
        ids: &[Vec<u8>],
    ) -> Result<u64, Error> {
        if ids.is_empty() {
            return Ok(0);
        }
        let statement = statement(&vec!["?"; ids.len()].join(", "));
        // Only the statement of a full batch recurs.
        let is_full = ids.len() == CLEANED_AT_ONCE as usize;
        let mut query = sqlx::query(AssertSqlSafe(statement)).persistent(is_full);
        for id in ids {
            query = query.bind(id);
        }
        Ok(query.execute(connection).await?.rows_affected())
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

    fn tables(&self) -> [Table; 2] {
        sql::tables(&self.table, &schema::SESSIONS, &schema::MARKS)
    }

    fn meaning(error: &dyn DatabaseError) -> Meaning {
        error::meaning(number(error), &error.code().unwrap_or_default())
    }

    fn exists_already(error: &dyn DatabaseError) -> bool {
        number(error) == error::TABLE_EXISTS
    }

    /// Every statement is its own transaction, whatever the server's default is.
    ///
    /// The server does not notice that its client has given up, and keeps the connection until the
    /// statement ends. By default it waits for locks for most of a minute, or for a day.
    async fn set_up(connection: &mut MySqlConnection) -> Result<(), Error> {
        const SET: &str =
            "SET SESSION autocommit = 1, innodb_lock_wait_timeout = 2, lock_wait_timeout = 2";
        sqlx::raw_sql(SET).execute(connection).await?;
        Ok(())
    }

    async fn check_database(connection: &mut MySqlConnection) -> Result<(), Fault> {
        opening::check_database(connection).await
    }

    async fn create_table(connection: &mut MySqlConnection, table: &Table) -> Result<(), Error> {
        let schema = sqlx::raw_sql(AssertSqlSafe(table.sql.clone()));
        schema.execute(connection).await?;
        Ok(())
    }

    async fn find_table(
        connection: &mut MySqlConnection,
        table: &Table,
    ) -> Result<Option<FoundTable>, Fault> {
        opening::find_table(connection, table).await
    }

    async fn check_rights(connection: &mut MySqlConnection, table: &Table) -> Result<(), Fault> {
        opening::check_rights(connection, table).await
    }

    async fn load(
        &self,
        connection: &mut MySqlConnection,
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
            version: Version::new(row.try_get(0)?),
            record: row.try_get(1)?,
        }))
    }

    async fn create(
        &self,
        connection: &mut MySqlConnection,
        row: &NewRow<'_>,
    ) -> Result<bool, Error> {
        if Self::insert(connection, &self.create, row).await? {
            return Ok(true);
        }
        // Ids are random, so only a test gets here.
        let deleted = sqlx::query(self.delete_if_expired.sql())
            .bind(row.id.as_bytes().as_slice())
            .execute(&mut *connection)
            .await?;
        match deleted.rows_affected() {
            0 => Ok(false),
            _ => Self::insert(connection, &self.create, row).await,
        }
    }

    async fn update(
        &self,
        connection: &mut MySqlConnection,
        expected: Version,
        row: &NewRow<'_>,
    ) -> Result<Option<Version>, Error> {
        let expected = expected.get();
        let updated = sqlx::query(self.update.sql())
            .bind(expected)
            .bind(row.ttl)
            .bind(row.ttl)
            .bind(expected)
            .bind(row.ttl)
            .bind(expected)
            .bind(row.subject())
            .bind(expected)
            .bind(row.signed_in_at)
            .bind(expected)
            .bind(row.label.map(str::as_bytes))
            .bind(expected)
            .bind(row.record.as_bytes())
            .bind(expected)
            .bind(row.version.get())
            .bind(row.id.as_bytes().as_slice())
            .execute(connection)
            .await?;
        // Counts the rows that were found, changed or not.
        Ok(match updated.rows_affected() {
            0 => None,
            _ => Some(Version::new(updated.last_insert_id())),
        })
    }

    async fn delete(&self, connection: &mut MySqlConnection, id: &SessionId) -> Result<(), Error> {
        let delete = sqlx::query(self.delete.sql());
        let delete = delete.bind(id.as_bytes().as_slice());
        delete.execute(connection).await?;
        Ok(())
    }

    async fn clean_up(
        &self,
        connection: &mut MySqlConnection,
        limit: u32,
    ) -> Result<Cleaned, Error> {
        let table = &self.table;
        let mut cleaned = Cleaned::default();
        let mut left = limit;
        while left > 0 {
            let batch = left.min(CLEANED_AT_ONCE);
            let due = sqlx::query(self.find_due.sql())
                .bind(batch)
                .fetch_all(&mut *connection)
                .await?;
            let (mut expired, mut extended) = (Vec::new(), Vec::new());
            for row in &due {
                let ids = match row.try_get(1)? {
                    true => &mut expired,
                    false => &mut extended,
                };
                ids.push(row.try_get(0)?);
            }
            let delete = |ids: &str| {
                format!("DELETE FROM {table} WHERE id IN ({ids}) AND expires_at <= {NOW}")
            };
            cleaned.deleted += Self::change_found(connection, delete, &expired).await?;
            let postpone =
                |ids: &str| format!("UPDATE {table} SET due_at = expires_at WHERE id IN ({ids})");
            Self::change_found(connection, postpone, &extended).await?;
            cleaned.due += due.len() as u64;
            if due.len() < batch as usize {
                break;
            }
            left -= batch;
        }
        Ok(cleaned)
    }
}

pub(super) fn number(error: &dyn DatabaseError) -> u16 {
    let error = error.try_downcast_ref::<MySqlDatabaseError>();
    error.map_or(0, MySqlDatabaseError::number)
}
