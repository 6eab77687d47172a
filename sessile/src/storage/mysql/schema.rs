//! The tables in MySQL and MariaDB.

use crate::storage::sql::{Column, Definition, Name, SCHEMA_COMMENT};

pub(super) const SESSIONS: Definition = Definition {
    columns: SESSION_COLUMNS,
    sql: sessions_sql,
};

pub(super) const MARKS: Definition = Definition {
    columns: MARK_COLUMNS,
    sql: marks_sql,
};

const SESSION_COLUMNS: &[Column] = &[
    Column::new("id", "binary(16)"),
    Column::new("version", "bigint unsigned"),
    Column::new("due_at", "bigint"),
    Column::new("expires_at", "bigint"),
    Column::new("subject", "varbinary(16)"),
    Column::new("signed_in_at", "bigint"),
    Column::new("label", "varbinary(255)"),
    Column::new("record", "longtext utf8mb4_bin"),
];

const MARK_COLUMNS: &[Column] = &[
    Column::new("subject", "varbinary(16)"),
    Column::new("at", "bigint"),
    Column::new("exempt", "binary(16)"),
    Column::new("expires_at", "bigint"),
];

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
