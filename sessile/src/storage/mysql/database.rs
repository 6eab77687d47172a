//! [`MySql`]: the operations of a store.

use std::num::NonZeroU32;

use sqlx::{Error, Row as _, mysql::MySqlRow};

use super::{
    CreateOutcome, SessionId, SubjectDigest, Version,
    builder::{ConnectionSettings, Target},
    catalog::Catalog,
    connections::{Connections, Lease},
    error::fault,
    query::{Query, id, id_before, query, rows, session},
    schema,
    statements::Statements,
};
use crate::{
    storage::{
        sql::{
            self, AfterCut, Attempted, Batch, Cleaned, Database, DatabaseSessionStoreBuilder, End,
            Ended, Fault, Marks, NewRow, Row, RowsById, Schema, SignIn, SignedIn, Swap, Table,
        },
        timing::Deadline,
    },
    telemetry::Backend,
};

/// The operations of a store on MySQL or MariaDB.
pub struct MySql {
    tables: [Table; 2],
    statements: Statements,
    connections: Connections,
}

impl MySql {
    /// Runs an operation that can be repeated.
    fn run<T, F>(
        &self,
        deadline: Deadline,
        operation: impl Fn(Lease) -> F,
    ) -> impl Future<Output = Attempted<T>>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        self.connections.run(deadline, AfterCut::Resend, operation)
    }

    /// The output of `decode` for each row that `query` returns.
    async fn find<'a, T>(
        &self,
        deadline: Deadline,
        query: impl Fn() -> Query<'a>,
        decode: fn(&MySqlRow) -> Result<T, Error>,
    ) -> Attempted<Vec<T>> {
        self.run(deadline, |mut lease| {
            let query = query();
            async move {
                let found = rows(lease.connection(), query, decode).await;
                lease.end(false, found.map_err(fault))
            }
        })
        .await
    }
}

impl Database for MySql {
    const BACKEND: Backend = Backend::MySql;
    // Large batches delay no requests, and each batch first skips the rows that were deleted but not purged yet.
    const SMALLEST_BATCH: u32 = sql::LARGEST_BATCH;
    const SCHEMA: Schema = schema::SCHEMA;

    type Target = Target;
    type Settings = ConnectionSettings;

    fn new(
        builder: DatabaseSessionStoreBuilder<Self>,
        tables: [Table; 2],
    ) -> Result<(Self, bool), Fault> {
        let (connections, creates_tables) = builder.connect()?;
        let [sessions, marks] = &tables;
        let database = Self {
            statements: Statements::new(sessions.name.clone(), marks.name.clone()),
            tables,
            connections,
        };
        Ok((database, creates_tables))
    }

    fn tables(&self) -> &[Table; 2] {
        &self.tables
    }

    async fn open(&self, create_tables: bool, deadline: Deadline) -> Attempted<()> {
        self.run(deadline, |mut lease| async move {
            let mut catalog = Catalog(lease.connection());
            let opened = sql::open(&mut catalog, &self.tables, create_tables).await;
            lease.end(false, opened)
        })
        .await
    }

    async fn load(
        &self,
        id: &SessionId,
        marks: Marks,
        deadline: Deadline,
    ) -> Attempted<Option<Row>> {
        self.run(deadline, |mut lease| async move {
            let row = self.statements.load(lease.connection(), id, marks).await;
            lease.end(false, row.map_err(fault))
        })
        .await
    }

    async fn create(&self, row: &NewRow<'_>, deadline: Deadline) -> Attempted<CreateOutcome> {
        self.connections
            .run(deadline, AfterCut::Fail, |lease| async move {
                let mut lease = lease.accepting(row)?;
                let created = self.statements.create(lease.connection(), row).await;
                lease.end(true, created.map_err(fault))
            })
            .await
    }

    async fn update(
        &self,
        expected: Version,
        row: &NewRow<'_>,
        marks: Marks,
        deadline: Deadline,
    ) -> Attempted<Swap> {
        self.run(deadline, |lease| async move {
            let mut lease = lease.accepting(row)?;
            let connection = lease.connection();
            let swap = self.statements.update(connection, expected, row, marks);
            let swap = swap.await;
            lease.end(true, swap.map_err(fault))
        })
        .await
    }

