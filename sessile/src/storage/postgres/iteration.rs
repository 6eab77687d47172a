//! [`IterableDatabase`] on PostgreSQL.

use std::num::NonZeroU32;

use tokio_postgres::types::Type;

use super::{
    SessionId,
    database::Postgres,
    fragments::is_live,
    parameter::Parameter,
    statements::{Call, PROOF, Purpose, Statement},
    subjects::{only, sessions},
};
use crate::storage::{
    sql::{AfterCut, Answer, Failure, IterableDatabase, Name, Row},
    timing::Deadline,
};

/// The number of sessions is exact. Each operation has the connection for clean-up, so no request waits for it.
/// The statements of a store that concern all sessions.
#[derive(Debug)]
pub(super) struct IterationStatements {
    pub(super) page: Statement,
    pub(super) count: Statement,
}

impl IterationStatements {
    pub(super) fn new(sessions: &Name, marks: &Name) -> Self {
        let is_live = is_live(marks);
        Self {
            page: Statement::new(
                Purpose::Maintain,
                &[Type::BYTEA, Type::INT8],
                &format!(
                    "SELECT {PROOF}, it.version::bigint, NULL::bigint, encode(it.id, 'hex') || it.record
                     FROM (SELECT) AS one LEFT JOIN (
                         SELECT id, version, record FROM {sessions} AS it
                         WHERE it.id > $1 AND {is_live} ORDER BY it.id LIMIT $2
                     ) AS it ON true ORDER BY it.id"
                ),
            ),
            count: Statement::new(
                Purpose::Maintain,
                &[],
                &format!(
                    "SELECT {PROOF}, count(*), NULL::bigint, NULL::text
                     FROM {sessions} AS it WHERE {is_live}"
                ),
            ),
        }
    }

    fn page<'a>(&'a self, after: Option<&'a SessionId>, limit: NonZeroU32) -> Call<'a> {
        let parameters = vec![
            // No id is before the empty one.
            after.map_or(Parameter::Bytes(Some(&[])), Parameter::id),
            Parameter::Number(Some(limit.get().into())),
        ];
        Call::new(&self.page, parameters)
    }
}

impl IterableDatabase for Postgres {
    async fn page(
        &self,
        after: Option<&SessionId>,
        limit: NonZeroU32,
        deadline: Deadline,
    ) -> Result<Answer<Vec<(SessionId, Row)>>, Failure> {
        let page = self.statements.of_iteration.page(after, limit);
        let reading = self.connections.run(&page, AfterCut::Resend, deadline);
        Ok(reading.await?.map(sessions))
    }

    async fn count(&self, deadline: Deadline) -> Result<Answer<u64>, Failure> {
        let count = Call::new(&self.statements.of_iteration.count, Vec::new());
        let counting = self.connections.run(&count, AfterCut::Resend, deadline);
        let number = |first: Option<i64>| first.unwrap_or(0).cast_unsigned();
        Ok(counting.await?.map(|rows| number(only(rows).first)))
    }
}
