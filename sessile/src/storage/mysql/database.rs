//! [`MySql`]: the operations of a store.

use super::{
    SessionId, StoreError, Version,
    catalog::Catalog,
    connections::{Connections, Lease},
    error::fault,
    schema,
    statements::Statements,
};
use crate::storage::{
    sql::{self, AfterCut, Answer, Cleaned, Database, Failure, Name, NewRow, Row, Table},
    timing::Deadline,
};

pub(super) const DEFAULT_TABLE: &str = "sessile_sessions";

const LONGEST_NAME: usize = 64;

/// The operations of a store on MySQL or MariaDB.
pub(super) struct MySql {
    tables: [Table; 2],
    statements: Statements,
    connections: Connections,
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
    pub(super) fn new(name: Name, connections: Connections) -> Self {
        Self {
            tables: tables(&name),
            statements: Statements::new(name),
            connections,
        }
    }

    async fn run<T, F>(
        &self,
        deadline: Deadline,
        after_cut: AfterCut,
        operation: impl Fn(Lease) -> F,
    ) -> Result<Answer<T>, Failure>
    where
        F: Future<Output = (Lease, Result<T, sqlx::Error>)>,
    {
        let operation = &operation;
        self.connections
            .run(deadline, after_cut, |lease| async move {
                let (lease, result) = operation(lease).await;
                (lease, result.map_err(fault))
            })
            .await
    }
}

impl Database for MySql {
    fn tables(&self) -> &[Table; 2] {
        &self.tables
    }

    async fn open(&self, create_tables: bool, deadline: Deadline) -> Result<Answer<()>, Failure> {
        self.connections
            .run(deadline, AfterCut::Resend, |mut lease| async move {
                let mut catalog = Catalog(lease.connection());
                let opened = sql::open(&mut catalog, &self.tables, create_tables).await;
                (lease, opened)
            })
            .await
    }

    async fn load(
        &self,
        id: &SessionId,
        deadline: Deadline,
    ) -> Result<Answer<Option<Row>>, Failure> {
        self.run(deadline, AfterCut::Resend, |mut lease| async move {
            let row = self.statements.load(lease.connection(), id).await;
            (lease, row)
        })
        .await
    }

    async fn create(&self, row: &NewRow<'_>, deadline: Deadline) -> Result<Answer<bool>, Failure> {
        self.run(deadline, AfterCut::Fail, |mut lease| async move {
            let created = self.statements.create(lease.connection(), row).await;
            (lease, created)
        })
        .await
    }

    async fn update(
        &self,
        expected: Version,
        row: &NewRow<'_>,
        deadline: Deadline,
    ) -> Result<Answer<Option<Version>>, Failure> {
        self.run(deadline, AfterCut::Resend, |mut lease| async move {
            let connection = lease.connection();
            let found = self.statements.update(connection, expected, row).await;
            (lease, found)
        })
        .await
    }

    async fn delete(&self, id: &SessionId, deadline: Deadline) -> Result<Answer<()>, Failure> {
        self.run(deadline, AfterCut::Resend, |mut lease| async move {
            let deleted = self.statements.delete(lease.connection(), id).await;
            (lease, deleted)
        })
        .await
    }

    async fn clean_up(&self, limit: u32, deadline: Deadline) -> Result<Answer<Cleaned>, Failure> {
        self.run(deadline, AfterCut::Resend, |mut lease| async move {
            let cleaned = self.statements.clean_up(lease.connection(), limit).await;
            (lease, cleaned)
        })
        .await
    }
}