    async fn delete(&self, id: &SessionId, deadline: Deadline) -> Attempted<()> {
        self.run(deadline, |mut lease| async move {
            let deleted = self.statements.delete(lease.connection(), id).await;
            lease.end(true, deleted.map_err(fault))
        })
        .await
    }

    async fn clean_up(&self, batch: Batch, deadline: Deadline) -> Attempted<Cleaned> {
        self.run(deadline, |mut lease| async move {
            let cleaned = self.statements.clean_up.run(lease.connection(), batch);
            let cleaned = cleaned.await.map_err(fault);
            // A read-only server permits a clean-up that writes nothing.
            let is_write = !matches!(&cleaned, Ok(Cleaned { due: 0, .. }));
            lease.end(is_write, cleaned)
        })
        .await
    }

    async fn sign_in(&self, sign_in: &SignIn<'_>, deadline: Deadline) -> Attempted<SignedIn> {
        let after_cut = AfterCut::of_sign_in(sign_in);
        self.connections
            .run(deadline, after_cut, |lease| async move {
                let mut lease = lease.accepting(&sign_in.row)?;
                let signed_in = self.statements.sign_in(lease.connection(), sign_in).await;
                lease.end(true, signed_in)
            })
            .await
    }

    async fn list(&self, subject: &SubjectDigest, deadline: Deadline) -> Attempted<RowsById> {
        let (text, subject) = (&self.statements.lists.list, subject.as_bytes().as_slice());
        self.find(deadline, || query(text).bind(subject), session)
            .await
    }

    async fn find_by_label(&self, label: &str, deadline: Deadline) -> Attempted<Vec<SessionId>> {
        let text = &self.statements.lists.find_by_label;
        self.find(deadline, || query(text).bind(label.as_bytes()), id)
            .await
    }

    async fn end_subject(&self, end: End<'_>, deadline: Deadline) -> Attempted<Option<Ended>> {
        self.run(deadline, |mut lease| async move {
            let ended = self.statements.end_subject(lease.connection(), end).await;
            lease.end(true, ended)
        })
        .await
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: i64,
        deadline: Deadline,
    ) -> Attempted<bool> {
        let text = &self.statements.lists.is_revoked;
        let id = id.as_bytes().as_slice();
        let subject = subject.map(|subject| subject.as_bytes().as_slice());
        let question = || {
            let query = query(text).bind(id).bind(subject).bind(since);
            query.bind(id).bind(since)
        };
        let answer = self.find(deadline, question, |row| row.try_get(0)).await;
        answer.map(|is_revoked: Vec<bool>| is_revoked == [true])
    }

    async fn mark_everything(&self, now: i64, deadline: Deadline) -> Attempted<i64> {
        self.run(deadline, |mut lease| async move {
            let ending = &self.statements.ending;
            let at = ending.mark_everything(lease.connection(), now).await;
            lease.end(true, at.map_err(fault))
        })
        .await
    }

    async fn delete_all(
        &self,
        after: Option<&SessionId>,
        at: i64,
        deadline: Deadline,
    ) -> Attempted<Option<SessionId>> {
        self.run(deadline, |mut lease| async move {
            let ending = &self.statements.ending;
            let last = ending.delete_batch(lease.connection(), after, at).await;
            lease.end(true, last.map_err(fault))
        })
        .await
    }

    async fn page(
        &self,
        after: Option<&SessionId>,
        limit: NonZeroU32,
        deadline: Deadline,
    ) -> Attempted<RowsById> {
        let (text, after) = (&self.statements.lists.page, id_before(after));
        let page = || query(text).bind(after).bind(u64::from(limit.get()));
        self.find(deadline, page, session).await
    }

    async fn count(&self, deadline: Deadline) -> Attempted<u64> {
        let text = &self.statements.lists.count;
        let count = |row: &MySqlRow| row.try_get(0).map(i64::cast_unsigned);
        let answer = self.find(deadline, || query(text), count).await;
        answer.map(|counts| counts.into_iter().sum())
    }

    fn close(&self) {
        self.connections.close();
    }
}
