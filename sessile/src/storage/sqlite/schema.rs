//! The tables, and how a database gets from one version of them to the next.

use sqlx::{Connection as _, Row as _};

use super::{StoreError, StoreErrorKind, connection::Connection, error};

/// The steps that lead from an empty database to today's schema. A step is never changed once it
/// was released: the next version adds one.
pub(super) const STEPS: &[&str] = &[
    "
    CREATE TABLE sessile_sessions (
        id         TEXT    NOT NULL PRIMARY KEY,
        secret     TEXT    NOT NULL, -- the digest of the session key's secret
        version    INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, -- milliseconds since the Unix epoch
        record     TEXT    NOT NULL
    );
    CREATE INDEX sessile_sessions_expires_at ON sessile_sessions (expires_at);
    ",
    // To have one tree to look in, and one page to write for a change. Where a row is due is when
    // cleaning up looks at it; changes that extend its life leave that as it is.
    "
    CREATE TABLE sessile_sessions_by_slot (
        slot       INTEGER NOT NULL PRIMARY KEY, -- of the id: see slot.rs
        id         TEXT    NOT NULL,
        secret     TEXT    NOT NULL, -- the digest of the session key's secret
        version    INTEGER NOT NULL,
        expires_at INTEGER NOT NULL, -- milliseconds since the Unix epoch
        record     TEXT    NOT NULL
    );
    INSERT OR IGNORE INTO sessile_sessions_by_slot
    SELECT (
        WITH RECURSIVE digits (place, slot) AS (
            VALUES (1, 0)
            UNION ALL
            SELECT place + 1, slot * 65 + instr(
                'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_',
                substr(id, place, 1)
            ) FROM digits WHERE place <= 10
        )
        SELECT max(slot) FROM digits
    ) AS slot, id, secret, version, expires_at, record
    FROM sessile_sessions ORDER BY slot;
    DROP TABLE sessile_sessions;
    ALTER TABLE sessile_sessions_by_slot RENAME TO sessile_sessions;

    CREATE TABLE sessile_due (
        due_at INTEGER NOT NULL, -- milliseconds since the Unix epoch
        slot   INTEGER NOT NULL,
        PRIMARY KEY (due_at, slot)
    ) WITHOUT ROWID;
    INSERT INTO sessile_due SELECT expires_at, slot FROM sessile_sessions ORDER BY 1, 2;
    CREATE TRIGGER sessile_sessions_created AFTER INSERT ON sessile_sessions BEGIN
        INSERT OR IGNORE INTO sessile_due VALUES (new.expires_at, new.slot);
    END;
    -- By more than a minute, so that clocks that differ don't add an entry with each change.
    CREATE TRIGGER sessile_sessions_shortened AFTER UPDATE OF expires_at ON sessile_sessions
    WHEN new.expires_at < old.expires_at - 60000 BEGIN
        INSERT OR IGNORE INTO sessile_due VALUES (new.expires_at, new.slot);
    END;
    ",
];

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
