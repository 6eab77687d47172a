//! [`Postgres`]: the operations of a store.

use std::{num::NonZeroU32, sync::Arc};

use super::{
    SessionId, SubjectDigest,
    builder::{ConnectionSettings, Target},
    connections::Connections,
    rows::{cleaned, count_of, ids, only, sessions, version_of},
    schema,
    sign_in::{LIMIT_REACHED, SUBJECT_ENDED},
    statements::{Call, Rows, Statements},
};
use crate::{
    storage::sql::{
        self, Attempt, Batch, Cleaned, Database, DatabaseSessionStoreBuilder, End, Ended, Fault,
        Marks, NewRow, Row, RowsById, Schema, Table, Written,
    },
    telemetry::Backend,
};

/// The operations of a store on PostgreSQL.
pub struct Postgres {
    tables: [Table; 2],
    statements: Arc<Statements>,
    connections: Connections,
}

impl Postgres {
    /// Executes a statement.
    fn run(&self, call: &Call<'_>, attempt: Attempt) -> impl Future<Output = Result<Rows, Fault>> {
        self.connections.run(call, attempt.deadline)
    }
}

impl Database for Postgres {
    const BACKEND: Backend = Backend::Postgres;
    const SMALLEST_BATCH: u32 = sql::SMALLEST_BATCH;
    const SCHEMA: Schema = schema::SCHEMA;

    type Target = Target;
    type Settings = ConnectionSettings;

    fn new(
        builder: DatabaseSessionStoreBuilder<Self>,
        tables: [Table; 2],
    ) -> Result<(Self, bool), Fault> {
        let [sessions, marks] = &tables;
        let statements = Arc::new(Statements::new(&sessions.name, &marks.name));
        let (connections, creates_tables) = builder.connect(&statements)?;
        let database = Self {
            tables,
            statements,
            connections,
        };
        Ok((database, creates_tables))
    }

    fn tables(&self) -> &[Table; 2] {
        &self.tables
    }

    async fn open(&self, create_tables: bool, attempt: Attempt) -> Result<(), Fault> {
        let deadline = attempt.deadline;
        let opening = self.connections.open(&self.tables, create_tables, deadline);
        opening.await
    }

    async fn load(
        &self,
        id: &SessionId,
        marks: Marks,
        attempt: Attempt,
    ) -> Result<Option<Row>, Fault> {
        let load = self.statements.load(id, marks);
        let found = only(self.run(&load, attempt).await?);
        Ok(version_of(found.first).map(|version| Row {
            version,
            is_unchecked: found.second == Some(1),
            // Without a text it is corrupt, and not missing.
            record: found.text.unwrap_or_default().into_bytes(),
        }))
    }

    async fn write(
        &self,
        row: &NewRow<'_>,
        marks: Marks,
        attempt: Attempt,
    ) -> Result<Written, Fault> {
        let write = self.statements.write(row, marks);
        let found = only(self.run(&write, attempt).await?);
        Ok(match found.second {
            Some(SUBJECT_ENDED) => Written::SubjectEnded,
            Some(LIMIT_REACHED) => Written::LimitReached,
            _ => match version_of(found.first) {
                Some(version) if version == row.version => Written::Stored {
                    displaced: ids(found.text.as_deref()),
                },
                version => Written::NotStored(version),
            },
        })
    }

    async fn delete(&self, id: &SessionId, attempt: Attempt) -> Result<(), Fault> {
        let delete = self.statements.delete(id);
        self.run(&delete, attempt).await.map(drop)
    }

    async fn clean_up(&self, batch: Batch, attempt: Attempt) -> Result<Cleaned, Fault> {
        let clean_up = self.statements.clean_up(batch);
        self.run(&clean_up, attempt).await.map(cleaned)
    }

    async fn list(&self, subject: &SubjectDigest, attempt: Attempt) -> Result<RowsById, Fault> {
        let list = self.statements.list(subject);
        self.run(&list, attempt).await.map(sessions)
    }

    async fn find_by_label(&self, label: &str, attempt: Attempt) -> Result<Vec<SessionId>, Fault> {
        let find = self.statements.find_by_label(label);
        let found = only(self.run(&find, attempt).await?);
        Ok(ids(found.text.as_deref()))
    }

    async fn end_subject(&self, end: End<'_>, attempt: Attempt) -> Result<Option<Ended>, Fault> {
        let end = self.statements.end_subject(end);
        let found = only(self.run(&end, attempt).await?);
        Ok(found.first.map(|at| Ended {
            at,
            ids: ids(found.text.as_deref()),
        }))
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: i64,
        attempt: Attempt,
    ) -> Result<bool, Fault> {
        let question = self.statements.is_revoked(id, subject, since);
        let found = only(self.run(&question, attempt).await?);
        Ok(found.first == Some(1))
    }

    async fn mark_everything(&self, now: i64, attempt: Attempt) -> Result<i64, Fault> {
        let mark = self.statements.mark_everything(now);
        let found = only(self.run(&mark, attempt).await?);
        Ok(found.first.unwrap_or(now))
    }

    async fn delete_all(
        &self,
        after: Option<&SessionId>,
        at: i64,
        attempt: Attempt,
    ) -> Result<Option<SessionId>, Fault> {
        let delete = self.statements.delete_all(after, at);
        let found = only(self.run(&delete, attempt).await?);
        Ok(ids(found.text.as_deref()).pop())
    }

    async fn page(
        &self,
        after: Option<&SessionId>,
        limit: NonZeroU32,
        attempt: Attempt,
    ) -> Result<RowsById, Fault> {
        let page = self.statements.page(after, limit);
        self.run(&page, attempt).await.map(sessions)
    }

    async fn count(&self, attempt: Attempt) -> Result<u64, Fault> {
        let count = self.statements.count();
        let found = only(self.run(&count, attempt).await?);
        Ok(count_of(found.first))
    }

    fn close(&self) {
        self.connections.close();
    }
}
