//! [`Database`]: the operations of a store on one kind of database server.

use std::time::Duration;

use super::{Fault, StoreError, Table};
use crate::{
    clock::Timestamp,
    record::Record,
    storage::{
        CreateOutcome, Loaded, SessionId, SubjectDigest, Version,
        timing::{Deadline, millis},
    },
    telemetry::Backend,
};

/// The operations of a store on one kind of database server.
///
/// All times are by the clock of the database. Each operation of the store contract is atomic. All but
/// [`create`](Self::create) can be repeated.
pub(in crate::storage) trait Database: Send + Sync + 'static {
    /// How metrics name it.
    const BACKEND: Backend;

    /// The smallest batch of a clean-up task.
    const SMALLEST_BATCH: u32;

    /// The table of sessions, and the table of marks.
    fn tables(&self) -> &[Table; 2];

    /// Checks that the tables can be used. Creates missing ones if `create_tables` is set.
    fn open(
        &self,
        create_tables: bool,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<()>, Failure>> + Send;

    /// The live row of this id, unless a mark has ended its session.
    fn load(
        &self,
        id: &SessionId,
        marks: Marks,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<Option<Row>>, Failure>> + Send;

    /// Inserts a row unless there is a live row of its id, or a mark has ended its session. Reads marks only for a row with
    /// a subject.
    fn create(
        &self,
        row: &NewRow<'_>,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<CreateOutcome>, Failure>> + Send;

    /// Replaces the live row of the same id, if that has the version `expected` and no mark has ended the
    /// session of `row`.
    fn update(
        &self,
        expected: Version,
        row: &NewRow<'_>,
        marks: Marks,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<Swap>, Failure>> + Send;

    /// Deletes the row of this id.
    fn delete(
        &self,
        id: &SessionId,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<()>, Failure>> + Send;

    /// Processes rows that are due, the earliest first: deletes the expired ones, and makes the others due when they expire.
    /// Deletes marks that have expired.
    fn clean_up(
        &self,
        batch: Batch,
        deadline: Deadline,
    ) -> impl Future<Output = Result<Answer<Cleaned>, Failure>> + Send;

    /// Closes the store's own connections after the operations that are in flight. Those of a pool stay open.
    fn close(&self);
}

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

/// How an operation ended.
pub(in crate::storage) struct Answer<T> {
    pub(super) outcome: Outcome<T>,
    /// Whether an earlier attempt may have been executed as well.
    pub(super) repeated: bool,
}

/// The outcome of an operation in the database.
pub(super) enum Outcome<T> {
    Done(T),
    /// Nothing: another statement changed the same rows first.
    Overtaken,
}

impl<T> Answer<T> {
    #[cfg(feature = "postgres-session")]
    pub(in crate::storage) fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer {
            outcome: match self.outcome {
                Outcome::Done(done) => Outcome::Done(change(done)),
                Outcome::Overtaken => Outcome::Overtaken,
            },
            repeated: self.repeated,
        }
    }
}

/// Why an operation failed.
pub(in crate::storage) struct Failure {
    pub(super) fault: Fault,
    /// Whether an earlier attempt may have been executed, whatever the fault is.
    pub(super) repeated: bool,
}

impl Failure {
    /// The same failure if an earlier attempt may have happened, or may not.
    pub(super) fn after(mut self, was_repeated: bool) -> Self {
        self.repeated |= was_repeated;
        self
    }
}

impl From<Failure> for StoreError {
    fn from(Failure { fault, repeated }: Failure) -> Self {
        match repeated {
            true => fault.after_repeat(),
            false => fault.into(),
        }
    }
}

/// Whether an operation that may have happened is sent again after its connection was cut.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum AfterCut {
    Resend,
    Fail,
}

/// Makes an attempt, and a second one if the connection of the first was cut and `after_cut` allows it.
/// `attempt` is told whether its connection has to be a new one.
pub(in crate::storage) async fn up_to_twice<T, F>(
    after_cut: AfterCut,
    attempt: impl Fn(bool) -> F,
) -> Result<Answer<T>, Failure>
where
    F: Future<Output = Result<T, Fault>>,
{
    let (result, repeated) = match attempt(false).await {
        Err(fault) if fault.is_cut() && (after_cut == AfterCut::Resend || !fault.leaves_open()) => {
            (Box::pin(attempt(true)).await, fault.leaves_open())
        }
        first => (first, false),
    };
    let outcome = match result {
        Ok(done) => Outcome::Done(done),
        Err(Fault::Overtaken) => Outcome::Overtaken,
        Err(fault) => return Err(Failure { fault, repeated }),
    };
    Ok(Answer { outcome, repeated })
}

/// The outcome of an update.
pub(in crate::storage) enum Swap {
    /// The row has this version now. The expected version says that another statement changed or deleted the
    /// row at the same time.
    Now(Version),
    /// There is no live row.
    Missing,
    /// A mark has ended the session, so nothing was stored.
    Refused,
}

/// A row that was read.
pub(in crate::storage) struct Row {
    pub(in crate::storage) version: Version,
    /// Whether a mark may have ended the session, because the statement skipped the marks.
    pub(in crate::storage) is_unchecked: bool,
    pub(in crate::storage) record: Vec<u8>,
}

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
        Self {
            id,
            version,
            ttl: millis(ttl),
            subject: record.subject(),
            signed_in_at: record.signed_in_at().map(as_bigint),
            label: record.label(),
            record: record.encode(),
        }
    }

    pub(in crate::storage) fn subject(&self) -> Option<&[u8]> {
        self.subject.as_ref().map(|it| it.as_bytes().as_slice())
    }
}

/// A time in milliseconds since the Unix epoch, at most the latest one that a column can have.
pub(super) fn as_bigint(time: Timestamp) -> i64 {
    i64::try_from(time.as_unix_millis()).unwrap_or(i64::MAX)
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
    pub(in crate::storage) rows: Vec<(SessionId, Row)>,
}
