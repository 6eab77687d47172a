//! The thread that writes: it executes the operations that are queued in one transaction, and answers after
//! the commit.

use std::{
    error::Error,
    io,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    StoreError, StoreErrorKind,
    busy::retry_while_busy,
    database::Database,
    error::{Failure, Problem},
    opening::Options,
    queue::{Job, Message, Queue, Receiver, queue},
    readers::Readers,
};
use crate::clock::{SharedClock, Timestamp};

/// How many operations one transaction has at most.
const BATCH: usize = 256;

/// Opens the database in a thread of its own. Returns when it is open.
pub(super) async fn start(
    options: Arc<Options>,
    clock: SharedClock,
) -> Result<(Queue, Arc<Readers>), StoreError> {
    let (queue, mut receiver) = queue(clock.now());
    let (reply, opened) = oneshot::channel();
    let thread = thread::Builder::new().name("sessile-sqlite".to_owned());
    let spawned = thread.spawn(move || match open(options, &clock, &reply) {
        Ok(database) => {
            if reply.send(Ok(database.readers())).is_ok() {
                let writer = Writer { database, clock };
                writer.serve(&mut receiver);
            }
        }
        Err(error) => {
            // The caller may have been dropped.
            let _ = reply.send(Err(error));
        }
    });
    let unavailable = |error| StoreError::new(StoreErrorKind::Unavailable, error);
    spawned.map_err(unavailable)?;
    let ended = || unavailable(io::Error::other("the thread of the database has ended"));
    let readers = opened.await.unwrap_or_else(|_| Err(ended()))?;
    Ok((queue, readers))
}

/// Opens the database. Tries again while another connection holds it locked.
fn open<T>(
    options: Arc<Options>,
    clock: &SharedClock,
    reply: &oneshot::Sender<T>,
) -> Result<Database, StoreError> {
    let timeout = options.busy_timeout;
    let mut database = Database::new(options);
    let opened = retry_while_busy(
        timeout,
        || !reply.is_closed(),
        || database.connection(clock.now()).map(drop),
    );
    match opened {
        Ok(()) => Ok(database),
        Err(failure) => Err(failure.into_error(database.location())),
    }
}

struct Writer {
    database: Database,
    clock: SharedClock,
}

/// Why a transaction was not committed.
enum Aborted {
    /// It was not begun.
    Refused(Failure),
    /// It was undone, with all operations in it.
    Undone(Failure),
}

impl Writer {
    /// Executes what is queued, until the database is closed or no store is left.
    fn serve(mut self, queue: &mut Receiver) {
        let mut messages = Vec::with_capacity(BATCH);
        let mut jobs = Vec::with_capacity(BATCH);
        let mut closing = Vec::new();
        while let Some(first) = queue.messages.blocking_recv() {
            messages.push(first);
            // A worker on the same core goes on meanwhile, and its other requests join the transaction.
            thread::yield_now();
            while messages.len() < BATCH
                && let Ok(next) = queue.messages.try_recv()
            {
                messages.push(next);
            }
            for message in messages.drain(..) {
                match message {
                    Message::Job(job) => jobs.push(job),
                    Message::Check => self.check_files(),
                    Message::Close(reply) => {
                        queue.messages.close();
                        closing.push(reply);
                    }
                }
            }
            self.execute(&mut jobs);
        }
        let closed = self.database.close();
        for reply in closing {
            let closed = closed.clone();
            let closed = closed.map_err(|failure| failure.into_error(self.database.location()));
            let _ = reply.send(closed);
        }
    }

    /// Closes the database if its files were deleted or replaced. No caller waits for the error.
    fn check_files(&mut self) {
        let now = catch(|| self.clock.now());
        if let Err(failure) = now.and_then(|now| self.database.connection(now).map(drop)) {
            let error = failure.into_error(self.database.location());
            let error: &(dyn Error + 'static) = &error;
            tracing::error!(
                error,
                "the files of an SQLite database were deleted or replaced"
            );
        }
    }

    /// Executes `jobs` in one transaction, or each in its own if that was undone, and answers them.
    fn execute(&mut self, jobs: &mut Vec<Box<dyn Job>>) {
        let mut attempted = self.attempt(jobs);
        // After a failure that leaves the outcome open, nothing is executed again.
        let again = matches!(&attempted, Err(Aborted::Undone(failure)) if failure.is_certain());
        let again = again && jobs.len() > 1;
        for job in jobs.drain(..) {
            let mut job = [job];
            // If one is refused, for example because of a lock, so are those after it.
            if again && !matches!(attempted, Err(Aborted::Refused(_))) {
                attempted = self.attempt(&mut job);
            }
            let [job] = job;
            self.answer(job, &attempted);
        }
    }

    /// Answers `job`, whose transaction was `attempted`.
    fn answer(&self, job: Box<dyn Job>, attempted: &Result<(), Aborted>) {
        let location = self.database.location();
        match attempted {
            Ok(()) => job.answer(location),
            Err(Aborted::Refused(failure) | Aborted::Undone(failure)) => {
                job.fail(failure.clone(), location);
            }
        }
    }

    /// Executes `jobs` in one transaction. If the statement of a job fails, only that is undone.
    fn attempt(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<(), Aborted> {
        if jobs.is_empty() {
            return Ok(());
        }
        let begun = self.begin(jobs).map_err(Aborted::Refused)?;
        let connection = self.database.connection(begun);
        let connection = connection.map_err(Aborted::Refused)?;
        let committed = execute_and_commit(connection, &self.clock, jobs);
        let is_open = !connection.is_autocommit();
        if is_open && run(connection, "ROLLBACK").is_err() {
            // The next transaction opens it.
            let _ = self.database.close();
        }
        committed.map_err(Aborted::Undone)
    }

    /// Begins a transaction that writes, and returns the time. Waits while another connection holds the database locked
    /// and one of the callers waits.
    fn begin(&mut self, jobs: &[Box<dyn Job>]) -> Result<Timestamp, Failure> {
        retry_while_busy(
            self.database.busy_timeout(),
            || !jobs.iter().all(|job| job.is_abandoned()),
            || {
                let now = catch(|| self.clock.now())?;
                let connection = self.database.connection(now)?;
                run(connection, "BEGIN IMMEDIATE").map_err(Failure::not_sent)?;
                Ok(now)
            },
        )
    }
}

fn execute_and_commit(
    connection: &Connection,
    clock: &SharedClock,
    jobs: &mut [Box<dyn Job>],
) -> Result<(), Failure> {
    for job in jobs {
        let executed = catch(|| job.execute(connection, clock.now()))?;
        // After some errors, SQLite undoes the whole transaction.
        if connection.is_autocommit() {
            return executed;
        }
    }
    run(connection, "COMMIT").map_err(Failure::of_commit)
}

/// Calls `call`, which reads the clock of the application. If it panics, the transaction is undone.
fn catch<T>(call: impl FnOnce() -> T) -> Result<T, Failure> {
    let caught = panic::catch_unwind(AssertUnwindSafe(call));
    caught.map_err(|_| Failure::not_sent(Problem::Panicked))
}

/// Executes a statement that returns nothing.
fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}
