//! [`Dialect`]: the statements of a store for one kind of database server.

use std::{sync::Arc, time::Duration};

use sqlx::{AssertSqlSafe, Connection, Database, error::DatabaseError};

use super::{Fault, FoundTable, Meaning, Table};
use crate::{
    record::Record,
    storage::{SessionId, SubjectDigest, Version, timing::millis},
};

/// The connection of a dialect's database.
pub(super) type ConnectionOf<D> = <<D as Dialect>::Database as Database>::Connection;

/// The connection options of a dialect's database.
pub(super) type OptionsOf<D> = <ConnectionOf<D> as Connection>::Options;

/// The statements of a store for one kind of database server.
///
/// All times are by the clock of the database. Each operation of the store contract is atomic. All but
/// [`create`](Self::create) can be repeated.
pub(in crate::storage) trait Dialect: Send + Sync + Sized + 'static {
    type Database: Database;

    /// The schemes of this database's addresses.
    const SCHEMES: &'static [&'static str];

    /// The table of sessions, and the table of marks.
    fn tables(&self) -> [Table; 2];

    /// The statements that create the tables.
    fn schema_sql(&self) -> String {
        self.tables().map(|table| table.sql).concat()
    }

    /// What an error of the database means.
    fn meaning(error: &dyn DatabaseError) -> Meaning;

    /// Whether the error says that a table of this name exists already.
    fn exists_already(error: &dyn DatabaseError) -> bool;

    /// Sets up a new connection.
    fn set_up(
        connection: &mut ConnectionOf<Self>,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Fails if the database or the connection can't be used, whatever its tables are.
    fn check_database(
        connection: &mut ConnectionOf<Self>,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// Creates the table.
    fn create_table(
        connection: &mut ConnectionOf<Self>,
        table: &Table,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// What the database says about the table, if it exists.
    fn find_table(
        connection: &mut ConnectionOf<Self>,
        table: &Table,
    ) -> impl Future<Output = Result<Option<FoundTable>, Fault>> + Send;

    /// Fails if a right is missing that the store needs on the table.
    fn check_rights(
        connection: &mut ConnectionOf<Self>,
        table: &Table,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The live row of this id.
    fn load(
        &self,
        connection: &mut ConnectionOf<Self>,
        id: &SessionId,
    ) -> impl Future<Output = Result<Option<Row>, sqlx::Error>> + Send;

    /// Inserts a row unless there is a live row of its id. Returns whether it was inserted.
    fn create(
        &self,
        connection: &mut ConnectionOf<Self>,
        row: &NewRow<'_>,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// Replaces the live row of the same id, if that has the version `expected`.
    ///
    /// Returns the version that the row has now, or `None` if there is no live row. The expected version
    /// says that another statement changed or deleted the row at the same time.
    fn update(
        &self,
        connection: &mut ConnectionOf<Self>,
        expected: Version,
        row: &NewRow<'_>,
    ) -> impl Future<Output = Result<Option<Version>, sqlx::Error>> + Send;

    /// Deletes the row of this id.
    fn delete(
        &self,
        connection: &mut ConnectionOf<Self>,
        id: &SessionId,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Processes up to `limit` rows that are due, the earliest first: deletes the expired ones, and
    /// makes the others due when they expire.
    fn clean_up(
        &self,
        connection: &mut ConnectionOf<Self>,
        limit: u32,
    ) -> impl Future<Output = Result<Cleaned, sqlx::Error>> + Send;
}

/// What was read of a row.
pub(in crate::storage) struct Row {
    pub(in crate::storage) version: Version,
    pub(in crate::storage) record: Vec<u8>,
}

/// A row to be written.
pub(in crate::storage) struct NewRow<'a> {
    pub(in crate::storage) id: &'a SessionId,
    pub(in crate::storage) version: Version,
    /// In milliseconds from the database's present time.
    pub(in crate::storage) ttl: i64,
    subject: Option<SubjectDigest>,
    /// In milliseconds since the Unix epoch.
    pub(in crate::storage) signed_in_at: Option<i64>,
    pub(in crate::storage) label: Option<&'a str>,
    pub(in crate::storage) record: String,
}

impl<'a> NewRow<'a> {
    pub(super) fn new(
        id: &'a SessionId,
        record: &'a Record,
        version: Version,
        ttl: Duration,
    ) -> Self {
        let as_bigint = |millis| i64::try_from(millis).unwrap_or(i64::MAX);
        Self {
            id,
            version,
            ttl: millis(ttl),
            subject: record.subject(),
            signed_in_at: (record.signed_in_at()).map(|it| as_bigint(it.as_unix_millis())),
            label: record.label(),
            record: record.encode(),
        }
    }

    pub(in crate::storage) fn subject(&self) -> Option<&[u8]> {
        self.subject.as_ref().map(|it| it.as_bytes().as_slice())
    }
}

/// What a clean-up did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::storage) struct Cleaned {
    /// The rows that were due, expired or not.
    pub(in crate::storage) due: u64,
    pub(in crate::storage) deleted: u64,
}

/// A statement that is composed once for a table.
#[derive(Debug)]
pub(in crate::storage) struct Statement(Arc<str>);

impl Statement {
    /// The only variable part of `text` is the table's name, which has been checked.
    pub(in crate::storage) fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(in crate::storage) fn sql(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(Arc::clone(&self.0))
    }
}
