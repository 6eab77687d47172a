//! The statements that end sessions.
//!
//! In a text that a statement returns, an id is 32 hexadecimal digits.

use tokio_postgres::types::Type;

use super::{
    SessionId,
    parameter::Parameter,
    statements::{Call, NOW, PROOF, Purpose, Statements},
};
use crate::storage::{
    sql::{End, MARK_KEPT},
    timing::millis,
};

/// The maximum number of rows that a statement for [`end_everything`](crate::storage::SubjectStore::end_everything)
/// deletes.
const ENDED_AT_ONCE: i64 = 1000;

impl Statements {
    /// A mark that another statement writes at the same time counts as an earlier one. A session that signs in at
    /// the same time, after the mark, stays.
    pub(super) fn end_subject<'a>(&self, end: End<'a>) -> Call<'a> {
        let Self {
            sessions,
            marks,
            live,
            ..
        } = self;
        let text = format!(
            "WITH found AS (
                 SELECT id, signed_in_at FROM {sessions} AS it WHERE subject = $1 AND {live}
             ), mark AS (
                 INSERT INTO {marks} AS mark (subject, at, exempt, expires_at)
                 SELECT $1, GREATEST($2, (SELECT max(signed_in_at) FROM found)), $3, {NOW} + $4
                 WHERE $3 IS NULL OR EXISTS (SELECT FROM found WHERE id = $3)
                 ON CONFLICT (subject) DO UPDATE SET
                     at = GREATEST(mark.at, excluded.at), exempt = excluded.exempt,
                     expires_at = excluded.expires_at
                 WHERE $3 IS NULL OR mark.exempt = $3
                     OR mark.at < (SELECT signed_in_at FROM found WHERE id = $3)
                 RETURNING at
             ), deleted AS (
                 DELETE FROM {sessions}
                 WHERE subject = $1 AND id IS DISTINCT FROM $3 AND expires_at > {NOW}
                     AND COALESCE(signed_in_at, 0) <= (SELECT at FROM mark)
                 RETURNING id
             )
             SELECT {PROOF}, (SELECT at FROM mark)::bigint, NULL::bigint,
                 (SELECT string_agg(encode(id, 'hex'), '') FROM deleted)"
        );
        let parameters = vec![
            Parameter::subject(end.subject),
            Parameter::number(end.now),
            end.kept.map_or(Parameter::Bytes(None), Parameter::id),
            Parameter::number(millis(MARK_KEPT)),
        ];
        let types = &[Type::BYTEA, Type::INT8, Type::BYTEA, Type::INT8];
        Call::composed(Purpose::Write, types, &text, parameters)
    }

    pub(super) fn mark_everything(&self, now: i64) -> Call<'_> {
        let Self {
            sessions, marks, ..
        } = self;
        let text = format!(
            "WITH mark AS (
                 INSERT INTO {marks} AS mark (subject, at, expires_at)
                 SELECT ''::bytea, GREATEST($1, max(signed_in_at)), {NOW} + $2 FROM {sessions}
                 WHERE subject IS NOT NULL
                 ON CONFLICT (subject) DO UPDATE SET
                     at = GREATEST(mark.at, excluded.at), expires_at = excluded.expires_at
                 RETURNING at
             )
             SELECT {PROOF}, (SELECT at FROM mark)::bigint, NULL::bigint, NULL::text"
        );
        let parameters = [now, millis(MARK_KEPT)].map(Parameter::number).into();
        let types = &[Type::INT8, Type::INT8];
        Call::composed(Purpose::Maintain, types, &text, parameters)
    }

    pub(super) fn delete_all<'a>(&self, after: Option<&'a SessionId>, at: i64) -> Call<'a> {
        let sessions = &self.sessions;
        // The sign-in of a guest is unknown, and that of an entry of a revocation list is later.
        let text = format!(
            "WITH batch AS MATERIALIZED (
                 SELECT id FROM {sessions} WHERE id > $1 ORDER BY id LIMIT $3
             ), deleted AS (
                 DELETE FROM {sessions}
                 WHERE id = ANY (ARRAY (SELECT id FROM batch))
                     AND (signed_in_at <= $2) IS NOT FALSE
             )
             SELECT {PROOF}, NULL::bigint, NULL::bigint,
                 (SELECT encode(id, 'hex') FROM batch ORDER BY id DESC LIMIT 1)"
        );
        let parameters = vec![
            Parameter::after(after),
            Parameter::number(at),
            Parameter::number(ENDED_AT_ONCE),
        ];
        let types = &[Type::BYTEA, Type::INT8, Type::INT8];
        Call::composed(Purpose::Maintain, types, &text, parameters)
    }
}
