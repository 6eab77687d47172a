//! [`EndStatements`]: the statements that end sessions, and those of a sign-in under a limit, which may end some.
//!
//! In a text that a statement returns, an id is 32 hexadecimal digits.

use tokio_postgres::types::Type;

use super::{
    marks::{is_live, refused},
    row_statements::{insert, replace},
    statements::{NOW, PROOF, Purpose, Statement, row_and},
};
use crate::storage::sql::Name;

/// The statements of a store that end sessions. No request waits for the end of all.
#[derive(Debug)]
pub(super) struct EndStatements {
    pub(super) sign_in_to_new: Statement,
    pub(super) sign_in: Statement,
    pub(super) end_subject: Statement,
    pub(super) mark_everything: Statement,
    pub(super) delete_all: Statement,
}

/// The second number that a write returns if a mark has ended its session.
pub(super) const SUBJECT_ENDED: i64 = 1;

/// The second number that a sign-in returns if the subject has as many sessions as are allowed.
pub(super) const LIMIT_REACHED: i64 = 2;

impl EndStatements {
    pub(super) fn new(sessions: &Name, marks: &Name) -> Self {
        let is_live = is_live(marks);
        let may_sign_in = "NOT EXISTS (SELECT FROM refused)
            AND NOT ($10 = 1 AND EXISTS (SELECT FROM excess))";
        let to_new = insert(
            sessions,
            &format!("NOT EXISTS (SELECT FROM found) AND {may_sign_in}"),
        );
        let to_existing = replace(sessions, &format!("{is_live} AND {may_sign_in}"));
        // A mark that another statement writes at the same time counts as an earlier one. A session that signs in at
        // the same time, after the mark, stays.
        let end_subject = format!(
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
        );
        let mark_everything = format!(
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
        // The sign-in of a guest is unknown, and that of an entry of a revocation list is later.
        let delete_all = format!(
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
        Self {
            sign_in_to_new: sign_in(sessions, marks, &to_new),
            sign_in: sign_in(sessions, marks, &to_existing),
            end_subject: Statement::new(
                Purpose::Write,
                &[Type::BYTEA, Type::INT8, Type::BYTEA, Type::INT8],
                &end_subject,
            ),
            mark_everything: Statement::new(
                Purpose::Maintain,
                &[Type::INT8, Type::INT8],
                &mark_everything,
            ),
            delete_all: Statement::new(
                Purpose::Maintain,
                &[Type::BYTEA, Type::INT8, Type::INT8],
                &delete_all,
            ),
        }
    }
}

/// The statement of a sign-in. `write` stores its row.
///
/// Parameter 9 is the maximum number of sessions. Parameter 10 is 1 if a new one is refused there.
fn sign_in(sessions: &Name, marks: &Name, write: &str) -> Statement {
    let (is_live, refused) = (is_live(marks), refused(marks));
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
                 COALESCE((SELECT version FROM stored), (SELECT version FROM found))::bigint,
                 (CASE
                     WHEN EXISTS (SELECT FROM refused) THEN {SUBJECT_ENDED}
                     WHEN $10 = 1 AND EXISTS (SELECT FROM excess)
                         AND (SELECT version FROM found) IS NOT DISTINCT FROM $8 THEN {LIMIT_REACHED}
                     ELSE 0
                 END)::bigint,
                 (SELECT string_agg(encode(id, 'hex'), '') FROM displaced)"
        ),
    )
}
