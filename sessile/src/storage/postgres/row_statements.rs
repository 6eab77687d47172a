//! [`RowStatements`]: the statements for PostgreSQL that load or store one row.

use tokio_postgres::types::Type;

use super::{
    marks::{is_live, refused},
    statements::{NOW, PROOF, Purpose, Statement, row_and},
};
use crate::storage::sql::Name;

/// The statements that load or store one row.
///
/// One that stores returns the version that the row has afterwards, and as the second number
/// [`SUBJECT_ENDED`](super::sign_in::SUBJECT_ENDED) or 0.
#[derive(Debug)]
pub(super) struct RowStatements {
    pub(super) load: Statement,
    pub(super) create: Statement,
    pub(super) update: Statement,
}

impl RowStatements {
    /// Statements that skip the marks.
    pub(super) fn of_guest(sessions: &Name) -> Self {
        let is_live = format!("it.expires_at > {NOW}");
        let is_live_guest = format!("{is_live} AND it.subject IS NULL");
        let insert = insert(sessions, "true");
        let create = format!(
            "WITH created AS ({insert})
             SELECT {PROOF}, (SELECT version FROM created)::bigint, 0::bigint, NULL::text"
        );
        let found = found(sessions, &is_live_guest);
        let replace = replace(sessions, &is_live_guest);
        let update = format!(
            "WITH {found}, updated AS ({replace})
             SELECT {PROOF}, {VERSION_NOW}, 0::bigint, NULL::text"
        );
        // The second number is 1 if the row has a subject.
        let has_subject = "(it.subject IS NOT NULL)::int::bigint";
        Self::new(&load(sessions, has_subject, &is_live), &create, &update)
    }

    /// Statements that read the marks.
    pub(super) fn of_all(sessions: &Name, marks: &Name) -> Self {
        const NOT_REFUSED: &str = "NOT EXISTS (SELECT FROM refused)";
        let (is_live, refused) = (is_live(marks), refused(marks));
        let insert = insert(sessions, NOT_REFUSED);
        let create = format!(
            "WITH refused AS ({refused}), created AS ({insert})
             SELECT {PROOF}, (SELECT version FROM created)::bigint, (SELECT count(*) FROM refused),
                 NULL::text"
        );
        let found = found(sessions, &is_live);
        let replace = replace(sessions, &format!("{is_live} AND {NOT_REFUSED}"));
        let update = format!(
            "WITH refused AS ({refused}), {found}, updated AS ({replace})
             SELECT {PROOF}, {VERSION_NOW}, (SELECT count(*) FROM refused), NULL::text"
        );
        Self::new(&load(sessions, "0::bigint", &is_live), &create, &update)
    }

    fn new(load: &str, create: &str, update: &str) -> Self {
        Self {
            load: Statement::new(Purpose::Read, &[Type::BYTEA], load),
            create: Statement::new(Purpose::Write, row_and!(), create),
            update: Statement::new(Purpose::Write, row_and!(INT8), update),
        }
    }
}

/// Returns `second` as the second number.
fn load(sessions: &Name, second: &str, condition: &str) -> String {
    format!(
        "SELECT {PROOF}, it.version::bigint, {second}, it.record::text
         FROM (SELECT) AS one LEFT JOIN {sessions} AS it ON it.id = $1 AND {condition}"
    )
}

/// The row as it was when the statement began.
fn found(sessions: &Name, condition: &str) -> String {
    format!("found AS (SELECT version FROM {sessions} AS it WHERE id = $1 AND {condition})")
}

/// The version after an update.
const VERSION_NOW: &str =
    "COALESCE((SELECT version FROM updated), (SELECT version FROM found))::bigint";

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
