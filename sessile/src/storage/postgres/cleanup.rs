//! The statement that deletes what has expired.

use tokio_postgres::types::Type;

use super::{
    parameter::Parameter,
    statements::{Call, NOW, PROOF, Purpose, Statements},
};
use crate::storage::sql::Batch;

impl Statements {
    /// Cleans up. Returns a row with two counts, and a row with the time at which the last row was due. If the batch
    /// returns rows, a row for each deleted session follows.
    ///
    /// The arrays make the planner find the rows by their keys, however many it expects.
    pub(super) fn clean_up(&self, batch: Batch) -> Call<'_> {
        let Self {
            sessions, marks, ..
        } = self;
        let (returned, more) = match batch.returns_rows {
            true => (
                "version, encode(id, 'hex') || record AS text",
                "UNION ALL SELECT version::bigint, NULL::bigint, text FROM deleted",
            ),
            false => ("1", ""),
        };
        let text = format!(
            "WITH due AS MATERIALIZED (
                 SELECT id, due_at, expires_at <= {NOW} AS is_expired FROM {sessions}
                 WHERE due_at >= $2 AND due_at <= {NOW} ORDER BY due_at LIMIT $1 FOR UPDATE SKIP LOCKED
             ), deleted AS (
                 DELETE FROM {sessions}
                 WHERE id = ANY (ARRAY (SELECT id FROM due WHERE is_expired))
                 RETURNING {returned}
             ), postponed AS (
                 UPDATE {sessions} SET due_at = expires_at
                 WHERE id = ANY (ARRAY (SELECT id FROM due WHERE NOT is_expired))
             ), expired AS MATERIALIZED (
                 SELECT subject FROM {marks}
                 WHERE expires_at <= {NOW} ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED
             ), forgotten AS (
                 DELETE FROM {marks} WHERE subject = ANY (ARRAY (SELECT subject FROM expired))
             )
             SELECT {PROOF}, found.* FROM (
                 SELECT (SELECT count(*) FROM due) + (SELECT count(*) FROM expired),
                     (SELECT count(*) FROM deleted), NULL::text
                 UNION ALL SELECT (SELECT max(due_at) FROM due), NULL::bigint, NULL::text
                 {more}
             ) AS found"
        );
        let parameters = vec![
            Parameter::number(batch.limit),
            Parameter::number(batch.due_from),
        ];
        let types = &[Type::INT8, Type::INT8];
        Call::composed(Purpose::Maintain, types, &text, parameters)
    }
}
