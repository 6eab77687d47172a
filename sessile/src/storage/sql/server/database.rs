//! [`Database`]: the operations of a store on one kind of database server.

use std::{fmt::Debug, num::NonZeroU32};

use super::{Attempt, DatabaseSessionStoreBuilder, Fault, Schema, StoreError, Table};
use crate::{
    record::Record,
    storage::{
        Loaded, SessionId, SessionLimit, SignInWrite, SubjectDigest, Version, sql::column_millis,
        timing::millis,
    },
    telemetry::Backend,
};

/// The operations of a store on one kind of database server.
///
/// The database's clock measures times to live and times of expiry. Times of a sign-in or a mark come from the
/// application's clocks, in milliseconds since the Unix epoch. Each operation is atomic, except those on all sessions.
/// All can be repeated, except a [`write`](Self::write) that inserts a row.
pub(in crate::storage) trait Database: Sized + Send + Sync + 'static {
    /// How metrics name it.
    const BACKEND: Backend;

    /// The smallest batch of a clean-up task.
    const SMALLEST_BATCH: u32;

    const SCHEMA: Schema;

    /// An address, or a pool of the application.
    type Target: From<String>;

    /// The settings that other kinds of servers do not have.
    type Settings: Debug + Default;

    /// A database with these tables, and whether the address says that missing ones are created. Connects to nothing.
    fn new(
        builder: DatabaseSessionStoreBuilder<Self>,
        tables: [Table; 2],
    ) -> Result<(Self, bool), Fault>;

    /// The table of sessions, and the table of marks.
    fn tables(&self) -> &[Table; 2];

    /// Checks that the tables can be used. Creates missing ones if `create_tables` is set.
    fn open(&self, create_tables: bool, attempt: Attempt) -> impl OperationFuture<()>;

    /// The live row of this id, unless a mark has ended its session.
    fn load(
        &self,
        id: &SessionId,
        marks: Marks,
        attempt: Attempt,
    ) -> impl OperationFuture<Option<Row>>;

    /// Inserts a row unless there is a live row of its id, or replaces the live row of its id, if that has the expected
    /// version. Stores nothing if a mark has ended the session of the row. Reads marks to insert a row only if it has a
    /// subject.
    ///
    /// If the row has a limit, stores it only if the limit allows it, and deletes the rows that it displaces.
    fn write(
        &self,
        row: &NewRow<'_>,
        marks: Marks,
        attempt: Attempt,
    ) -> impl OperationFuture<Written>;

    /// Deletes the row of this id.
    fn delete(&self, id: &SessionId, attempt: Attempt) -> impl OperationFuture<()>;

    /// Processes rows that are due, the earliest first: deletes the expired ones, and makes the others due when they expire.
    /// Deletes marks that have expired.
    fn clean_up(&self, batch: Batch, attempt: Attempt) -> impl OperationFuture<Cleaned>;

    /// The live rows of a subject, in the order of their sign-ins.
    fn list(&self, subject: &SubjectDigest, attempt: Attempt) -> impl OperationFuture<RowsById>;

    /// The ids of the live rows with this label.
    fn find_by_label(&self, label: &str, attempt: Attempt) -> impl OperationFuture<Vec<SessionId>>;

    /// Marks sessions of a subject as ended, and deletes their rows. `None` if the session to keep has ended.
    fn end_subject(&self, end: End<'_>, attempt: Attempt) -> impl OperationFuture<Option<Ended>>;

    /// Whether there is a live row of this id, or a mark of the subject, or of all, is at `since` or later.
    fn is_revoked(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        since: i64,
        attempt: Attempt,
    ) -> impl OperationFuture<bool>;

    /// Marks the sessions of all subjects as ended. Returns the time of the mark.
    fn mark_everything(&self, now: i64, attempt: Attempt) -> impl OperationFuture<i64>;

    /// Looks at a batch of rows, which follow `after` in the order of their ids. Deletes those of guests, and those that
    /// signed in until `at`. Returns the id of the last row of the batch; `None` if no row follows.
    fn delete_all(
        &self,
        after: Option<&SessionId>,
        at: i64,
        attempt: Attempt,
    ) -> impl OperationFuture<Option<SessionId>>;

    /// The live rows that follow `after` in the order of their ids, at most `limit`.
    fn page(
        &self,
        after: Option<&SessionId>,
        limit: NonZeroU32,
        attempt: Attempt,
    ) -> impl OperationFuture<RowsById>;

    /// The number of live rows.
    fn count(&self, attempt: Attempt) -> impl OperationFuture<u64>;

    /// Closes the store's own connections after the operations that are in flight. Those of a pool stay open.
    fn close(&self);
}

/// The future of an operation in a database. After [`Fault::Overtaken`], the operation had no effect.
pub(in crate::storage) trait OperationFuture<T>:
    Future<Output = Result<T, Fault>> + Send
{
}

