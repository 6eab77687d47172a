//! [`Postgres`]: the operations of a store.

use std::{num::NonZeroU32, sync::Arc};

use super::{
    CreateOutcome, SessionId, SubjectDigest, Version,
    builder::{ConnectionSettings, Target},
    connections::Connections,
    ending::sign_in,
    parameter::Parameter,
    rows::{cleaned, count_of, ids, only, sessions, version_of},
    schema,
    statements::{Call, Found, Rows, Statements},
};
use crate::{
    storage::{
        Refusal,
        sql::{
            self, AfterCut, Attempted, Batch, Cleaned, Database, DatabaseSessionStoreBuilder, End,
            Ended, Fault, MARK_KEPT, Marks, NewRow, Row, RowsById, Schema, SignIn, SignedIn, Swap,
            Table,
        },
        timing::{Deadline, millis},
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

impl Postgres {
    /// Executes a statement that can be repeated.
    fn run(&self, call: &Call<'_>, deadline: Deadline) -> impl Future<Output = Attempted<Rows>> {
        self.connections.run(call, AfterCut::Resend, deadline)
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

    async fn open(&self, create_tables: bool, deadline: Deadline) -> Attempted<()> {
        let opening = self.connections.open(&self.tables, create_tables, deadline);
        opening.await
    }

    async fn load(
        &self,
        id: &SessionId,
        marks: Marks,
        deadline: Deadline,
    ) -> Attempted<Option<Row>> {
        let load = self.statements.load(id, marks);
        self.run(&load, deadline).await.map(only).map(|found| {
            Some(Row {
                version: version_of(found.first)?,
                is_unchecked: found.second == Some(1),
                // Without a text it is corrupt, and not missing.
                record: found.text.unwrap_or_default().into_bytes(),
            })
        })
    }

    async fn create(&self, row: &NewRow<'_>, deadline: Deadline) -> Attempted<CreateOutcome> {
        let create = self.statements.create(row);
        let creating = self.connections.run(&create, AfterCut::Fail, deadline);
        creating.await.map(only).map(|found| match found {
            Found {
                second: Some(1), ..
            } => CreateOutcome::Refused(Refusal::SubjectEnded),
            Found { first: Some(1), .. } => CreateOutcome::Created,
            _ => CreateOutcome::Taken,
        })
    }

    async fn update(
        &self,
        expected: Version,
        row: &NewRow<'_>,
        marks: Marks,
        deadline: Deadline,
    ) -> Attempted<Swap> {
        let update = self.statements.update(expected, row, marks);
        let answer = self.run(&update, deadline).await;
        answer.map(only).map(|found| match found.second {
            Some(1) => Swap::Refused,
            _ => version_of(found.first).map_or(Swap::Missing, Swap::Now),
        })
    }

    async fn delete(&self, id: &SessionId, deadline: Deadline) -> Attempted<()> {
        let delete = Call::new(&self.statements.delete, vec![Parameter::id(id)]);
        self.run(&delete, deadline).await.map(drop)
    }

    async fn clean_up(&self, batch: Batch, deadline: Deadline) -> Attempted<Cleaned> {
        let statement = match batch.returns_rows {
            true => &self.statements.clean_up_and_return,
            false => &self.statements.clean_up,
        };
        let limit = Parameter::number(batch.limit);
        let clean_up = Call::new(statement, vec![limit, Parameter::number(batch.due_from)]);
        self.run(&clean_up, deadline).await.map(cleaned)
    }

    async fn sign_in(&self, sign_in: &SignIn<'_>, deadline: Deadline) -> Attempted<SignedIn> {
        let after_cut = AfterCut::of_sign_in(sign_in);
        let call = self.statements.sign_in(sign_in);
        let answer = self.connections.run(&call, after_cut, deadline).await;
        answer.map(only).map(|found| match found.first {
            Some(sign_in::STORED) => SignedIn::Stored {
                displaced: ids(found.text.as_deref()),
            },
            Some(sign_in::SUBJECT_ENDED) => SignedIn::SubjectEnded,
            Some(sign_in::LIMIT_REACHED) => SignedIn::LimitReached,
            _ => SignedIn::NotStored(version_of(found.second)),
        })
    }

    async fn list(&self, subject: &SubjectDigest, deadline: Deadline) -> Attempted<RowsById> {
        let statement = &self.statements.lists.list;
        let list = Call::new(statement, vec![Parameter::subject(subject)]);
        self.run(&list, deadline).await.map(sessions)
    }

    async fn find_by_label(&self, label: &str, deadline: Deadline) -> Attempted<Vec<SessionId>> {
        let statement = &self.statements.lists.find_by_label;
        let label = Parameter::Bytes(Some(label.as_bytes()));
        let answer = self.run(&Call::new(statement, vec![label]), deadline).await;
        answer.map(|rows| ids(only(rows).text.as_deref()))
    }

    async fn end_subject(&self, end: End<'_>, deadline: Deadline) -> Attempted<Option<Ended>> {
        let parameters = vec![
            Parameter::subject(end.subject),
            Parameter::number(end.now),
            end.kept.map_or(Parameter::Bytes(None), Parameter::id),
            Parameter::number(millis(MARK_KEPT)),
        ];
        let end = Call::new(&self.statements.ending.end_subject, parameters);
        self.run(&end, deadline).await.map(only).map(|found| {
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
        deadline: Deadline,
    ) -> Attempted<bool> {
        let parameters = vec![
            Parameter::id(id),
            subject.map_or(Parameter::Bytes(None), Parameter::subject),
            Parameter::number(since),
        ];
        let question = Call::new(&self.statements.lists.is_revoked, parameters);
        let answer = self.run(&question, deadline).await;
        answer.map(|rows| only(rows).first == Some(1))
    }

    async fn mark_everything(&self, now: i64, deadline: Deadline) -> Attempted<i64> {
        let numbers = [now, millis(MARK_KEPT)].map(Parameter::number);
        let statement = &self.statements.ending.mark_everything;
        let answer = self
            .run(&Call::new(statement, numbers.into()), deadline)
            .await;
        answer.map(|rows| only(rows).first.unwrap_or(now))
    }

    async fn delete_all(
        &self,
        after: Option<&SessionId>,
        at: i64,
        deadline: Deadline,
    ) -> Attempted<Option<SessionId>> {
        let parameters = vec![
            Parameter::after(after),
            Parameter::number(at),
            Parameter::number(ENDED_AT_ONCE),
        ];
        let delete = Call::new(&self.statements.ending.delete_all, parameters);
        let answer = self.run(&delete, deadline).await;
        answer.map(|rows| ids(only(rows).text.as_deref()).pop())
    }

    async fn page(
        &self,
        after: Option<&SessionId>,
        limit: NonZeroU32,
        deadline: Deadline,
    ) -> Attempted<RowsById> {
        let parameters = vec![Parameter::after(after), Parameter::number(limit.get())];
        let page = Call::new(&self.statements.lists.page, parameters);
        self.run(&page, deadline).await.map(sessions)
    }

    async fn count(&self, deadline: Deadline) -> Attempted<u64> {
        let count = Call::new(&self.statements.lists.count, Vec::new());
        let answer = self.run(&count, deadline).await;
        answer.map(|rows| count_of(only(rows).first))
    }

    fn close(&self) {
        self.connections.close();
    }
}
