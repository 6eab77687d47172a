//! The statements that find sessions and change none. No request waits for a page or a count.
//!
//! In a text that a statement returns, an id is 32 hexadecimal digits.

use std::num::NonZeroU32;

use tokio_postgres::types::Type;

use super::{
    SessionId, SubjectDigest,
    marks::has_ended,
    parameter::Parameter,
    statements::{Call, NOW, PROOF, Purpose, Statement, Statements},
};
use crate::storage::sql::Name;

impl Statements {
    pub(super) fn list<'a>(&self, subject: &'a SubjectDigest) -> Call<'a> {
        let Self { sessions, live, .. } = self;
        let text = format!(
            "SELECT {PROOF}, it.version::bigint, NULL::bigint, encode(it.id, 'hex') || it.record
             FROM (SELECT) AS one LEFT JOIN {sessions} AS it ON it.subject = $1 AND {live}
             ORDER BY it.signed_in_at NULLS FIRST, it.id"
        );
        let parameters = vec![Parameter::subject(subject)];
        Call::composed(Purpose::Read, &[Type::BYTEA], &text, parameters)
    }

    pub(super) fn find_by_label<'a>(&self, label: &'a str) -> Call<'a> {
        let Self { sessions, live, .. } = self;
        let text = format!(
            "SELECT {PROOF}, NULL::bigint, NULL::bigint, string_agg(encode(it.id, 'hex'), '')
             FROM {sessions} AS it WHERE it.label = $1 AND {live}"
        );
        let parameters = vec![Parameter::Bytes(Some(label.as_bytes()))];
        Call::composed(Purpose::Read, &[Type::BYTEA], &text, parameters)
    }

    pub(super) fn page<'a>(&self, after: Option<&'a SessionId>, limit: NonZeroU32) -> Call<'a> {
        let Self { sessions, live, .. } = self;
        let text = format!(
            "SELECT {PROOF}, it.version::bigint, NULL::bigint, encode(it.id, 'hex') || it.record
             FROM (SELECT) AS one LEFT JOIN (
                 SELECT id, version, record FROM {sessions} AS it
                 WHERE it.id > $1 AND {live} ORDER BY it.id LIMIT $2
             ) AS it ON true ORDER BY it.id"
        );
        let parameters = vec![Parameter::after(after), Parameter::number(limit.get())];
        let types = &[Type::BYTEA, Type::INT8];
        Call::composed(Purpose::Maintain, types, &text, parameters)
    }

    pub(super) fn count(&self) -> Call<'_> {
        let Self { sessions, live, .. } = self;
        let text = format!(
            "SELECT {PROOF}, count(*), NULL::bigint, NULL::text
             FROM {sessions} AS it WHERE {live}"
        );
        Call::composed(Purpose::Maintain, &[], &text, Vec::new())
    }
}

/// Binds the id, the subject and the time.
pub(super) fn is_revoked(sessions: &Name, marks: &Name) -> Statement {
    let text = format!(
        "SELECT {PROOF}, (
             EXISTS (SELECT FROM {sessions} AS it WHERE it.id = $1 AND it.expires_at > {NOW})
             OR {}
         )::int::bigint, NULL::bigint, NULL::text",
        has_ended(marks, ["$1", "$2", "$3"]),
    );
    Statement::new(
        Purpose::Read,
        &[Type::BYTEA, Type::BYTEA, Type::INT8],
        &text,
    )
}
