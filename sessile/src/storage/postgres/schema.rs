//! The tables in PostgreSQL.

use crate::storage::sql::{Definition, Name, SCHEMA_COMMENT, Schema};

pub(super) const SCHEMA: Schema = Schema {
    // PostgreSQL cuts longer names without an error.
    longest_name: 63,
    quote: '"',
    sessions: Definition {
        columns: &[
            ("id", "bytea"),
            ("version", "bigint"),
            ("due_at", "bigint"),
            ("expires_at", "bigint"),
            ("subject", "bytea"),
            ("signed_in_at", "bigint"),
            ("label", "bytea"),
            ("record", "text"),
        ],
        sql: sessions_sql,
    },
    marks: Definition {
        columns: &[
            ("subject", "bytea"),
            ("at", "bigint"),
            ("exempt", "bytea"),
            ("expires_at", "bigint"),
        ],
        sql: marks_sql,
    },
};

/// How full inserts make a page of sessions, in percent. HOT updates need free space: of 100,000 random
/// updates of 20,000 sessions, at least 99.9 % are HOT at 90, and 96.5 % at 100. Both take the same disk
/// space.
const FILLFACTOR: u32 = 90;

fn sessions_sql(table: &Name) -> String {
    let [due_at, subject, label] =
        ["due_at", "subject", "label"].map(|column| table.index_on(column));
    format!(
        "CREATE TABLE {table} (
    id           bytea  NOT NULL PRIMARY KEY,
    version      bigint NOT NULL,
    due_at       bigint NOT NULL, -- milliseconds since the Unix epoch, like all times
    expires_at   bigint NOT NULL,
    subject      bytea, -- a digest
    signed_in_at bigint,
    label        bytea, -- in UTF-8
    record       text   NOT NULL
) WITH (fillfactor = {FILLFACTOR});
CREATE INDEX {due_at} ON {table} (due_at);
CREATE INDEX {subject} ON {table} (subject) WHERE subject IS NOT NULL;
CREATE INDEX {label} ON {table} (label) WHERE label IS NOT NULL;
COMMENT ON TABLE {table} IS '{SCHEMA_COMMENT}';
"
    )
}

fn marks_sql(table: &Name) -> String {
    format!(
        "CREATE TABLE {table} (
    subject    bytea  NOT NULL PRIMARY KEY, -- a digest; empty for all users
    at         bigint NOT NULL, -- milliseconds since the Unix epoch, like all times
    exempt     bytea, -- the id of a session
    expires_at bigint NOT NULL
);
CREATE INDEX ON {table} (expires_at);
COMMENT ON TABLE {table} IS '{SCHEMA_COMMENT}';
"
    )
}
