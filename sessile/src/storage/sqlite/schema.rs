//! The tables, and the version of the schema that a database has.

use sqlx::{Connection as _, Row as _};

use super::{StoreError, StoreErrorKind, connection::Connection, error};

/// The version of the schema that [`TABLES`] makes.
const VERSION: i64 = 1;

/// Times are in milliseconds since the Unix epoch.
///
/// A row is found by its slot, the first 8 bytes of its id. SQLite keeps a table in the order of its
/// integer key, so the lookup searches one tree. With the id as the primary key it would search two.
///
/// No index has a column that every update changes. [`super::statements`] and [`super::cleanup`] keep
/// `due_at` as it is while a session's lifetime is only extended.
const TABLES: &str = "
    CREATE TABLE sessile_sessions (
        slot         INTEGER NOT NULL PRIMARY KEY, -- the first 8 bytes of the id
        id           BLOB    NOT NULL,
        version      INTEGER NOT NULL,
        due_at       INTEGER NOT NULL, -- when clean-up looks at the row
        expires_at   INTEGER NOT NULL,
        subject      BLOB,             -- a digest of the subject
        signed_in_at INTEGER,
        label        TEXT,
        record       TEXT    NOT NULL
    );
    CREATE INDEX sessile_sessions_due_at ON sessile_sessions (due_at);
    CREATE INDEX sessile_sessions_subject ON sessile_sessions (subject)
        WHERE subject IS NOT NULL;
    CREATE INDEX sessile_sessions_label ON sessile_sessions (label)
        WHERE label IS NOT NULL;

    -- The sessions of a subject that signed in at or before a time have ended.
    CREATE TABLE sessile_marks (
        subject BLOB    NOT NULL PRIMARY KEY, -- a digest of the subject; empty for every subject
        at      INTEGER NOT NULL,
        exempt  BLOB                          -- the id of a session that goes on
    ) WITHOUT ROWID;
";

/// A later version of this crate made the database.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database has version {found} of sessile's schema, and this version of sessile knows {VERSION}"
)]
struct NewerSchemaError {
    found: i64,
}

/// Changes nothing, but fails in a database that is read-only. `BEGIN IMMEDIATE` doesn't fail there:
/// SQLite makes it a read transaction.
const CHECK_WRITABLE: &str = "DELETE FROM sessile_schema WHERE version < 0";

/// Creates the tables if they are missing, and refuses a database whose schema is newer.
///
/// Also refuses a database that can't be written to: otherwise the first user who signs in would
/// find out.
pub(super) async fn prepare(writer: &Connection) -> Result<(), StoreError> {
    let mut writer = writer.acquire().await?;
    let mut transaction = writer
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(error::failed)?;
    sqlx::query("CREATE TABLE IF NOT EXISTS sessile_schema (version INTEGER NOT NULL)")
        .execute(&mut *transaction)
        .await
        .map_err(error::failed)?;
    sqlx::query(CHECK_WRITABLE)
        .execute(&mut *transaction)
        .await
        .map_err(error::failed)?;
    let found: i64 = sqlx::query("SELECT coalesce(max(version), 0) FROM sessile_schema")
        .fetch_one(&mut *transaction)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(error::failed)?;
    if found > VERSION {
        let newer = NewerSchemaError { found };
        return Err(StoreError::new(StoreErrorKind::Incompatible, newer));
    }
    if found < VERSION {
        sqlx::raw_sql(TABLES)
            .execute(&mut *transaction)
            .await
            .map_err(error::failed)?;
        sqlx::query("INSERT INTO sessile_schema (version) VALUES (?1)")
            .bind(VERSION)
            .execute(&mut *transaction)
            .await
            .map_err(error::failed)?;
    }
    transaction.commit().await.map_err(error::failed)
}
