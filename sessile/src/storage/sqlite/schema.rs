//! The tables, and the version of the schema that a database has.

use rusqlite::{Connection, TransactionBehavior};

use super::error::{Failure, Problem};

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
        subject    BLOB    NOT NULL PRIMARY KEY, -- a digest of the subject; empty for every subject
        at         INTEGER NOT NULL,
        exempt     BLOB,                         -- the id of a session that goes on
        expires_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX sessile_marks_expires_at ON sessile_marks (expires_at);
";

/// Changes nothing, but fails in a database that is read-only. `BEGIN IMMEDIATE` doesn't fail there:
/// SQLite makes it a read transaction.
const CHECK_WRITABLE: &str = "DELETE FROM sessile_schema WHERE version < 0";

/// Creates the tables if they are missing, and refuses a database whose schema is newer or that can't be
/// written to.
pub(super) fn prepare(connection: &mut Connection) -> Result<(), Failure> {
    const CREATE: &str = "CREATE TABLE IF NOT EXISTS sessile_schema (version INTEGER NOT NULL)";
    const FIND: &str = "SELECT coalesce(max(version), 0) FROM sessile_schema";
    const INSERT: &str = "INSERT INTO sessile_schema (version) VALUES (?1)";

    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute(CREATE, [])?;
    transaction.execute(CHECK_WRITABLE, [])?;
    let found = transaction.query_one(FIND, [], |row| row.get(0))?;
    if found > VERSION {
        let known = VERSION;
        return Err(Problem::NewerSchema { found, known }.into());
    }
    if found < VERSION {
        transaction.execute_batch(TABLES)?;
        transaction.execute(INSERT, [VERSION])?;
    }
    transaction.commit()?;
    Ok(())
}
