//! Sessions in a database server, which several servers of an application share.

mod cleanup;
mod database;
mod error;
mod iteration;
mod location;
mod names;
#[cfg(any(feature = "mysql-session", feature = "postgres-pool-sqlx"))]
mod of_sqlx;
#[cfg(any(feature = "mysql-session", feature = "_postgres-pool"))]
mod pooled;
mod schema;
mod subjects;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use tokio::time::Instant;

use super::super::{
    CreateOutcome, EndReporter, Freshness, Loaded, Refusal, SessionId, SessionStore, StoreError,
    StoreErrorKind, SubjectDigest, UpdateOutcome, Version,
};
use crate::{
    record::Record,
    storage::{sql::CleanupReminder, timing::Deadline},
};

use self::database::Outcome;
#[cfg(any(feature = "mysql-session", feature = "postgres-pool-sqlx"))]
pub(in crate::storage) use self::of_sqlx::{Lease, SqlxPool, of_sqlx};
#[cfg(any(feature = "mysql-session", feature = "_postgres-pool"))]
pub(in crate::storage) use self::pooled::after_reply;
pub(in crate::storage) use self::{
    database::{
        AfterCut, Answer, Batch, Cleaned, Database, Failure, Marks, NewRow, Row, Swap, up_to_twice,
    },
    error::{Fault, Meaning, Message},
    iteration::IterableDatabase,
    location::{ParameterError, check_scheme, flag, parameter},
    names::Name,
    schema::{
        Catalog, Column, Definition, FoundTable, SCHEMA_COMMENT, Table, open, schema_sql, tables,
    },
    subjects::{Ended, SignIn, SubjectDatabase},
};

/// The maximum number of attempts of an operation that fails because of concurrent statements.
const MAX_ATTEMPTS: u32 = 5;

/// The time limit for opening a store after it has connected. Another server may be creating the
/// tables.
const OPENING: Duration = Duration::from_secs(30);

/// The time limits of a store.
#[derive(Debug, Clone, Copy)]
pub(in crate::storage) struct Limits {
    pub(in crate::storage) connect_timeout: Duration,
    pub(in crate::storage) response_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(1),
        }
    }
}

/// Keeps sessions in a database server. `PostgresSessionStore` and `MySqlSessionStore` are aliases of this type, which name
/// the kind of server. Clones share the connections.
///
/// ```no_run
/// use sessile::storage::{ManagedStore, PostgresSessionStore, StoreError};
///
/// # async fn example() -> Result<(), StoreError> {
/// let store = PostgresSessionStore::new("postgres://app:secret@localhost/app").await?;
/// assert!(store.clone().ping().await.is_ok());
/// # Ok(()) }
/// ```
pub struct DatabaseSessionStore<B> {
    database: Arc<B>,
    response_timeout: Duration,
    is_closed: Arc<AtomicBool>,
    reminder: Arc<CleanupReminder>,
    opened: Instant,
    end_reporter: Arc<EndReporter>,
}

impl<B> Clone for DatabaseSessionStore<B> {
    fn clone(&self) -> Self {
        Self {
            database: Arc::clone(&self.database),
            response_timeout: self.response_timeout,
            is_closed: Arc::clone(&self.is_closed),
            reminder: Arc::clone(&self.reminder),
            opened: self.opened,
            end_reporter: Arc::clone(&self.end_reporter),
        }
    }
}

impl<B: Database> SessionStore for DatabaseSessionStore<B> {
    async fn load(
        &self,
        id: &SessionId,
        subject: Option<&SubjectDigest>,
        _freshness: Freshness,
    ) -> Result<Option<Loaded>, StoreError> {
        let mut row = self.find(id, Marks::of_session(subject.is_some())).await?;
        if row.as_ref().is_some_and(|row| row.is_unchecked) {
            row = self.find(id, Marks::Read).await?;
        }
        row.map(|row| row.decode()).transpose()
    }

