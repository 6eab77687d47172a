//! [`ListStatements`]: the statements that find sessions and change none.
//!
//! In a text that a statement returns, an id is 32 hexadecimal digits.

use tokio_postgres::types::Type;

use super::{
    marks::{has_ended, is_live},
    statements::{NOW, PROOF, Purpose, Statement},
};
use crate::storage::sql::Name;

/// The statements of a store that find sessions and change none. No request waits for a page or a count.
#[derive(Debug)]
pub(super) struct ListStatements {
    pub(super) list: Statement,
    pub(super) find_by_label: Statement,
    pub(super) is_revoked: Statement,
    pub(super) page: Statement,
    pub(super) count: Statement,
}

impl ListStatements {
    pub(super) fn new(sessions: &Name, marks: &Name) -> Self {
        let is_live = is_live(marks);
        let list = format!(
            "SELECT {PROOF}, it.version::bigint, NULL::bigint, encode(it.id, 'hex') || it.record
             FROM (SELECT) AS one LEFT JOIN {sessions} AS it ON it.subject = $1 AND {is_live}
             ORDER BY it.signed_in_at NULLS FIRST, it.id"
        );
        let find_by_label = format!(
            "SELECT {PROOF}, NULL::bigint, NULL::bigint, string_agg(encode(it.id, 'hex'), '')
             FROM {sessions} AS it WHERE it.label = $1 AND {is_live}"
        );
        let is_revoked = format!(
            "SELECT {PROOF}, (
                 EXISTS (SELECT FROM {sessions} AS it WHERE it.id = $1 AND it.expires_at > {NOW})
                 OR {}
             )::int::bigint, NULL::bigint, NULL::text",
            has_ended(marks, ["$1", "$2", "$3"]),
        );
        let page = format!(
            "SELECT {PROOF}, it.version::bigint, NULL::bigint, encode(it.id, 'hex') || it.record
             FROM (SELECT) AS one LEFT JOIN (
                 SELECT id, version, record FROM {sessions} AS it
                 WHERE it.id > $1 AND {is_live} ORDER BY it.id LIMIT $2
             ) AS it ON true ORDER BY it.id"
        );
        let count = format!(
            "SELECT {PROOF}, count(*), NULL::bigint, NULL::text
             FROM {sessions} AS it WHERE {is_live}"
        );
        Self {
            list: Statement::new(Purpose::Read, &[Type::BYTEA], &list),
            find_by_label: Statement::new(Purpose::Read, &[Type::BYTEA], &find_by_label),
            is_revoked: Statement::new(
                Purpose::Read,
                &[Type::BYTEA, Type::BYTEA, Type::INT8],
                &is_revoked,
            ),
            page: Statement::new(Purpose::Maintain, &[Type::BYTEA, Type::INT8], &page),
            count: Statement::new(Purpose::Maintain, &[], &count),
        }
    }
}
