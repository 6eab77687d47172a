//! [`IterableDatabase`] on MySQL and MariaDB.

use std::{num::NonZeroU32, sync::Arc};

use sqlx::{Error, MySqlConnection, Row as _};

use super::{
    SessionId,
    database::MySql,
    error::fault,
    fragments::{is_live, query},
    subject_statements::session,
};
use crate::storage::{
    sql::{AfterCut, Answer, Failure, IterableDatabase, Name, Row},
    timing::Deadline,
};

/// The number of sessions is exact.
/// The statements of a store that concern all sessions.
#[derive(Debug)]
pub(super) struct IterationStatements {
    page: Arc<str>,
    count: Arc<str>,
}

impl IterationStatements {
    pub(super) fn new(sessions: &Name, marks: &Name) -> Self {
        let is_live = is_live(marks);
        Self {
            page: format!(
                "SELECT it.id, it.version, CAST(it.record AS BINARY) FROM {sessions} AS it
                 WHERE it.id > ? AND {is_live} ORDER BY it.id LIMIT ?"
            )
            .into(),
            count: format!("SELECT COUNT(*) FROM {sessions} AS it WHERE {is_live}").into(),
        }
    }

    async fn page(
        &self,
        connection: &mut MySqlConnection,
        after: Option<&SessionId>,
        limit: NonZeroU32,
    ) -> Result<Vec<(SessionId, Row)>, Error> {
        // No id is before the empty one.
        let after = after.map_or(&[][..], |it| it.as_bytes().as_slice());
        let page = query(&self.page).bind(after).bind(u64::from(limit.get()));
        let rows = page.fetch_all(connection).await?;
        rows.iter().map(session).collect()
    }

    async fn count(&self, connection: &mut MySqlConnection) -> Result<u64, Error> {
        let rows = query(&self.count).fetch_all(connection).await?;
        let count: i64 = rows.first().map_or(Ok(0), |row| row.try_get(0))?;
        Ok(count.cast_unsigned())
    }
}

impl IterableDatabase for MySql {
    async fn page(
        &self,
        after: Option<&SessionId>,
        limit: NonZeroU32,
        deadline: Deadline,
    ) -> Result<Answer<Vec<(SessionId, Row)>>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let statements = &self.statements.of_iteration;
                let rows = statements.page(lease.connection(), after, limit).await;
                lease.end(rows.map_err(fault))
            })
            .await
    }

    async fn count(&self, deadline: Deadline) -> Result<Answer<u64>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let statements = &self.statements.of_iteration;
                let count = statements.count(lease.connection()).await;
                lease.end(count.map_err(fault))
            })
            .await
    }
}
