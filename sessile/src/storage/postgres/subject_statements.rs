//! The statements for PostgreSQL that concern the sessions of a subject.
//!
//! In a text that a statement returns, an id is 32 hexadecimal digits.

use tokio_postgres::types::Type;

use super::{
    SessionId, SubjectDigest, Version,
    fragments::{NOW, has_ended, insert, is_live, refused, replace},
    parameter::Parameter,
    statements::{Call, PROOF, Purpose, Statement, columns, row_and},
};
use crate::storage::{
    AtLimit, SessionLimit,
    sql::{MARK_KEPT, Name, NewRow},
    timing::millis,
};

/// The maximum number of rows that a statement for [`end_everything`](crate::storage::SubjectStore::end_everything)
/// deletes.
const ENDED_AT_ONCE: i64 = 1000;

/// The statements of a store that concern the sessions of a subject.
#[derive(Debug)]
pub(super) struct SubjectStatements {
    pub(super) sign_in_to_new: Statement,
    pub(super) sign_in: Statement,
    pub(super) list: Statement,
    pub(super) find_by_label: Statement,
    pub(super) end_subject: Statement,
    pub(super) is_revoked: Statement,
    pub(super) mark_everything: Statement,
    pub(super) delete_all: Statement,
}

/// The outcome of a sign-in, as its statement returns it.
pub(super) mod sign_in {
    pub(in super::super) const STORED: i64 = 1;
    pub(in super::super) const SUBJECT_ENDED: i64 = 2;
    pub(in super::super) const LIMIT_REACHED: i64 = 3;
    pub(in super::super) const NOT_STORED: i64 = 4;
}

impl SubjectStatements {
    pub(super) fn new(sessions: &Name, marks: &Name) -> Self {
        let is_live = is_live(marks);
        let may_sign_in = "NOT EXISTS (SELECT FROM refused)
            AND NOT ($10 = 1 AND EXISTS (SELECT FROM excess))";
        let to_new = insert(
            sessions,
            &format!("NOT EXISTS (SELECT FROM found) AND {may_sign_in}"),
        );
        let to_existing = replace(sessions, &format!("{is_live} AND {may_sign_in}"));
        Self {
            sign_in_to_new: sign_in(sessions, marks, &to_new),
            sign_in: sign_in(sessions, marks, &to_existing),
            list: Statement::new(
                Purpose::Read,
                &[Type::BYTEA],
                &format!(
                    "SELECT {PROOF}, it.version::bigint, NULL::bigint, encode(it.id, 'hex') || it.record
                     FROM (SELECT) AS one LEFT JOIN {sessions} AS it ON it.subject = $1 AND {is_live}
                     ORDER BY it.signed_in_at NULLS FIRST, it.id"
                ),
            ),
            find_by_label: Statement::new(
                Purpose::Read,
                &[Type::BYTEA],
                &format!(
                    "SELECT {PROOF}, NULL::bigint, NULL::bigint, string_agg(encode(it.id, 'hex'), '')
                     FROM {sessions} AS it WHERE it.label = $1 AND {is_live}"
                ),
            ),
            // A mark that another statement writes at the same time counts as an earlier one. A session that signs in at
            // the same time, after the mark, stays.
            end_subject: Statement::new(
                Purpose::Write,
                &[Type::BYTEA, Type::INT8, Type::BYTEA, Type::INT8],
                &format!(
                    "WITH found AS (
                         SELECT id, signed_in_at FROM {sessions} AS it WHERE subject = $1 AND {is_live}
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
                ),
            ),
            is_revoked: Statement::new(
                Purpose::Read,
                &[Type::BYTEA, Type::BYTEA, Type::INT8],
                &format!(
                    "SELECT {PROOF}, (
                         EXISTS (SELECT FROM {sessions} AS it WHERE it.id = $1 AND it.expires_at > {NOW})
                         OR {}
                     )::int::bigint, NULL::bigint, NULL::text",
                    has_ended(marks, ["$1", "$2", "$3"]),
                ),
            ),
            mark_everything: Statement::new(
                Purpose::Maintain,
                &[Type::INT8, Type::INT8],
                &format!(
                    "WITH mark AS (
                         INSERT INTO {marks} AS mark (subject, at, expires_at)
                         SELECT ''::bytea, GREATEST($1, max(signed_in_at)), {NOW} + $2 FROM {sessions}
                         WHERE subject IS NOT NULL
                         ON CONFLICT (subject) DO UPDATE SET
                             at = GREATEST(mark.at, excluded.at), expires_at = excluded.expires_at
                         RETURNING at
                     )
                     SELECT {PROOF}, (SELECT at FROM mark)::bigint, NULL::bigint, NULL::text"
                ),
            ),
            // The sign-in of a guest is unknown, and that of an entry of a revocation list is later.
            delete_all: Statement::new(
                Purpose::Maintain,
                &[Type::BYTEA, Type::INT8, Type::INT8],
                &format!(
                    "WITH batch AS MATERIALIZED (
                         SELECT id FROM {sessions} WHERE id > $1 ORDER BY id LIMIT $3
                     ), deleted AS (
                         DELETE FROM {sessions}
                         WHERE id = ANY (ARRAY (SELECT id FROM batch))
                             AND (signed_in_at <= $2) IS NOT FALSE
                     )
                     SELECT {PROOF}, NULL::bigint, NULL::bigint,
                         (SELECT encode(id, 'hex') FROM batch ORDER BY id DESC LIMIT 1)"
                ),
            ),
        }
    }

    pub(super) fn sign_in<'a>(
        &'a self,
        expected: Option<Version>,
        row: &'a NewRow<'_>,
        limit: SessionLimit,
    ) -> Call<'a> {
        let statement = match expected {
            Some(_) => &self.sign_in,
            None => &self.sign_in_to_new,
        };
        let refuses_new = limit.at_limit() == AtLimit::RefuseNew;
        let mut parameters = Vec::with_capacity(statement.types.len());
        parameters.extend(columns(row));
        parameters.extend([
            expected.map_or(Parameter::Number(None), Parameter::version),
            Parameter::Number(Some(limit.max().into())),
            Parameter::Number(Some(refuses_new.into())),
        ]);
        Call {
            lock: row.subject().and_then(lock_of),
            ..Call::new(statement, parameters)
        }
    }

    pub(super) fn list<'a>(&'a self, subject: &'a SubjectDigest) -> Call<'a> {
        Call::new(&self.list, vec![Parameter::subject(subject)])
    }

    pub(super) fn find_by_label<'a>(&'a self, label: &'a str) -> Call<'a> {
        let label = Parameter::Bytes(Some(label.as_bytes()));
        Call::new(&self.find_by_label, vec![label])
    }

    pub(super) fn end_subject<'a>(
        &'a self,
        subject: &'a SubjectDigest,
        now: i64,
        kept: Option<&'a SessionId>,
    ) -> Call<'a> {
        let parameters = vec![
            Parameter::subject(subject),
            Parameter::Number(Some(now)),
            kept.map_or(Parameter::Bytes(None), Parameter::id),
            Parameter::Number(Some(millis(MARK_KEPT))),
        ];
        Call::new(&self.end_subject, parameters)
    }

    pub(super) fn is_revoked<'a>(
        &'a self,
        id: &'a SessionId,
        subject: Option<&'a SubjectDigest>,
        since: i64,
    ) -> Call<'a> {
        let parameters = vec![
            Parameter::id(id),
            subject.map_or(Parameter::Bytes(None), Parameter::subject),
            Parameter::Number(Some(since)),
        ];
        Call::new(&self.is_revoked, parameters)
    }

    pub(super) fn mark_everything(&self, now: i64) -> Call<'_> {
        let numbers = [now, millis(MARK_KEPT)].map(|it| Parameter::Number(Some(it)));
        Call::new(&self.mark_everything, numbers.into())
    }

    pub(super) fn delete_all<'a>(&'a self, after: Option<&'a SessionId>, at: i64) -> Call<'a> {
        let parameters = vec![
            // No id is before the empty one.
            after.map_or(Parameter::Bytes(Some(&[])), Parameter::id),
            Parameter::Number(Some(at)),
            Parameter::Number(Some(ENDED_AT_ONCE)),
        ];
        Call::new(&self.delete_all, parameters)
    }
}

