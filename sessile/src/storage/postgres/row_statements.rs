//! The statements for PostgreSQL that load or store one row.

use tokio_postgres::types::Type;

use super::{
    fragments::{NOW, insert, is_live, refused, replace},
    statements::{PROOF, Purpose, Statement, row_and},
};
use crate::storage::sql::Name;

/// The statements that load or store one row.
#[derive(Debug)]
pub(super) struct OfRow {
    pub(super) load: Statement,
    pub(super) create: Statement,
    pub(super) update: Statement,
}

impl OfRow {
    /// Statements that skip the marks.
    pub(super) fn of_guest(sessions: &Name) -> Self {
        let insert = insert(sessions, "true");
        let is_live_guest = format!("it.expires_at > {NOW} AND it.subject IS NULL");
        let replace = replace(sessions, &is_live_guest);
        Self {
            // The second number is 1 if the row has a subject.
            load: load(
                sessions,
                "(it.subject IS NOT NULL)::int::bigint",
                &format!("it.expires_at > {NOW}"),
            ),
            create: Statement::new(
                Purpose::Write,
                row_and!(),
                &format!(
                    "WITH created AS ({insert})
                     SELECT {PROOF}, (SELECT count(*) FROM created), 0::bigint, NULL::text"
                ),
            ),
            update: Statement::new(
                Purpose::Write,
                row_and!(INT8),
                &format!(
                    "WITH {found}, updated AS ({replace})
                     SELECT {PROOF}, {VERSION_NOW}, 0::bigint, NULL::text",
                    found = found(sessions, &is_live_guest),
                ),
            ),
        }
    }

    /// Statements that read the marks.
    pub(super) fn of_all(sessions: &Name, marks: &Name) -> Self {
        const NOT_REFUSED: &str = "NOT EXISTS (SELECT FROM refused)";
        let (is_live, refused) = (is_live(marks), refused(marks));
        let insert = insert(sessions, NOT_REFUSED);
        let replace = replace(sessions, &format!("{is_live} AND {NOT_REFUSED}"));
        Self {
            load: load(sessions, "0::bigint", &is_live),
            create: Statement::new(
                Purpose::Write,
                row_and!(),
                &format!(
                    "WITH refused AS ({refused}), created AS ({insert})
                     SELECT {PROOF}, (SELECT count(*) FROM created), (SELECT count(*) FROM refused), NULL::text"
                ),
            ),
            update: Statement::new(
                Purpose::Write,
                row_and!(INT8),
                &format!(
                    "WITH refused AS ({refused}), {found}, updated AS ({replace})
                     SELECT {PROOF}, {VERSION_NOW}, (SELECT count(*) FROM refused), NULL::text",
                    found = found(sessions, &is_live),
                ),
            ),
        }
    }
}

/// Returns `second` as the second number.
fn load(sessions: &Name, second: &str, condition: &str) -> Statement {
    Statement::new(
        Purpose::Read,
        &[Type::BYTEA],
        &format!(
            "SELECT {PROOF}, it.version::bigint, {second}, it.record::text
             FROM (SELECT) AS one LEFT JOIN {sessions} AS it ON it.id = $1 AND {condition}"
        ),
    )
}

/// The row as it was when the statement began.
fn found(sessions: &Name, condition: &str) -> String {
    format!("found AS (SELECT version FROM {sessions} AS it WHERE id = $1 AND {condition})")
}

/// The version after an update.
const VERSION_NOW: &str =
    "COALESCE((SELECT version FROM updated), (SELECT version FROM found))::bigint";
