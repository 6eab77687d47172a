//! Conditions about marks, and whether a session is live.

use super::statements::NOW;
use crate::storage::sql::Name;

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