/// The statement of a sign-in. `write` stores its row.
///
/// Parameter 9 is the maximum number of sessions. Parameter 10 is 1 if a new one is refused there.
fn sign_in(sessions: &Name, marks: &Name, write: &str) -> Statement {
    let (is_live, refused) = (is_live(marks), refused(marks));
    let [stored, subject_ended, limit_reached, not_stored] = [
        sign_in::STORED,
        sign_in::SUBJECT_ENDED,
        sign_in::LIMIT_REACHED,
        sign_in::NOT_STORED,
    ];
    Statement::new(
        Purpose::SignIn,
        row_and!(INT8, INT8, INT8),
        &format!(
            "WITH refused AS ({refused}), found AS (
                 SELECT version FROM {sessions} AS it WHERE id = $1 AND {is_live}
             ), others AS (
                 SELECT id, signed_in_at FROM {sessions} AS it
                 WHERE subject = $4 AND id <> $1 AND {is_live}
             ), excess AS (
                 SELECT id FROM others ORDER BY signed_in_at NULLS FIRST, id
                 LIMIT (SELECT GREATEST(count(*) + 1 - $9, 0) FROM others)
             ), stored AS ({write}), displaced AS (
                 DELETE FROM {sessions}
                 WHERE id = ANY (ARRAY (SELECT id FROM excess)) AND subject = $4
                     AND EXISTS (SELECT FROM stored)
                 RETURNING id
             )
             SELECT {PROOF},
                 (CASE
                     WHEN EXISTS (SELECT FROM refused) THEN {subject_ended}
                     WHEN EXISTS (SELECT FROM stored) THEN {stored}
                     WHEN EXISTS (SELECT FROM found WHERE version = $2) THEN {stored}
                     WHEN (SELECT version FROM found) IS DISTINCT FROM $8 THEN {not_stored}
                     WHEN $10 = 1 AND EXISTS (SELECT FROM excess) THEN {limit_reached}
                     ELSE {not_stored}
                 END)::bigint,
                 (SELECT version FROM found)::bigint,
                 (SELECT string_agg(encode(id, 'hex'), '') FROM displaced)"
        ),
    )
}

/// The number that sign-ins of this subject lock.
fn lock_of(subject: &[u8]) -> Option<i64> {
    subject.first_chunk().copied().map(i64::from_be_bytes)
}
