//! The statements for MySQL and MariaDB.

use std::sync::Arc;

use sqlx::{
    AssertSqlSafe, Error, MySql, MySqlConnection, Row as _, mysql::MySqlArguments, query::Query,
};

use super::{SessionId, Version};
use crate::storage::sql::{Cleaned, Name, NewRow, Row};

/// The server's clock in milliseconds since the Unix epoch, in any time zone, constant throughout a
/// statement.
const NOW: &str = "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000)";

/// How many rows a clean-up processes with one statement.
const CLEANED_AT_ONCE: u32 = 500;

/// The statements of a store for MySQL and MariaDB.
#[derive(Debug)]
pub(super) struct Statements {
    table: Name,
    load: Arc<str>,
    create: Arc<str>,
    update: Arc<str>,
    delete: Arc<str>,
    delete_if_expired: Arc<str>,
    find_due: Arc<str>,
}

/// A query of this text, whose only variable part is the table's name, which has been checked.
fn query(text: &Arc<str>) -> Query<'_, MySql, MySqlArguments> {
    sqlx::query(AssertSqlSafe(Arc::clone(text)))
}

impl Statements {
    pub(super) fn new(table: Name) -> Self {
        Self {
            // As bytes, so that the connection's character set has no effect.
            load: format!(
                "SELECT version, CAST(record AS BINARY) FROM {table}
                 WHERE id = ? AND expires_at > {NOW}"
            )
            .into(),
            create: format!(
                "INSERT INTO {table}
                     (id, version, due_at, expires_at, subject, signed_in_at, label, record)
                 VALUES (?, ?, {NOW} + ?, {NOW} + ?, ?, ?, ?, ?)"
            )
            .into(),
            // Finds the row at any version, changes it only at the expected one, and returns the
            // version that it has afterwards. Each assignment sees those before it, so the due time
            // comes before the end, and the version comes last.
            update: format!(
                "UPDATE {table} SET
                     due_at       = IF(version = ? AND {NOW} + ? < due_at - 60000, {NOW} + ?, due_at),
                     expires_at   = IF(version = ?, {NOW} + ?, expires_at),
                     subject      = IF(version = ?, ?, subject),
                     signed_in_at = IF(version = ?, ?, signed_in_at),
                     label        = IF(version = ?, ?, label),
                     record       = IF(version = ?, ?, record),
                     version      = LAST_INSERT_ID(IF(version = ?, ?, version))
                 WHERE id = ? AND expires_at > {NOW}"
            )
            .into(),
            delete: format!("DELETE FROM {table} WHERE id = ?").into(),
            delete_if_expired: format!(
                "DELETE FROM {table} WHERE id = ? AND expires_at <= {NOW}"
            )
            .into(),
            find_due: format!(
                "SELECT id, expires_at <= {NOW} FROM {table}
                 WHERE due_at <= {NOW} ORDER BY due_at LIMIT ?"
            )
            .into(),
            table,
        }
    }

    /// The live row of this id.
    pub(super) async fn load(
        &self,
        connection: &mut MySqlConnection,
        id: &SessionId,
    ) -> Result<Option<Row>, Error> {
        // Unlike `fetch_optional`, this reads the reply to its end.
        let rows = query(&self.load)
            .bind(id.as_bytes().as_slice())
            .fetch_all(connection)
            .await?;
        let row = rows.first().map(|row| {
            Ok(Row {
                version: Version::new(row.try_get(0)?),
                record: row.try_get(1)?,
            })
        });
        row.transpose()
    }

    /// Inserts a row unless there is a live row of its id.
    pub(super) async fn create(
        &self,
        connection: &mut MySqlConnection,
        row: &NewRow<'_>,
    ) -> Result<bool, Error> {
        if Self::insert(connection, &self.create, row).await? {
            return Ok(true);
        }
        // Ids are random, so only a test gets here.
        let deleted = query(&self.delete_if_expired)
            .bind(row.id.as_bytes().as_slice())
            .execute(&mut *connection)
            .await?;
        match deleted.rows_affected() {
            0 => Ok(false),
            _ => Self::insert(connection, &self.create, row).await,
        }
    }

    /// The version that the row has after the update.
    pub(super) async fn update(
        &self,
        connection: &mut MySqlConnection,
        expected: Version,
        row: &NewRow<'_>,
    ) -> Result<Option<Version>, Error> {
        let expected = expected.get();
        let updated = query(&self.update)
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

    pub(super) async fn delete(
        &self,
        connection: &mut MySqlConnection,
        id: &SessionId,
    ) -> Result<(), Error> {
        let delete = query(&self.delete).bind(id.as_bytes().as_slice());
        delete.execute(connection).await?;
        Ok(())
    }

    pub(super) async fn clean_up(
        &self,
        connection: &mut MySqlConnection,
        limit: u32,
    ) -> Result<Cleaned, Error> {
        let table = &self.table;
        let mut cleaned = Cleaned::default();
        let mut left = limit;
        while left > 0 {
            let batch = left.min(CLEANED_AT_ONCE);
            let due = query(&self.find_due)
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

    async fn insert(
        connection: &mut MySqlConnection,
        statement: &Arc<str>,
        row: &NewRow<'_>,
    ) -> Result<bool, Error> {
        let inserted = query(statement)
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
