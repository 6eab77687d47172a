//! The statements for PostgreSQL.

use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use tokio_postgres::types::Type;

use super::{SessionId, Version, parameter::Parameter};
use crate::storage::sql::{Name, NewRow};

/// The server's clock in milliseconds since the Unix epoch, constant throughout a statement.
const NOW: &str = "floor(extract(epoch FROM statement_timestamp()) * 1000)::bigint";

/// Where the text of a statement has its proof.
const PROOF: &str = "{proof}";

/// The statements of a store.
#[derive(Debug)]
pub(super) struct Statements {
    pub(super) load: Statement,
    pub(super) create: Statement,
    pub(super) update: Statement,
    pub(super) delete: Statement,
    pub(super) clean_up: Statement,
}

/// What a connection is for. Statements with one purpose share a connection and queue behind each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Read,
    Write,
    /// Opening the store and clean-up, whose statements may take long.
    Maintain,
}

/// A statement that is composed once for a table.
///
/// Its result is one row of four columns: its proof, two numbers, and a text. Casts keep their types if a column
/// of the table gets another type: a prepared statement can't change the type of its result.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) purpose: Purpose,
    pub(super) text: Arc<str>,
    pub(super) types: &'static [Type],
    /// A digest of the text, which the result begins with. Behind a pooler, the prepared statement of this
    /// connection's name may be another client's.
    pub(super) proof: i64,
}

impl Statement {
    fn new(purpose: Purpose, types: &'static [Type], text: &str) -> Self {
        let digest = Sha256::digest(text);
        let proof = i64::from_be_bytes(std::array::from_fn(|index| digest[index]));
        Self {
            purpose,
            text: text.replace(PROOF, &format!("'{proof}'::bigint")).into(),
            types,
            proof,
        }
    }
}

