//! The statements for MySQL and MariaDB.

use std::sync::Arc;

use sqlx::{
    Error, MySqlConnection, Row as _,
    mysql::{MySqlDatabaseError, MySqlRow},
};

use super::{
    SessionId, Version,
    marks::{bind_session, is_live, is_refused},
    query::{NOW, query},
};
use crate::storage::sql::{Marks, Name, NewRow, Row, Written};

/// The statements of a store for MySQL and MariaDB: those that a request executes, and the parts of the others.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) sessions: Name,
    pub(super) marks: Name,
    /// The condition of [`is_live`].
    pub(super) live: String,
    /// The condition of [`is_refused`].
    pub(super) refused: String,
    of_guests: RowStatements,
    of_all: RowStatements,
    delete: Arc<str>,
    /// Binds the id, the subject and the time, and the id and the time a second time.
    pub(super) is_revoked: Arc<str>,
}

/// The statements that load or store one row.
#[derive(Debug)]
struct RowStatements {
    load: Arc<str>,
    create: Arc<str>,
    update: Arc<str>,
}

impl Statements {
    pub(super) fn new(sessions: Name, marks: Name) -> Self {
        let (live, refused) = (is_live(&marks), is_refused(&marks));
        Self {
            of_guests: RowStatements {
                // The record of a guest only.
                load: load(
                    &sessions,
                    &format!("IF(it.subject IS NULL, {RECORD}, NULL)"),
                    &format!("it.expires_at > {NOW}"),
                ),
                create: create(&sessions, "0"),
                update: update(
                    &sessions,
                    &format!("it.expires_at > {NOW} AND it.subject IS NULL"),
                ),
            },
            of_all: RowStatements {
                load: load(&sessions, RECORD, &live),
                // The server refuses a row without a due time.
                create: create(&sessions, &format!("IF({refused}, NULL, 0)")),
                update: update(&sessions, &format!("{live} AND NOT {refused}")),
            },
            delete: format!("DELETE FROM {sessions} WHERE id = ?").into(),
            is_revoked: format!(
                "SELECT EXISTS (SELECT 1 FROM {sessions} AS it WHERE it.id = ? AND it.expires_at > {NOW})
                     OR {refused}"
            )
            .into(),
            sessions,
            marks,
            live,
            refused,
        }
    }

    fn of_row(&self, marks: Marks) -> &RowStatements {
        match marks {
            Marks::Read => &self.of_all,
            Marks::Skip => &self.of_guests,
        }
    }

    /// The live row of this id.
    pub(super) async fn load(
        &self,
        connection: &mut MySqlConnection,
        id: &SessionId,
        marks: Marks,
    ) -> Result<Option<Row>, Error> {
        // Unlike `fetch_optional`, this reads the reply to its end.
        let rows = query(Arc::clone(&self.of_row(marks).load))
            .bind(id.as_bytes().as_slice())
            .fetch_all(connection)
            .await?;
        rows.first().map(found).transpose()
    }

    /// Inserts a row unless there is a live row of its id, or replaces the one that has the expected version.
    pub(super) async fn store(
        &self,
        connection: &mut MySqlConnection,
        row: &NewRow<'_>,
        marks: Marks,
    ) -> Result<Written, Error> {
        match row.expected {
            None => self.create(connection, row, marks).await,
            Some(expected) => self.update(connection, expected, row, marks).await,
        }
    }

    async fn create(
        &self,
        connection: &mut MySqlConnection,
        row: &NewRow<'_>,
        marks: Marks,
    ) -> Result<Written, Error> {
        let statement = &self.of_row(marks).create;
        let written = Self::insert(connection, statement, row, marks).await?;
        if !matches!(written, Written::NotStored(_)) {
            return Ok(written);
        }
        // Ids are random, so only a test gets here.
        if marks == Marks::Read && self.is_refused(&mut *connection, row).await? {
            return Ok(Written::SubjectEnded);
        }
        let sessions = &self.sessions;
        let delete = query(format!(
            "DELETE FROM {sessions} WHERE id = ? AND expires_at <= {NOW}"
        ));
        let delete = delete.bind(row.id.as_bytes().as_slice());
        match delete.execute(&mut *connection).await?.rows_affected() {
            0 => Ok(written),
            _ => Self::insert(connection, statement, row, marks).await,
        }
    }

