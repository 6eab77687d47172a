//! The parts that several statements have.

use crate::storage::sql::Name;

/// The server's clock in milliseconds since the Unix epoch, constant throughout a statement.
///
/// In floating point, which has all milliseconds and costs less than the numeric that `extract` returns.
pub(super) const NOW: &str = "floor(date_part('epoch', statement_timestamp()) * 1000)::bigint";

/// The condition that the row `it` has not expired, and that no mark has ended its session. The marks are read for
/// signed-in sessions only.
pub(super) fn is_live(marks: &Name) -> String {
    let has_ended = has_ended(marks, ["it.id", "it.subject", "it.signed_in_at"]);
    format!("it.expires_at > {NOW} AND (it.subject IS NULL OR NOT {has_ended})")
}

/// One row if a mark has ended the session of the parameters.
pub(super) fn refused(marks: &Name) -> String {
    let has_ended = has_ended(marks, ["$1", "$4", "$5"]);
    format!("SELECT 1 WHERE $4 IS NOT NULL AND {has_ended}")
}

/// The condition that a mark has ended the session with these columns. The mark without a subject is that of all.
pub(super) fn has_ended(marks: &Name, [id, subject, signed_in_at]: [&str; 3]) -> String {
    format!(
        "EXISTS (
             SELECT FROM {marks} AS mark
             WHERE mark.subject IN ({subject}, ''::bytea) AND mark.at >= {signed_in_at}
                 AND mark.exempt IS DISTINCT FROM {id}
         )"
    )
}

/// Inserts a row if `condition` holds, and replaces one that has expired.
pub(super) fn insert(sessions: &Name, condition: &str) -> String {
    format!(
        "INSERT INTO {sessions} AS it
             (id, version, due_at, expires_at, subject, signed_in_at, label, record)
         SELECT $1, $2, {NOW} + $3, {NOW} + $3, $4, $5, $6, $7 WHERE {condition}
         ON CONFLICT (id) DO UPDATE SET
             version = excluded.version, due_at = excluded.due_at,
             expires_at = excluded.expires_at, subject = excluded.subject,
             signed_in_at = excluded.signed_in_at, label = excluded.label,
             record = excluded.record
         WHERE it.expires_at <= {NOW}
         RETURNING version"
    )
}

/// Replaces the row `it` at the version that parameter 8 has, if `condition` holds.
///
/// `due_at` stays as it is, so that no index changes and the update can be HOT; only a life that ends more than a
/// minute earlier moves it.
pub(super) fn replace(sessions: &Name, condition: &str) -> String {
    format!(
        "UPDATE {sessions} AS it SET
             version = $2,
             due_at = CASE WHEN {NOW} + $3 < due_at - 60000 THEN {NOW} + $3 ELSE due_at END,
             expires_at = {NOW} + $3,
             subject = $4, signed_in_at = $5, label = $6, record = $7
         WHERE id = $1 AND version = $8 AND {condition}
         RETURNING version"
    )
}
