//! [`MySql`]: the operations of a store.

use super::{
    CreateOutcome, SessionId, StoreError, Version, catalog::Catalog, connections::Connections,
    error::fault, schema, statements::Statements,
};
use crate::{
    storage::{
        sql::{
            self, AfterCut, Answer, Batch, Cleaned, Database, Failure, Marks, Name, NewRow, Row,
            Swap, Table,
        },
        timing::Deadline,
    },
    telemetry::Backend,
};

pub(super) const DEFAULT_TABLE: &str = "sessile_sessions";

const LONGEST_NAME: usize = 64;

/// The operations of a store on MySQL or MariaDB.
pub struct MySql {
    tables: [Table; 2],
    pub(super) statements: Statements,
    pub(super) connections: Connections,
}

/// The name of the table of sessions.
pub(super) fn name(database: Option<String>, table: String) -> Result<Name, StoreError> {
    Name::new(database, table, LONGEST_NAME, '`')
}

/// The table of sessions, and the table of marks.
pub(super) fn tables(name: &Name) -> [Table; 2] {
    sql::tables(name, &schema::SESSIONS, &schema::MARKS)
}

impl MySql {
    pub(super) fn new(name: &Name, connections: Connections) -> Self {
        let tables = tables(name);
        let [sessions, marks] = &tables;
        Self {
            statements: Statements::new(sessions.name.clone(), marks.name.clone()),
            tables,
            connections,
        }
    }
}

impl Database for MySql {
    const BACKEND: Backend = Backend::MySql;
    // Large batches delay no requests, and each batch first skips the rows that were deleted but not purged yet.
    const SMALLEST_BATCH: u32 = sql::LARGEST_BATCH;

    fn tables(&self) -> &[Table; 2] {
        &self.tables
    }

    async fn open(&self, create_tables: bool, deadline: Deadline) -> Result<Answer<()>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let mut catalog = Catalog(lease.connection());
                let opened = sql::open(&mut catalog, &self.tables, create_tables).await;
                lease.end(opened)
            })
            .await
    }

    async fn load(
        &self,
        id: &SessionId,
        marks: Marks,
        deadline: Deadline,
    ) -> Result<Answer<Option<Row>>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let row = self.statements.load(lease.connection(), id, marks).await;
                lease.end(row.map_err(fault))
            })
            .await
    }

    async fn create(
        &self,
        row: &NewRow<'_>,
        deadline: Deadline,
    ) -> Result<Answer<CreateOutcome>, Failure> {
        self.connections
            .run(deadline, AfterCut::Fail, |mut lease| async move {
                if let Err(too_large) = lease.check_size(row) {
                    return lease.end(Err(too_large));
                }
                let created = self.statements.create(lease.connection(), row).await;
                lease.end_write(created.map_err(fault))
            })
            .await
    }

    async fn update(
        &self,
        expected: Version,
        row: &NewRow<'_>,
        marks: Marks,
        deadline: Deadline,
    ) -> Result<Answer<Swap>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                if let Err(too_large) = lease.check_size(row) {
                    return lease.end(Err(too_large));
                }
                let connection = lease.connection();
                let swap = self.statements.update(connection, expected, row, marks);
                let swap = swap.await;
                lease.end_write(swap.map_err(fault))
            })
            .await
    }

    async fn delete(&self, id: &SessionId, deadline: Deadline) -> Result<Answer<()>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let deleted = self.statements.delete(lease.connection(), id).await;
                lease.end_write(deleted.map_err(fault))
            })
            .await
    }

    async fn clean_up(&self, batch: Batch, deadline: Deadline) -> Result<Answer<Cleaned>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let clean_up = &self.statements.clean_up;
                let cleaned = clean_up.run(lease.connection(), batch).await;
                let cleaned = cleaned.map_err(fault);
                match &cleaned {
                    // Nothing was written, which a read-only server permits.
                    Ok(Cleaned { due: 0, .. }) => lease.end(cleaned),
                    _ => lease.end_write(cleaned),
                }
            })
            .await
    }

    fn close(&self) {
        self.connections.close();
    }
}