impl Statements {
    pub(super) fn new(table: &Name) -> Self {
        Self {
            load: Statement::new(
                Purpose::Read,
                &[Type::BYTEA],
                &format!(
                    "SELECT {PROOF}, it.version::bigint, NULL::bigint, it.record::text
                     FROM (SELECT) AS one LEFT JOIN {table} AS it ON it.id = $1 AND it.expires_at > {NOW}"
                ),
            ),
            // A row that has expired is replaced.
            create: Statement::new(
                Purpose::Write,
                &[
                    Type::BYTEA,
                    Type::INT8,
                    Type::INT8,
                    Type::BYTEA,
                    Type::INT8,
                    Type::TEXT,
                    Type::TEXT,
                ],
                &format!(
                    "WITH created AS (
                         INSERT INTO {table} AS found
                             (id, version, due_at, expires_at, subject, signed_in_at, label, record)
                         VALUES ($1, $2, {NOW} + $3, {NOW} + $3, $4, $5, $6, $7)
                         ON CONFLICT (id) DO UPDATE SET
                             version = excluded.version, due_at = excluded.due_at,
                             expires_at = excluded.expires_at, subject = excluded.subject,
                             signed_in_at = excluded.signed_in_at, label = excluded.label,
                             record = excluded.record
                         WHERE found.expires_at <= {NOW}
                         RETURNING 1
                     )
                     SELECT {PROOF}, (SELECT count(*) FROM created), NULL::bigint, NULL::text"
                ),
            ),
            // `found` is the row as it was when the statement began. `due_at` stays as it is, so that
            // no index changes and the update can be HOT; only a life that ends more than a minute
            // earlier moves it.
            update: Statement::new(
                Purpose::Write,
                &[
                    Type::BYTEA,
                    Type::INT8,
                    Type::INT8,
                    Type::INT8,
                    Type::BYTEA,
                    Type::INT8,
                    Type::TEXT,
                    Type::TEXT,
                ],
                &format!(
                    "WITH found AS (
                         SELECT version FROM {table} WHERE id = $1 AND expires_at > {NOW}
                     ), updated AS (
                         UPDATE {table} SET
                             version = $3,
                             due_at = CASE WHEN {NOW} + $4 < due_at - 60000 THEN {NOW} + $4 ELSE due_at END,
                             expires_at = {NOW} + $4,
                             subject = $5, signed_in_at = $6, label = $7, record = $8
                         WHERE id = $1 AND version = $2 AND expires_at > {NOW}
                         RETURNING version
                     )
                     SELECT {PROOF},
                         COALESCE((SELECT version FROM updated), (SELECT version FROM found))::bigint,
                         NULL::bigint, NULL::text"
                ),
            ),
            delete: Statement::new(
                Purpose::Write,
                &[Type::BYTEA],
                &format!(
                    "WITH deleted AS (DELETE FROM {table} WHERE id = $1)
                     SELECT {PROOF}, NULL::bigint, NULL::bigint, NULL::text"
                ),
            ),
            // The arrays make the planner find the rows by their ids, however many it expects.
            clean_up: Statement::new(
                Purpose::Maintain,
                &[Type::INT8],
                &format!(
                    "WITH due AS MATERIALIZED (
                         SELECT id, expires_at <= {NOW} AS is_expired FROM {table}
                         WHERE due_at <= {NOW} ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
                     ), deleted AS (
                         DELETE FROM {table}
                         WHERE id = ANY (ARRAY (SELECT id FROM due WHERE is_expired))
                         RETURNING 1
                     ), postponed AS (
                         UPDATE {table} SET due_at = expires_at
                         WHERE id = ANY (ARRAY (SELECT id FROM due WHERE NOT is_expired))
                     )
                     SELECT {PROOF}, (SELECT count(*) FROM due), (SELECT count(*) FROM deleted), NULL::text"
                ),
            ),
        }
    }

    pub(super) fn load<'a>(&'a self, id: &'a SessionId) -> Call<'a> {
        Call {
            statement: &self.load,
            parameters: vec![Parameter::id(id)],
        }
    }

    pub(super) fn create<'a>(&'a self, row: &'a NewRow<'_>) -> Call<'a> {
        let mut parameters = Vec::with_capacity(self.create.types.len());
        parameters.extend([Parameter::id(row.id), Parameter::version(row.version)]);
        parameters.extend(rest(row));
        Call {
            statement: &self.create,
            parameters,
        }
    }

    pub(super) fn update<'a>(&'a self, expected: Version, row: &'a NewRow<'_>) -> Call<'a> {
        let mut parameters = Vec::with_capacity(self.update.types.len());
        parameters.extend([
            Parameter::id(row.id),
            Parameter::version(expected),
            Parameter::version(row.version),
        ]);
        parameters.extend(rest(row));
        Call {
            statement: &self.update,
            parameters,
        }
    }

    pub(super) fn delete<'a>(&'a self, id: &'a SessionId) -> Call<'a> {
        Call {
            statement: &self.delete,
            parameters: vec![Parameter::id(id)],
        }
    }

    pub(super) fn clean_up(&self, limit: u32) -> Call<'_> {
        Call {
            statement: &self.clean_up,
            parameters: vec![Parameter::Number(Some(limit.into()))],
        }
    }
}

/// The columns that follow the version.
fn rest<'a>(row: &'a NewRow<'_>) -> [Parameter<'a>; 5] {
    [
        Parameter::Number(Some(row.ttl)),
        Parameter::Bytes(row.subject()),
        Parameter::Number(row.signed_in_at),
        Parameter::Text(row.label),
        Parameter::Text(Some(&row.record)),
    ]
}

/// A statement with its parameters.
pub(super) struct Call<'a> {
    pub(super) statement: &'a Statement,
    pub(super) parameters: Vec<Parameter<'a>>,
}

/// What a statement returns after its proof.
pub(super) struct Found {
    pub(super) first: Option<i64>,
    pub(super) second: Option<i64>,
    pub(super) text: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_statement_of_each_table_has_another_proof() {
        let mut proofs = Vec::new();
        for table in ["one", "other"] {
            let it = Statements::new(&Name::fixed(table, '"'));
            for statement in [it.load, it.create, it.update, it.delete, it.clean_up] {
                let proof = format!("'{}'::bigint", statement.proof);
                assert_eq!(statement.text.matches(&proof).count(), 1);
                assert!(!statement.text.contains(PROOF));
                proofs.push(statement.proof);
            }
        }
        proofs.sort_unstable();
        proofs.dedup();
        assert_eq!(proofs.len(), 10);
    }
}
