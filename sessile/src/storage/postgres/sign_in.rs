//! The statements of a sign-in under a limit, which may end some sessions.
//!
//! In a text that a statement returns, an id is 32 hexadecimal digits.

use tokio_postgres::types::Type;

use super::{
    marks::{is_live, refused},
    row_statements::{insert, replace},
    statements::{PROOF, Purpose, Statement, row_and},
};
use crate::storage::sql::Name;

/// The second number that a write returns if a mark has ended its session.
pub(super) const SUBJECT_ENDED: i64 = 1;

/// The second number that a sign-in returns if the subject has as many sessions as are allowed.
pub(super) const LIMIT_REACHED: i64 = 2;

const MAY_SIGN_IN: &str = "NOT EXISTS (SELECT FROM refused)
    AND NOT ($10 = 1 AND EXISTS (SELECT FROM excess))";

/// The sign-in of a new session.
pub(super) fn sign_in_to_new(sessions: &Name, marks: &Name) -> Statement {
    let condition = format!("NOT EXISTS (SELECT FROM found) AND {MAY_SIGN_IN}");
    statement(sessions, marks, &insert(sessions, &condition))
}

/// The sign-in of a session that is stored.
pub(super) fn sign_in(sessions: &Name, marks: &Name) -> Statement {
    let condition = format!("{} AND {MAY_SIGN_IN}", is_live(marks));
    statement(sessions, marks, &replace(sessions, &condition))
}

/// The statement of a sign-in. `write` stores its row.
///
/// Parameter 9 is the maximum number of sessions. Parameter 10 is 1 if a new one is refused there.
fn statement(sessions: &Name, marks: &Name, write: &str) -> Statement {
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
