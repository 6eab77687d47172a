//! The tables, and how a database gets from one version of them to the next.

use sqlx::{Connection as _, Row as _};

use super::{StoreError, StoreErrorKind, connection::Connection, error};

/// The steps that lead from an empty database to today's schema. A step is never changed once it
/// was released: the next version adds one.
const STEPS: &[&str] = &["
    CREATE TABLE sessile_sessions (
        id         TEXT    NOT NULL PRIMARY KEY,
        secret     TEXT    NOT NULL, -- the digest of the session key's secret
        version    INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, -- milliseconds since the Unix epoch
        record     TEXT    NOT NULL
    );
    CREATE INDEX sessile_sessions_expires_at ON sessile_sessions (expires_at);
"];

/// The database was made by a later version of this crate.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database has version {found} of sessile's schema, and this version of sessile knows {known}"
)]
struct NewerSchemaError {
    found: i64,
    known: usize,
}

/// Writes nothing, and fails where nothing can be written. (To begin a transaction for writing does
/// not: SQLite makes it one for reading in a database that is read-only.)
const PROVE_WRITABLE: &str = "DELETE FROM sessile_schema WHERE version < 0";

/// Brings the database to today's schema.
///
/// A database that can't be written to is refused here, rather than noticed by the first user who
/// signs in.
pub(super) async fn migrate(writer: &Connection) -> Result<(), StoreError> {
    let mut writer = writer.acquire().await?;
    let mut transaction = writer
        .begin_with("BEGIN IMMEDIATE")
        .await
        .map_err(error::failed)?;
    sqlx::query("CREATE TABLE IF NOT EXISTS sessile_schema (version INTEGER NOT NULL)")
        .execute(&mut *transaction)
        .await
        .map_err(error::failed)?;
    sqlx::query(PROVE_WRITABLE)
        .execute(&mut *transaction)
        .await
        .map_err(error::failed)?;
    let found: i64 = sqlx::query("SELECT coalesce(max(version), 0) FROM sessile_schema")
        .fetch_one(&mut *transaction)
        .await
        .and_then(|row| row.try_get(0))
        .map_err(error::failed)?;
    let done = usize::try_from(found).unwrap_or(0);
    let Some(steps) = STEPS.get(done..) else {
        let known = STEPS.len();
        return Err(StoreError::new(
            StoreErrorKind::Incompatible,
            NewerSchemaError { found, known },
        ));
    };
    for (step, version) in steps.iter().zip(done + 1..) {
        sqlx::raw_sql(*step)
            .execute(&mut *transaction)
            .await
            .map_err(error::failed)?;
        sqlx::query("INSERT INTO sessile_schema (version) VALUES (?1)")
            .bind(i64::try_from(version).unwrap_or(i64::MAX))
            .execute(&mut *transaction)
            .await
            .map_err(error::failed)?;
    }
    transaction.commit().await.map_err(error::failed)
}
