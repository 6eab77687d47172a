//! The thread that writes: it executes the operations that are queued in one transaction, and answers after
//! the commit.

use std::{
    error::Error,
    io,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    StoreError, StoreErrorKind,
    database::Database,
    error::{Failure, Problem},
    opening::Options,
    queue::{Job, Message, Queue, Receiver, queue},
    readers::Readers,
};
use crate::clock::{SharedClock, Timestamp};

/// How many operations one transaction has at most.
const BATCH: usize = 256;

/// How long to pause between two attempts, at least and at most. Most locks are held for microseconds.
const PAUSES: (Duration, Duration) = (Duration::from_micros(100), Duration::from_millis(25));

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
            if reply.send(Ok(database.readers.clone())).is_ok() {
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
        Err(failure) => Err(failure.into_error(&database.options.location)),
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
        let mut jobs = Vec::with_capacity(BATCH);
        let mut closing = Vec::new();
        while let Some(first) = queue.messages.blocking_recv() {
            // Yields, so that a worker on the same core can queue its other writes for this transaction.
            thread::yield_now();
            let mut next = Some(first);
            while let Some(message) = next {
                match message {
                    Message::Job(job) => jobs.push(job),
                    Message::Check => self.check_files(),
                    Message::Close(reply) => {
                        queue.messages.close();
                        closing.push(reply);
                    }
                }
                next = match jobs.len() < BATCH {
                    true => queue.messages.try_recv().ok(),
                    false => None,
                };
            }
            self.execute(&mut jobs);
        }
        let closed = self.database.close();
        let location = &self.database.options.location;
        for reply in closing {
            let closed = closed
                .clone()
                .map_err(|failure| failure.into_error(location));
            let _ = reply.send(closed);
        }
    }

    /// Closes the database if its files were deleted or replaced. No caller waits for the error.
    fn check_files(&mut self) {
        let now = catch(|| self.clock.now());
        if let Err(failure) = now.and_then(|now| self.database.connection(now).map(drop)) {
            let error = failure.into_error(&self.database.options.location);
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
            let failure = match &attempted {
                Ok(()) => None,
                Err(Aborted::Refused(failure) | Aborted::Undone(failure)) => Some(failure.clone()),
            };
            job.answer(failure, &self.database.options.location);
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
            self.database.options.busy_timeout,
            || !jobs.iter().all(|job| job.is_abandoned()),
            || {
                let now = catch(|| self.clock.now())?;
                let connection = self.database.connection(now)?;
                run(connection, "BEGIN IMMEDIATE")?;
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

/// Calls `attempt` until it finds the database unlocked, the timeout has passed, or no caller waits.
///
/// It replaces SQLite's own waiting, which continues after all callers were dropped. SQLite also
/// doesn't wait while a new database gets its write-ahead log
/// (<https://www.sqlite.org/c3ref/busy_handler.html>).
fn retry_while_busy<T>(
    timeout: Duration,
    a_caller_waits: impl Fn() -> bool,
    mut attempt: impl FnMut() -> Result<T, Failure>,
) -> Result<T, Failure> {
    let begun = Instant::now();
    let mut pause = PAUSES.0;
    loop {
        let attempted = attempt();
        let left = timeout.saturating_sub(begun.elapsed());
        match attempted {
            Err(failure) if failure.is_busy() && !left.is_zero() && a_caller_waits() => {
                thread::sleep(pause.min(left));
                pause = PAUSES.1.min(pause * 2);
            }
            attempted => return attempted,
        }
    }
}

/// Calls `call`, which reads the clock of the application. If it panics, the transaction is undone.
fn catch<T>(call: impl FnOnce() -> T) -> Result<T, Failure> {
    let caught = panic::catch_unwind(AssertUnwindSafe(call));
    caught.map_err(|_| Problem::Panicked.into())
}

/// Executes a statement that returns nothing.
fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    /// An error with this code of SQLite.
    fn failure(code: i32) -> Failure {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    /// How many attempts are made, the tenth of which succeeds.
    fn attempts(timeout: Duration, a_caller_waits: bool, code: i32) -> usize {
        let mut attempts = 0;
        let _ = retry_while_busy(
            timeout,
            || a_caller_waits,
            || {
                attempts += 1;
                (attempts == 10).then_some(()).ok_or(failure(code))
            },
        );
        attempts
    }

    #[test]
    fn only_a_lock_is_waited_for_and_only_by_a_caller_with_time() {
        let century = Duration::from_secs(100 * 365 * 86_400);
        assert_eq!(attempts(century, true, ffi::SQLITE_BUSY), 10);
        assert_eq!(attempts(Duration::MAX, true, ffi::SQLITE_BUSY), 10);
        assert_eq!(attempts(Duration::ZERO, true, ffi::SQLITE_BUSY), 1);
        assert_eq!(attempts(century, false, ffi::SQLITE_BUSY), 1);
        assert_eq!(attempts(century, true, ffi::SQLITE_FULL), 1);
    }
}
