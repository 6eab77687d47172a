//! The tables in MySQL and MariaDB.

use crate::storage::sql::{Definition, Name, SCHEMA_COMMENT, Schema};

pub(super) const SCHEMA: Schema = Schema {
    longest_name: 64,
    quote: '`',
    sessions: Definition {
        columns: &[
            ("id", "binary(16)"),
            ("version", "bigint unsigned"),
            ("due_at", "bigint"),
            ("expires_at", "bigint"),
            ("subject", "varbinary(16)"),
            ("signed_in_at", "bigint"),
            ("label", "varbinary(255)"),
            ("record", "longtext utf8mb4_bin"),
        ],
        sql: sessions_sql,
    },
    marks: Definition {
        columns: &[
            ("subject", "varbinary(16)"),
            ("at", "bigint"),
            ("exempt", "binary(16)"),
            ("expires_at", "bigint"),
        ],
        sql: marks_sql,
    },
};

fn sessions_sql(table: &Name) -> String {
    let [due_at, subject, label] =
        ["due_at", "subject", "label"].map(|column| table.index_on(column));
    format!(
        "CREATE TABLE {table} (
    id           BINARY(16) NOT NULL PRIMARY KEY,
    version      BIGINT UNSIGNED NOT NULL,
    due_at       BIGINT NOT NULL, -- milliseconds since the Unix epoch, like all times
    expires_at   BIGINT NOT NULL,
    subject      VARBINARY(16) NULL, -- a digest
    signed_in_at BIGINT NULL,
    label        VARBINARY(255) NULL, -- in UTF-8
    record       LONGTEXT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL,
    INDEX {due_at} (due_at),
    INDEX {subject} (subject),
    INDEX {label} (label)
) ENGINE = InnoDB, COMMENT = '{SCHEMA_COMMENT}';
"
    )
}

fn marks_sql(table: &Name) -> String {
    format!(
        "CREATE TABLE {table} (
    subject    VARBINARY(16) NOT NULL PRIMARY KEY, -- a digest; empty for all users
    at         BIGINT NOT NULL, -- milliseconds since the Unix epoch, like all times
    exempt     BINARY(16) NULL, -- the id of a session
    expires_at BIGINT NOT NULL,
    INDEX (expires_at)
) ENGINE = InnoDB, COMMENT = '{SCHEMA_COMMENT}';
"
    )
}
