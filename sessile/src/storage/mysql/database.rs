//! [`MySql`]: the operations of a store.

use std::{num::NonZeroU32, sync::Arc};

use sqlx::{Error, Row as _, mysql::MySqlRow};

use super::{
    SessionId, SubjectDigest,
    builder::{ConnectionSettings, Target},
    catalog::Catalog,
    connections::{Connections, Lease},
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

/// The columns of a [`session`].
const SESSION: &str = "it.id, it.version, CAST(it.record AS BINARY)";

/// The operations of a store on MySQL or MariaDB.
pub struct MySql {
    tables: [Table; 2],
    statements: Statements,
    connections: Connections,
}

impl MySql {
    /// The output of `decode` for each row that `query` returns.
    async fn find<T>(
        &self,
        attempt: Attempt,
        query: Query<'_>,
        decode: fn(&MySqlRow) -> Result<T, Error>,
    ) -> Result<Vec<T>, Fault> {
        let find = async |lease: &mut Lease| {
            let found = rows(lease.connection(), query, decode).await;
            found.map_err(fault)
        };
        self.connections.read(attempt, find).await
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
        let open = async |lease: &mut Lease| {
            let mut catalog = Catalog(lease.connection());
            sql::open(&mut catalog, &self.tables, create_tables).await
        };
        self.connections.read(attempt, open).await
    }

    async fn load(
        &self,
        id: &SessionId,
        marks: Marks,
        attempt: Attempt,
    ) -> Result<Option<Row>, Fault> {
        let load = async |lease: &mut Lease| {
            let row = self.statements.load(lease.connection(), id, marks).await;
            row.map_err(fault)
        };
        self.connections.read(attempt, load).await
    }

    async fn write(
        &self,
        row: &NewRow<'_>,
        marks: Marks,
        attempt: Attempt,
    ) -> Result<Written, Fault> {
        let write = async |lease: &mut Lease| {
            lease.check_size(row)?;
            self.statements.write(lease.connection(), row, marks).await
        };
        self.connections.write(attempt, write).await
    }

    async fn delete(&self, id: &SessionId, attempt: Attempt) -> Result<(), Fault> {
        let delete = async |lease: &mut Lease| {
            let deleted = self.statements.delete(lease.connection(), id).await;
            deleted.map_err(fault)
        };
        self.connections.write(attempt, delete).await
    }

    async fn clean_up(&self, batch: Batch, attempt: Attempt) -> Result<Cleaned, Fault> {
        let clean_up = async |lease: &mut Lease| {
            let cleaned = self.statements.clean_up(lease.connection(), batch).await;
            cleaned.map_err(fault)
        };
        // Not a `write`: if it finds nothing, it succeeds on a read-only server as well.
        self.connections.read(attempt, clean_up).await
    }

    async fn list(&self, subject: &SubjectDigest, attempt: Attempt) -> Result<RowsById, Fault> {
        let Statements { sessions, live, .. } = &self.statements;
        let list = format!(
            "SELECT {SESSION} FROM {sessions} AS it
             WHERE it.subject = ? AND {live} ORDER BY it.signed_in_at, it.id"
        );
        let list = query(list).bind(subject.as_bytes().as_slice());
        self.find(attempt, list, session).await
    }

    async fn find_by_label(&self, label: &str, attempt: Attempt) -> Result<Vec<SessionId>, Fault> {
        let Statements { sessions, live, .. } = &self.statements;
        let find = format!("SELECT it.id FROM {sessions} AS it WHERE it.label = ? AND {live}");
        let find = query(find).bind(label.as_bytes());
        self.find(attempt, find, id).await
    }

    async fn end_subject(&self, end: End<'_>, attempt: Attempt) -> Result<Option<Ended>, Fault> {
        let end = async |lease: &mut Lease| {
            let connection = lease.connection();
            self.statements.end_subject(connection, end).await
        };
        self.connections.write(attempt, end).await
    }

    async fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: i64,
        attempt: Attempt,
    ) -> Result<bool, Fault> {
        let id = id.as_bytes().as_slice();
        let subject = subject.map(|subject| subject.as_bytes().as_slice());
        let question = query(Arc::clone(&self.statements.is_revoked));
        let question = question.bind(id).bind(subject).bind(since);
        let question = question.bind(id).bind(since);
        let answer = self.find(attempt, question, |row| row.try_get(0)).await;
        answer.map(|is_revoked: Vec<bool>| is_revoked == [true])
    }

    async fn mark_everything(&self, now: i64, attempt: Attempt) -> Result<i64, Fault> {
        let mark = async |lease: &mut Lease| {
            let connection = lease.connection();
            let at = self.statements.mark_everything(connection, now).await;
            at.map_err(fault)
        };
        self.connections.write(attempt, mark).await
    }

    async fn delete_all(
        &self,
        after: Option<&SessionId>,
        at: i64,
        attempt: Attempt,
    ) -> Result<Option<SessionId>, Fault> {
        let delete = async |lease: &mut Lease| {
            let connection = lease.connection();
            let last = self.statements.delete_batch(connection, after, at).await;
            last.map_err(fault)
        };
        self.connections.write(attempt, delete).await
    }

    async fn page(
        &self,
        after: Option<&SessionId>,
        limit: NonZeroU32,
        attempt: Attempt,
    ) -> Result<RowsById, Fault> {
        let Statements { sessions, live, .. } = &self.statements;
        let page = format!(
            "SELECT {SESSION} FROM {sessions} AS it
             WHERE it.id > ? AND {live} ORDER BY it.id LIMIT ?"
        );
        let page = query(page).bind(id_before(after));
        let page = page.bind(u64::from(limit.get()));
        self.find(attempt, page, session).await
    }

    async fn count(&self, attempt: Attempt) -> Result<u64, Fault> {
        let Statements { sessions, live, .. } = &self.statements;
        let count = format!("SELECT COUNT(*) FROM {sessions} AS it WHERE {live}");
        let counts = self
            .find(attempt, query(count), |row| row.try_get(0))
            .await?;
        Ok(counts.into_iter().map(i64::cast_unsigned).sum())
    }

    fn close(&self) {
        self.connections.close();
    }
}