impl<T, F: Future<Output = Result<T, Fault>> + Send> OperationFuture<T> for F {}

/// Whether a statement reads marks. Reading them costs the server more, and guests have no marks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Marks {
    Read,
    /// A load returns a row with a subject as [unchecked](Row::is_unchecked). An update finds no row with a subject.
    Skip,
}

impl Marks {
    /// For a session that has a subject, or has none.
    pub(in crate::storage) fn of_session(has_subject: bool) -> Self {
        match has_subject {
            true => Self::Read,
            false => Self::Skip,
        }
    }
}

/// The outcome of a write.
pub(in crate::storage) enum Written {
    /// The row has the new version, and these sessions were deleted for it.
    Stored { displaced: Vec<SessionId> },
    /// The live row has this version, or there is none. If it is the expected one, another statement changed the row at the
    /// same time. After an insert, it may be `None` in any case.
    NotStored(Option<Version>),
    /// The subject has as many sessions as are allowed.
    LimitReached,
    /// A mark has ended the session.
    SubjectEnded,
}

impl Written {
    /// Stored, without the end of another session.
    #[cfg(feature = "mysql-session")]
    pub(in crate::storage) const STORED: Self = Self::Stored {
        displaced: Vec::new(),
    };
}

/// The end of a subject's sessions.
#[derive(Clone, Copy)]
pub(in crate::storage) struct End<'a> {
    pub(in crate::storage) subject: &'a SubjectDigest,
    pub(in crate::storage) now: i64,
    /// The session that does not end.
    pub(in crate::storage) kept: Option<&'a SessionId>,
}

/// The mark of a subject, and the sessions that were deleted.
pub(in crate::storage) struct Ended {
    pub(in crate::storage) at: i64,
    pub(in crate::storage) ids: Vec<SessionId>,
}

/// A row that was read.
pub(in crate::storage) struct Row {
    pub(in crate::storage) version: Version,
    /// Whether a mark may have ended the session, because the statement skipped the marks.
    pub(in crate::storage) is_unchecked: bool,
    pub(in crate::storage) record: Vec<u8>,
}

/// Rows that were read, with their ids.
pub(in crate::storage) type RowsById = Vec<(SessionId, Row)>;

impl Row {
    pub(super) fn decode(&self) -> Result<Loaded, StoreError> {
        Ok(Loaded {
            record: Record::decode(&self.record)?,
            version: self.version,
        })
    }
}

/// A row to be written.
pub(in crate::storage) struct NewRow<'a> {
    pub(in crate::storage) id: &'a SessionId,
    /// The version of the row that is replaced; `None` if the row is inserted.
    pub(in crate::storage) expected: Option<Version>,
    pub(in crate::storage) version: Version,
    /// In milliseconds from the database's present time.
    pub(in crate::storage) ttl: i64,
    subject: Option<SubjectDigest>,
    /// In milliseconds since the Unix epoch.
    pub(in crate::storage) signed_in_at: Option<i64>,
    pub(in crate::storage) label: Option<&'a str>,
    pub(in crate::storage) record: String,
    /// The limit of a sign-in.
    pub(in crate::storage) limit: Option<SessionLimit>,
}

impl<'a> NewRow<'a> {
    pub(super) fn new(write: &SignInWrite<'a>, limit: Option<SessionLimit>) -> Self {
        let record = write.record;
        Self {
            id: write.id,
            expected: write.expected,
            version: write.version,
            ttl: millis(write.ttl),
            subject: record.subject(),
            signed_in_at: record.signed_in_at().map(column_millis),
            label: record.label(),
            record: record.encode(),
            limit,
        }
    }

    pub(in crate::storage) fn subject(&self) -> Option<&[u8]> {
        self.subject.as_ref().map(|it| it.as_bytes().as_slice())
    }
}

/// What one call of a clean-up processes.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) struct Batch {
    /// The maximum number of rows, and that of marks.
    pub(in crate::storage) limit: u32,
    /// When the earliest of the rows is due. The rows that earlier batches deleted are still in the index while a transaction
    /// is open that can see them. With this bound, the database does not read them again.
    pub(in crate::storage) due_from: i64,
    /// Whether the deleted rows are returned.
    pub(in crate::storage) returns_rows: bool,
}

/// The outcome of a clean-up.
#[derive(Default)]
pub(in crate::storage) struct Cleaned {
    /// The rows that were due, expired or not, and the marks that were deleted.
    pub(in crate::storage) due: u64,
    /// When the last of these rows was due; 0 without any.
    pub(in crate::storage) due_until: i64,
    pub(in crate::storage) deleted: u64,
    /// The rows that were deleted, if they were wanted.
    pub(in crate::storage) rows: RowsById,
}
