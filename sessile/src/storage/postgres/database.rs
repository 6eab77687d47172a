//! [`Postgres`]: the operations of a store.

use std::{num::NonZeroU32, sync::Arc};

use super::{
    SessionId, SubjectDigest,
    builder::{ConnectionSettings, Target},
    connections::Connections,
    ending::{LIMIT_REACHED, SUBJECT_ENDED},
    parameter::Parameter,
    rows::{cleaned, count_of, ids, only, sessions, version_of},
    schema,
    statements::{Call, Statements},
};
use crate::{
    storage::{
        sql::{
            self, Attempt, Batch, Cleaned, Database, DatabaseSessionStoreBuilder, End, Ended,
            Fault, MARK_KEPT, Marks, NewRow, Row, RowsById, Schema, Table, Written,
        },
        timing::millis,
    },
    telemetry::Backend,
};

/// The maximum number of rows that a statement for [`end_everything`](crate::storage::SubjectStore::end_everything)
/// deletes.
const ENDED_AT_ONCE: i64 = 1000;

/// The operations of a store on PostgreSQL.
pub struct Postgres {
    tables: [Table; 2],
    statements: Arc<Statements>,
    connections: Connections,
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
        self.connections
            .open(&self.tables, create_tables, deadline)
            .await
    }

    async fn load(
        &self,
        id: &SessionId,
        marks: Marks,
        attempt: Attempt,
    ) -> Result<Option<Row>, Fault> {
        let load = self.statements.load(id, marks);
        self.connections
            .run(&load, attempt)
            .await
            .map(only)
            .map(|found| {
                Some(Row {
                    version: version_of(found.first)?,
                    is_unchecked: found.second == Some(1),
                    // Without a text it is corrupt, and not missing.
                    record: found.text.unwrap_or_default().into_bytes(),
                })
            })
    }

    async fn write(
        &self,
        row: &NewRow<'_>,
        marks: Marks,
        attempt: Attempt,
    ) -> Result<Written, Fault> {
        let write = self.statements.write(row, marks);
        let found = only(self.connections.run(&write, attempt).await?);
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
        let delete = Call::new(&self.statements.delete, vec![Parameter::id(id)]);
        self.connections.run(&delete, attempt).await.map(drop)
    }

    async fn clean_up(&self, batch: Batch, attempt: Attempt) -> Result<Cleaned, Fault> {
        let statement = match batch.returns_rows {
            true => &self.statements.clean_up_and_return,
            false => &self.statements.clean_up,
        };
        let limit = Parameter::number(batch.limit);
        let clean_up = Call::new(statement, vec![limit, Parameter::number(batch.due_from)]);
        self.connections.run(&clean_up, attempt).await.map(cleaned)
    }

    async fn list(&self, subject: &SubjectDigest, attempt: Attempt) -> Result<RowsById, Fault> {
        let statement = &self.statements.lists.list;
        let list = Call::new(statement, vec![Parameter::subject(subject)]);
        self.connections.run(&list, attempt).await.map(sessions)
    }

    async fn find_by_label(&self, label: &str, attempt: Attempt) -> Result<Vec<SessionId>, Fault> {
        let statement = &self.statements.lists.find_by_label;
        let label = Parameter::Bytes(Some(label.as_bytes()));
        let answer = self
            .connections
            .run(&Call::new(statement, vec![label]), attempt)
            .await;
        answer.map(|rows| ids(only(rows).text.as_deref()))
    }

    async fn end_subject(&self, end: End<'_>, attempt: Attempt) -> Result<Option<Ended>, Fault> {
        let parameters = vec![
            Parameter::subject(end.subject),
            Parameter::number(end.now),
            end.kept.map_or(Parameter::Bytes(None), Parameter::id),
            Parameter::number(millis(MARK_KEPT)),
        ];
        let end = Call::new(&self.statements.ending.end_subject, parameters);
        self.connections
            .run(&end, attempt)
            .await
            .map(only)
            .map(|found| {
                Some(Ended {
                    at: found.first?,
                    ids: ids(found.text.as_deref()),
                })
            })
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: i64,
        attempt: Attempt,
    ) -> Result<bool, Fault> {
        let parameters = vec![
            Parameter::id(id),
            subject.map_or(Parameter::Bytes(None), Parameter::subject),
            Parameter::number(since),
        ];
        let question = Call::new(&self.statements.lists.is_revoked, parameters);
        let answer = self.connections.run(&question, attempt).await;
        answer.map(|rows| only(rows).first == Some(1))
    }

    async fn mark_everything(&self, now: i64, attempt: Attempt) -> Result<i64, Fault> {
        let numbers = [now, millis(MARK_KEPT)].map(Parameter::number);
        let mark = Call::new(&self.statements.ending.mark_everything, numbers.into());
        let answer = self.connections.run(&mark, attempt).await;
        answer.map(|rows| only(rows).first.unwrap_or(now))
    }

    async fn delete_all(
        &self,
        after: Option<&SessionId>,
        at: i64,
        attempt: Attempt,
    ) -> Result<Option<SessionId>, Fault> {
        let parameters = vec![
            Parameter::after(after),
            Parameter::number(at),
            Parameter::number(ENDED_AT_ONCE),
        ];
        let delete = Call::new(&self.statements.ending.delete_all, parameters);
        let answer = self.connections.run(&delete, attempt).await;
        answer.map(|rows| ids(only(rows).text.as_deref()).pop())
    }

    async fn page(
        &self,
        after: Option<&SessionId>,
        limit: NonZeroU32,
        attempt: Attempt,
    ) -> Result<RowsById, Fault> {
        let parameters = vec![Parameter::after(after), Parameter::number(limit.get())];
        let page = Call::new(&self.statements.lists.page, parameters);
        self.connections.run(&page, attempt).await.map(sessions)
    }

    async fn count(&self, attempt: Attempt) -> Result<u64, Fault> {
        let count = Call::new(&self.statements.lists.count, Vec::new());
        let answer = self.connections.run(&count, attempt).await;
        answer.map(|rows| count_of(only(rows).first))
    }

    fn close(&self) {
        self.connections.close();
    }
}