    async fn create(
        &self,
        id: &SessionId,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<CreateOutcome, StoreError> {
        self.reminder.created(self.opened.elapsed());
        let database = self.database()?;
        let row = &NewRow::new(id, record, version, ttl);
        let creating = until_done(self.response_timeout, |deadline| {
            database.create(row, deadline)
        });
        creating.await
    }

    async fn update(
        &self,
        id: &SessionId,
        expected: Version,
        record: &Record,
        version: Version,
        ttl: Duration,
    ) -> Result<UpdateOutcome, StoreError> {
        let database = self.database()?;
        let row = &NewRow::new(id, record, version, ttl);
        let deadline = Deadline::after(self.response_timeout);
        let mut marks = Marks::of_session(record.has_subject());
        let mut was_repeated = false;
        for _ in 0..MAX_ATTEMPTS {
            let updating = database.update(expected, row, marks, deadline);
            let answer = updating.await.map_err(|it| it.after(was_repeated))?;
            was_repeated |= answer.repeated;
            match answer.outcome {
                Outcome::Done(Swap::Now(found)) if found == version => {
                    return Ok(UpdateOutcome::Updated);
                }
                // The mark also ends what an earlier attempt stores.
                Outcome::Done(Swap::Refused) => {
                    return Ok(UpdateOutcome::Refused(Refusal::SubjectEnded));
                }
                // The stored row may have a subject, which the new one has not.
                Outcome::Done(Swap::Missing) if marks == Marks::Skip => marks = Marks::Read,
                // Without a repeat, the reply concerns this attempt alone.
                Outcome::Done(Swap::Missing) if !was_repeated => return Ok(UpdateOutcome::Missing),
                _ if !was_repeated => return Ok(UpdateOutcome::Conflict),
                // The first attempt may be in progress: the next one finds its version.
                Outcome::Overtaken => {}
                Outcome::Done(Swap::Now(found)) if found == expected => {}
                // The first attempt may have been stored, and then changed or deleted.
                Outcome::Done(_) => return Err(Fault::Unknown.into()),
            }
        }
        Err(Fault::Unknown.into())
    }

    async fn delete(&self, id: &SessionId) -> Result<(), StoreError> {
        let database = self.database()?;
        until_done(self.response_timeout, |deadline| {
            database.delete(id, deadline)
        })
        .await
    }

    fn end_reporter(&self) -> Option<&EndReporter> {
        Some(&self.end_reporter)
    }
}

#[expect(
    private_bounds,
    reason = "the kinds of servers are those of this crate"
)]
impl<B: Database> DatabaseSessionStore<B> {
    /// Checks that the tables can be used.
    pub(in crate::storage) async fn open(
        database: B,
        limits: Limits,
        create_tables: bool,
    ) -> Result<Self, StoreError> {
        until_done(OPENING, |deadline| database.open(create_tables, deadline)).await?;
        Ok(Self {
            database: Arc::new(database),
            response_timeout: limits.response_timeout,
            is_closed: Arc::default(),
            reminder: Arc::default(),
            opened: Instant::now(),
            end_reporter: Arc::default(),
        })
    }

    /// The database, unless the store was closed.
    fn database(&self) -> Result<&B, Fault> {
        (!self.is_closed())
            .then_some(&*self.database)
            .ok_or(Fault::StoreClosed)
    }

    fn is_closed(&self) -> bool {
        self.is_closed.load(Relaxed)
    }

    async fn find(&self, id: &SessionId, marks: Marks) -> Result<Option<Row>, StoreError> {
        let database = self.database()?;
        until_done(self.response_timeout, |deadline| {
            database.load(id, marks, deadline)
        })
        .await
    }
}

/// Runs `operation`, again if other statements changed the same rows first.
async fn until_done<T, F>(
    limit: Duration,
    operation: impl Fn(Deadline) -> F,
) -> Result<T, StoreError>
where
    F: Future<Output = Result<Answer<T>, Failure>>,
{
    let deadline = Deadline::after(limit);
    let mut was_repeated = false;
    for _ in 0..MAX_ATTEMPTS {
        let answer = operation(deadline).await;
        let answer = answer.map_err(|it| it.after(was_repeated))?;
        if let Outcome::Done(done) = answer.outcome {
            return Ok(done);
        }
        was_repeated |= answer.repeated;
    }
    let overtaken = Failure {
        fault: Fault::Overtaken,
        repeated: was_repeated,
    };
    Err(overtaken.into())
}

impl<B: Database> fmt::Debug for DatabaseSessionStore<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [sessions, _] = self.database.tables();
        f.debug_struct("DatabaseSessionStore")
            .field("table", &sessions.name)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn an_error_leaves_open_an_attempt_before_those_that_were_overtaken() {
        for attempts in [1, MAX_ATTEMPTS] {
            let begun = Cell::new(0);
            let not_connected = || Fault::TimedOut(OPENING).not_connected();
            let ended = until_done::<(), _>(OPENING, |_| {
                let number = begun.replace(begun.get() + 1);
                std::future::ready(match number < attempts {
                    true => Ok(Answer {
                        outcome: Outcome::Overtaken,
                        // Its first attempt was cut.
                        repeated: number == 0,
                    }),
                    false => Err(Failure {
                        fault: not_connected(),
                        repeated: false,
                    }),
                })
            });
            assert!(ended.await.unwrap_err().may_have_happened());
        }
    }
}
