//! [`ListStatements`]: the statements that find sessions and change none.

use std::sync::Arc;

use super::{
    marks::{is_live, is_refused},
    query::{NOW, text},
};
use crate::storage::sql::Name;

/// The statements of a store that find sessions and change none.
#[derive(Debug)]
pub(super) struct ListStatements {
    /// Binds the subject.
    pub(super) list: Arc<str>,
    /// Binds the label.
    pub(super) find_by_label: Arc<str>,
    /// Binds the id, the subject and the time, and the id and the time a second time.
    pub(super) is_revoked: Arc<str>,
    /// Binds the id that the page follows, and the number of rows.
    pub(super) page: Arc<str>,
    pub(super) count: Arc<str>,
}

impl ListStatements {
    pub(super) fn new(sessions: &Name, marks: &Name) -> Self {
        const SESSION: &str = "it.id, it.version, CAST(it.record AS BINARY)";
        let (is_live, is_refused) = (is_live(marks), is_refused(marks));
        Self {
            list: text(format!(
                "SELECT {SESSION} FROM {sessions} AS it
                 WHERE it.subject = ? AND {is_live} ORDER BY it.signed_in_at, it.id"
            )),
            find_by_label: text(format!(
                "SELECT it.id FROM {sessions} AS it WHERE it.label = ? AND {is_live}"
            )),
            is_revoked: text(format!(
                "SELECT EXISTS (SELECT 1 FROM {sessions} AS it WHERE it.id = ? AND it.expires_at > {NOW})
                     OR {is_refused}"
            )),
            page: text(format!(
                "SELECT {SESSION} FROM {sessions} AS it
                 WHERE it.id > ? AND {is_live} ORDER BY it.id LIMIT ?"
            )),
            count: text(format!("SELECT COUNT(*) FROM {sessions} AS it WHERE {is_live}")),
        }
    }
}
