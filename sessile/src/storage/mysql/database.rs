//! [`MySql`]: the operations of a store.

use std::num::NonZeroU32;

use sqlx::{Error, Row as _, mysql::MySqlRow};

use super::{
    SessionId, SubjectDigest,
    builder::{ConnectionSettings, Target},
    catalog::Catalog,
    connections::Connections,
    error::fault,
    query::{Query, id, id_before, query, rows, session},
    schema,
    statements::Statements,
};
use crate::{
    storage::sql::{
        self, Attempt, Batch, Cleaned, Database, DatabaseSessionStoreBuilder, End, Ended, Fault,
        Marks, NewRow, Row, RowsById, Schema, Table, Written,
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
    /// The output of `decode` for each row that `query` returns.
    async fn find<'a, T>(
        &self,
        attempt: Attempt,
        query: Query<'a>,
        decode: fn(&MySqlRow) -> Result<T, Error>,
    ) -> Result<Vec<T>, Fault> {
        self.connections
            .run(attempt, |mut lease| async move {
                let found = rows(lease.connection(), query, decode).await;
                lease.end(false, found.map_err(fault))
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

    async fn open(&self, create_tables: bool, attempt: Attempt) -> Result<(), Fault> {
        self.connections
            .run(attempt, |mut lease| async move {
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
        attempt: Attempt,
    ) -> Result<Option<Row>, Fault> {
        self.connections
            .run(attempt, |mut lease| async move {
                let row = self.statements.load(lease.connection(), id, marks).await;
                lease.end(false, row.map_err(fault))
            })
            .await
    }

    async fn write(
        &self,
        row: &NewRow<'_>,
        marks: Marks,
        attempt: Attempt,
    ) -> Result<Written, Fault> {
        self.connections
            .run(attempt, |lease| async move {
                let mut lease = lease.accepting(row)?;
                let written = self.statements.write(lease.connection(), row, marks).await;
                lease.end(true, written)
            })
            .await
    }

    async fn delete(&self, id: &SessionId, attempt: Attempt) -> Result<(), Fault> {
        self.connections
            .run(attempt, |mut lease| async move {
                let deleted = self.statements.delete(lease.connection(), id).await;
                lease.end(true, deleted.map_err(fault))
            })
            .await
    }

    async fn clean_up(&self, batch: Batch, attempt: Attempt) -> Result<Cleaned, Fault> {
        self.connections
            .run(attempt, |mut lease| async move {
                let cleaned = self.statements.clean_up.run(lease.connection(), batch);
                let cleaned = cleaned.await.map_err(fault);
                // A read-only server permits a clean-up that writes nothing.
                let is_write = !matches!(&cleaned, Ok(Cleaned { due: 0, .. }));
                lease.end(is_write, cleaned)
            })
            .await
    }

    async fn list(&self, subject: &SubjectDigest, attempt: Attempt) -> Result<RowsById, Fault> {
        let (text, subject) = (&self.statements.lists.list, subject.as_bytes().as_slice());
        self.find(attempt, query(text).bind(subject), session).await
    }

    async fn find_by_label(&self, label: &str, attempt: Attempt) -> Result<Vec<SessionId>, Fault> {
        let text = &self.statements.lists.find_by_label;
        self.find(attempt, query(text).bind(label.as_bytes()), id)
            .await
    }

    async fn end_subject(&self, end: End<'_>, attempt: Attempt) -> Result<Option<Ended>, Fault> {
        self.connections
            .run(attempt, |mut lease| async move {
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
        attempt: Attempt,
    ) -> Result<bool, Fault> {
        let text = &self.statements.lists.is_revoked;
        let id = id.as_bytes().as_slice();
        let subject = subject.map(|subject| subject.as_bytes().as_slice());
        let question = query(text).bind(id).bind(subject).bind(since);
        let question = question.bind(id).bind(since);
        let answer = self.find(attempt, question, |row| row.try_get(0)).await;
        answer.map(|is_revoked: Vec<bool>| is_revoked == [true])
    }

    async fn mark_everything(&self, now: i64, attempt: Attempt) -> Result<i64, Fault> {
        self.connections
            .run(attempt, |mut lease| async move {
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
        attempt: Attempt,
    ) -> Result<Option<SessionId>, Fault> {
        self.connections
            .run(attempt, |mut lease| async move {
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
        attempt: Attempt,
    ) -> Result<RowsById, Fault> {
        let (text, after) = (&self.statements.lists.page, id_before(after));
        let page = query(text).bind(after).bind(u64::from(limit.get()));
        self.find(attempt, page, session).await
    }

    async fn count(&self, attempt: Attempt) -> Result<u64, Fault> {
        let text = &self.statements.lists.count;
        let count = |row: &MySqlRow| row.try_get(0).map(i64::cast_unsigned);
        let answer = self.find(attempt, query(text), count).await;
        answer.map(|counts| counts.into_iter().sum())
    }

    fn close(&self) {
        self.connections.close();
    }
}
