//! [`Dialect`]: what one kind of database says differently from another.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, Database, error::DatabaseError};

use super::{Column, Fault, Meaning, Name, Table, Version};

/// The connection of a dialect's database.
pub(super) type ConnectionOf<D> = <<D as Dialect>::Database as Database>::Connection;

/// How to connect to a dialect's database.
pub(super) type OptionsOf<D> = <ConnectionOf<D> as Connection>::Options;

/// What one kind of database says differently from another: the statements of a store.
///
/// Each operation is one statement, and may be run twice. The database's clock is everybody's.
pub(in crate::storage) trait Dialect: Send + Sync + Sized + 'static {
    type Database: Database;

    /// What an address may begin with, before the colon.
    const SCHEMES: &'static [&'static str];

    /// The columns that the table has to have.
    const COLUMNS: [Column<'static>; 5];

    /// The table, as it is named in statements.
    fn table(&self) -> &Name;

    /// The statements that make the table.
    fn schema_sql(&self) -> String;

    /// What an error of the database's means.
    fn meaning(error: &dyn DatabaseError) -> Meaning;

    /// Whether the error is that there is something of this name already.
    fn exists_already(error: &dyn DatabaseError) -> bool;

    /// Sets up a connection that was just made.
    fn set_up(
        connection: &mut ConnectionOf<Self>,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Makes the table.
    fn create_table(
        &self,
        connection: &mut ConnectionOf<Self>,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// What the database tells of the table, if it is there.
    fn find_table(
        &self,
        connection: &mut ConnectionOf<Self>,
    ) -> impl Future<Output = Result<Option<Table>, Fault>> + Send;

    /// Fails where a right is missing that the operations need, and where nothing can be written.
    fn check_rights(
        &self,
        connection: &mut ConnectionOf<Self>,
    ) -> impl Future<Output = Result<(), Fault>> + Send;

    /// The row of this id that opens to this digest, unless its time is over.
    fn load(
        &self,
        connection: &mut ConnectionOf<Self>,
        id: &str,
        digest: &str,
    ) -> impl Future<Output = Result<Option<Row>, sqlx::Error>> + Send;

    /// Makes a row, unless there is one of that id; whether it did.
    fn create(
        &self,
        connection: &mut ConnectionOf<Self>,
        row: &NewRow<'_>,
    ) -> impl Future<Output = Result<bool, sqlx::Error>> + Send;

    /// Changes a row if it opens to the old digest and has the old version.
    fn swap(
        &self,
        connection: &mut ConnectionOf<Self>,
        change: &Change<'_>,
    ) -> impl Future<Output = Result<Found, sqlx::Error>> + Send;

    /// Deletes the row of this id.
    fn delete(
        &self,
        connection: &mut ConnectionOf<Self>,
        id: &str,
    ) -> impl Future<Output = Result<(), sqlx::Error>> + Send;

    /// Deletes rows whose time is over, at most `limit`, the oldest first; how many that were.
    fn delete_expired(
        &self,
        connection: &mut ConnectionOf<Self>,
        limit: u32,
    ) -> impl Future<Output = Result<u64, sqlx::Error>> + Send;
}

/// What was read of a row.
pub(in crate::storage) struct Row {
    pub(in crate::storage) version: Version,
    pub(in crate::storage) record: Vec<u8>,
}

/// A row as it is to be.
pub(in crate::storage) struct NewRow<'a> {
    pub(in crate::storage) id: &'a str,
    pub(in crate::storage) digest: &'a str,
    pub(in crate::storage) version: Version,
    /// In milliseconds from the database's now.
    pub(in crate::storage) ttl: i64,
    pub(in crate::storage) record: &'a str,
}

/// A compare-and-swap.
pub(in crate::storage) struct Change<'a> {
    pub(in crate::storage) id: &'a str,
    pub(in crate::storage) old_digest: &'a str,
    pub(in crate::storage) old_version: Version,
    pub(in crate::storage) new: NewRow<'a>,
}

/// What a compare-and-swap found, and left there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Found {
    /// No row that opens to the old digest, nor to the new one.
    Nothing,
    /// A row that has this version now.
    Version(Version),
    /// A row that somebody else changed or deleted at the same time: this change was not made.
    Changing,
}

/// A statement that is put together once, for a table.
#[derive(Debug)]
pub(in crate::storage) struct Statement(Arc<str>);

impl Statement {
    /// The only text that comes from elsewhere is the table's name, and names are checked.
    pub(in crate::storage) fn new(text: &str) -> Self {
        Self(text.into())
    }

    pub(in crate::storage) fn sql(&self) -> AssertSqlSafe<Arc<str>> {
        AssertSqlSafe(Arc::clone(&self.0))
    }
}