    async fn insert(
        connection: &mut MySqlConnection,
        statement: &Arc<str>,
        row: &NewRow<'_>,
        marks: Marks,
    ) -> Result<Written, Error> {
        /// `ER_BAD_NULL_ERROR`
        const IS_NULL: u16 = 1048;
        let mut insert = query(Arc::clone(statement))
            .bind(row.id.as_bytes().as_slice())
            .bind(row.version.get())
            .bind(row.ttl);
        if marks == Marks::Read {
            insert = bind_session(insert, row);
        }
        let inserted = insert
            .bind(row.ttl)
            .bind(row.subject())
            .bind(row.signed_in_at)
            .bind(row.label.map(str::as_bytes))
            .bind(row.record.as_bytes())
            .execute(connection)
            .await;
        match inserted {
            Ok(_) => Ok(Written::STORED),
            Err(Error::Database(error)) if error.is_unique_violation() => {
                Ok(Written::NotStored(None))
            }
            Err(Error::Database(error))
                if marks == Marks::Read
                    && (error.try_downcast_ref::<MySqlDatabaseError>())
                        .is_some_and(|error| error.number() == IS_NULL) =>
            {
                Ok(Written::SubjectEnded)
            }
            Err(error) => Err(error),
        }
    }

    async fn update(
        &self,
        connection: &mut MySqlConnection,
        expected: Version,
        row: &NewRow<'_>,
        marks: Marks,
    ) -> Result<Written, Error> {
        let expected = expected.get();
        let mut update = query(Arc::clone(&self.of_row(marks).update))
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
            .bind(row.id.as_bytes().as_slice());
        if marks == Marks::Read {
            update = bind_session(update, row);
        }
        let updated = update.execute(&mut *connection).await?;
        // Counts the rows that were found, changed or not.
        let version = Version::new(updated.last_insert_id());
        Ok(match updated.rows_affected() {
            0 if marks == Marks::Read && self.is_refused(connection, row).await? => {
                Written::SubjectEnded
            }
            0 => Written::NotStored(None),
            _ if version == row.version => Written::STORED,
            _ => Written::NotStored(Some(version)),
        })
    }

    /// Whether a mark has ended the session of `row`.
    async fn is_refused(
        &self,
        connection: &mut MySqlConnection,
        row: &NewRow<'_>,
    ) -> Result<bool, Error> {
        let is_refused = query(format!("SELECT {}", self.refused));
        let rows = bind_session(is_refused, row).fetch_all(connection).await?;
        rows.first().map_or(Ok(false), |row| row.try_get(0))
    }

    pub(super) async fn delete(
        &self,
        connection: &mut MySqlConnection,
        id: &SessionId,
    ) -> Result<(), Error> {
        let delete = query(Arc::clone(&self.delete)).bind(id.as_bytes().as_slice());
        delete.execute(connection).await?;
        Ok(())
    }
}

/// As bytes, so that the connection's character set has no effect.
const RECORD: &str = "CAST(it.record AS BINARY)";

fn load(sessions: &Name, record: &str, condition: &str) -> Arc<str> {
    let statement = format!(
        "SELECT it.version, {record} FROM {sessions} AS it WHERE it.id = ? AND {condition}"
    );
    statement.into()
}

/// The row that a load found.
fn found(row: &MySqlRow) -> Result<Row, Error> {
    let record: Option<Vec<u8>> = row.try_get(1)?;
    Ok(Row {
        version: Version::new(row.try_get(0)?),
        is_unchecked: record.is_none(),
        record: record.unwrap_or_default(),
    })
}

/// Inserts a row, whose due time is `delay` later.
fn create(sessions: &Name, delay: &str) -> Arc<str> {
    let statement = format!(
        "INSERT INTO {sessions}
             (id, version, due_at, expires_at, subject, signed_in_at, label, record)
         VALUES (?, ?, {NOW} + ? + {delay}, {NOW} + ?, ?, ?, ?, ?)"
    );
    statement.into()
}

/// Finds the row at any version, changes it only at the expected one, and returns the version that it has
/// afterwards. Each assignment sees those before it, so the due time comes before the end, and the version comes last.
fn update(sessions: &Name, condition: &str) -> Arc<str> {
    let statement = format!(
        "UPDATE {sessions} AS it SET
             due_at       = IF(version = ? AND {NOW} + ? < due_at - 60000, {NOW} + ?, due_at),
             expires_at   = IF(version = ?, {NOW} + ?, expires_at),
             subject      = IF(version = ?, ?, subject),
             signed_in_at = IF(version = ?, ?, signed_in_at),
             label        = IF(version = ?, ?, label),
             record       = IF(version = ?, ?, record),
             version      = LAST_INSERT_ID(IF(version = ?, ?, version))
         WHERE it.id = ? AND {condition}"
    );
    statement.into()
}
