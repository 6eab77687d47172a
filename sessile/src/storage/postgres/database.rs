//! [`Postgres`]: the operations of a store.

use std::sync::Arc;

use super::{
    CreateOutcome, SessionId, StoreError, Version,
    connections::Connections,
    schema,
    statements::{Found, Rows, Statements},
    subjects::{only, sessions},
};
use crate::{
    storage::{
        Refusal,
        sql::{
            self, AfterCut, Answer, Batch, Cleaned, Database, Failure, Marks, Name, NewRow, Row,
            Swap, Table,
        },
        timing::Deadline,
    },
    telemetry::Backend,
};

pub(super) const DEFAULT_TABLE: &str = "sessile_sessions";

/// PostgreSQL cuts longer names without an error.
const LONGEST_NAME: usize = 63;

/// The operations of a store on PostgreSQL.
pub struct Postgres {
    pub(super) tables: [Table; 2],
    pub(super) statements: Arc<Statements>,
    pub(super) connections: Connections,
}

/// The name of the table of sessions.
pub(super) fn name(schema: Option<String>, table: String) -> Result<Name, StoreError> {
    Name::new(schema, table, LONGEST_NAME, '"')
}

/// The table of sessions, and the table of marks.
pub(super) fn tables(name: &Name) -> [Table; 2] {
    sql::tables(name, &schema::SESSIONS, &schema::MARKS)
}

impl Database for Postgres {
    const BACKEND: Backend = Backend::Postgres;
    const SMALLEST_BATCH: u32 = sql::SMALLEST_BATCH;

    fn tables(&self) -> &[Table; 2] {
        &self.tables
    }

    async fn open(&self, create_tables: bool, deadline: Deadline) -> Result<Answer<()>, Failure> {
        self.connections
            .open(&self.tables, create_tables, deadline)
            .await
    }

    async fn load(
        &self,
        id: &SessionId,
        marks: Marks,
        deadline: Deadline,
    ) -> Result<Answer<Option<Row>>, Failure> {
        let load = self.statements.load(id, marks);
        let answer = self
            .connections
            .run(&load, AfterCut::Resend, deadline)
            .await?;
        Ok(answer.map(only).map(|found| {
            Some(Row {
                version: version_of(found.first)?,
                is_unchecked: found.second == Some(1),
                // Without a text it is corrupt, and not missing.
                record: found.text.unwrap_or_default().into_bytes(),
            })
        }))
    }

    async fn create(
        &self,
        row: &NewRow<'_>,
        deadline: Deadline,
    ) -> Result<Answer<CreateOutcome>, Failure> {
        let create = self.statements.create(row);
        let creating = self.connections.run(&create, AfterCut::Fail, deadline);
        Ok(creating.await?.map(only).map(|found| match found {
            Found {
                second: Some(1), ..
            } => CreateOutcome::Refused(Refusal::SubjectEnded),
            Found { first: Some(1), .. } => CreateOutcome::Created,
            _ => CreateOutcome::Taken,
        }))
    }

    async fn update(
        &self,
        expected: Version,
        row: &NewRow<'_>,
        marks: Marks,
        deadline: Deadline,
    ) -> Result<Answer<Swap>, Failure> {
        let update = self.statements.update(expected, row, marks);
        let updating = self.connections.run(&update, AfterCut::Resend, deadline);
        Ok(updating.await?.map(only).map(|found| match found.second {
            Some(1) => Swap::Refused,
            _ => version_of(found.first).map_or(Swap::Missing, Swap::Now),
        }))
    }

    async fn delete(&self, id: &SessionId, deadline: Deadline) -> Result<Answer<()>, Failure> {
        let delete = self.statements.delete(id);
        let deleting = self.connections.run(&delete, AfterCut::Resend, deadline);
        Ok(deleting.await?.map(drop))
    }

    async fn clean_up(&self, batch: Batch, deadline: Deadline) -> Result<Answer<Cleaned>, Failure> {
        let clean_up = self.statements.clean_up(batch);
        let answer = self
            .connections
            .run(&clean_up, AfterCut::Resend, deadline)
            .await?;
        let count = |number: Option<i64>| number.unwrap_or(0).cast_unsigned();
        Ok(answer.map(|rows| {
            let (deleted, counts): (Rows, Rows) =
                rows.into_iter().partition(|it| it.text.is_some());
            let (limits, counts): (Rows, Rows) =
                counts.into_iter().partition(|it| it.second.is_none());
            let counts = only(counts);
            Cleaned {
                due: count(counts.first),
                due_until: only(limits).first.unwrap_or(0),
                deleted: count(counts.second),
                rows: sessions(deleted),
            }
        }))
    }

    fn close(&self) {
        self.connections.close();
    }
}

/// PostgreSQL has no unsigned integers.
pub(super) fn version_of(number: Option<i64>) -> Option<Version> {
    number.map(|number| Version::new(number.cast_unsigned()))
}
