//! Conditions about marks, and whether a session is live.

use super::query::{NOW, Query};
use crate::storage::sql::{Name, NewRow};

/// The condition that the row `it` has not expired, and that no mark has ended its session.
pub(super) fn is_live(marks: &Name) -> String {
    let has_ended = has_ended(marks, ["it.id", "it.subject", "it.signed_in_at"]);
    format!("it.expires_at > {NOW} AND (it.subject IS NULL OR NOT {has_ended})")
}

/// The condition that a mark has ended the session of the parameters, which [`bind_session`] binds.
pub(super) fn is_refused(marks: &Name) -> String {
    has_ended(marks, ["?", "?", "?"])
}

/// The condition that a mark has ended the session with these columns. The mark without a subject is that of all.
///
/// There are two searches, because the server would read all marks to find one of two subjects.
fn has_ended(marks: &Name, [id, subject, signed_in_at]: [&str; 3]) -> String {
    format!(
        "(EXISTS (
             SELECT 1 FROM {marks} AS mark
             WHERE mark.subject = {subject} AND mark.at >= {signed_in_at} AND NOT (mark.exempt <=> {id})
         ) OR EXISTS (
             SELECT 1 FROM {marks} AS mark WHERE mark.subject = X'' AND mark.at >= {signed_in_at}
         ))"
    )
}

/// Binds the parameters of [`is_refused`].
pub(super) fn bind_session<'a>(query: Query<'a>, row: &'a NewRow<'_>) -> Query<'a> {
    query
        .bind(row.subject())
        .bind(row.signed_in_at)
        .bind(row.id.as_bytes().as_slice())
        .bind(row.signed_in_at)
}
