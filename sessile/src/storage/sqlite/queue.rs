//! [`Queue`]: sends operations to the thread that writes.
//!
//! [`writer`](super::writer) decides which operations share a transaction.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use super::{
    StoreError,
    database::CHECK_INTERVAL,
    error::{Failure, closed, unanswered},
    location::Location,
};
use crate::clock::Timestamp;

/// How many operations the thread has accepted at most. More of them wait in their own futures.
const CAPACITY: usize = 1024;

/// An operation on the database, which gets the current time and runs within a transaction. If the transaction is
/// undone, the operation is called again in another one.
pub(super) trait DatabaseCall<T>:
    Fn(&Connection, Timestamp) -> rusqlite::Result<T> + Send + 'static
{
}

impl<T, F> DatabaseCall<T> for F where
    F: Fn(&Connection, Timestamp) -> rusqlite::Result<T> + Send + 'static
{
}

/// Sends operations to the thread that writes.
pub(super) struct Queue {
    messages: mpsc::Sender<Message>,
    ended: watch::Receiver<()>,
    /// When a read last had the files checked, in milliseconds since the Unix epoch.
    checked_at: AtomicU64,
}

/// The end of the queue that the thread has.
pub(super) struct Receiver {
    pub(super) messages: mpsc::Receiver<Message>,
    /// Tells that the thread has ended, however that came.
    _end: watch::Sender<()>,
}

pub(super) enum Message {
    Job(Box<dyn Job>),
    /// Look whether the files are still there.
    Check,
    Close(oneshot::Sender<Result<(), StoreError>>),
}

pub(super) fn queue(now: Timestamp) -> (Queue, Receiver) {
    let (sender, receiver) = mpsc::channel(CAPACITY);
    let (end, ended) = watch::channel(());
    let queue = Queue {
        messages: sender,
        ended,
        checked_at: AtomicU64::new(now.as_unix_millis()),
    };
    let receiver = Receiver {
        messages: receiver,
        _end: end,
    };
    (queue, receiver)
}

impl Queue {
    /// Has the thread execute `operation`, and returns its outcome after it was committed.
    ///
    /// If the future is dropped, an operation that the thread has accepted is executed all the same.
    pub(super) async fn execute<T: Send + 'static>(
        &self,
        operation: impl DatabaseCall<T>,
    ) -> Result<T, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Request {
            operation,
            outcome: None,
            reply,
        });
        let sent = self.messages.send(Message::Job(job)).await;
        sent.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(unanswered()))
    }

    /// Has the thread look whether the files are still there, once per interval. Waits for nothing.
    ///
    /// The thread also looks before it writes. A store that is only read would never notice.
    pub(super) fn check_files(&self, now: Timestamp) {
        let now = now.as_unix_millis();
        let last = self.checked_at.load(Ordering::Relaxed);
        if Duration::from_millis(now.abs_diff(last)) >= CHECK_INTERVAL {
            self.checked_at.store(now, Ordering::Relaxed);
            // The thread of a full queue writes.
            let _ = self.messages.try_send(Message::Check);
        }
    }

    /// Has the thread execute what it has accepted, close the database and end. Waits until it has ended.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let sent = self.messages.send(Message::Close(reply)).await;
        let closed = match sent {
            Ok(()) => answer.await.unwrap_or(Ok(())),
            // Another call closes it.
            Err(_) => Ok(()),
        };
        self.ended().await;
        closed
    }

    /// Whether the thread accepts no more operations.
    pub(super) fn is_closed(&self) -> bool {
        self.messages.is_closed()
    }

    /// Waits until the thread has ended.
    pub(super) fn ended(&self) -> impl Future<Output = ()> + use<> {
        let mut ended = self.ended.clone();
        async move {
            // An error means that the thread has ended. It never sends a value.
            let _ = ended.changed().await;
        }
    }
}

/// An operation in the queue, with the way to reply to its caller.
pub(super) trait Job: Send {
    /// Executes the operation and keeps its outcome.
    fn execute(&mut self, connection: &Connection, now: Timestamp) -> Result<(), Failure>;

    /// Sends the outcome to the caller, or the `failure` of the transaction.
    fn answer(self: Box<Self>, failure: Option<Failure>, location: &Location);

    /// Whether the caller no longer waits.
    fn is_abandoned(&self) -> bool;
}

struct Request<F, T> {
    operation: F,
    outcome: Option<Result<T, Failure>>,
    reply: oneshot::Sender<Result<T, StoreError>>,
}

impl<F: DatabaseCall<T>, T: Send> Job for Request<F, T> {
    fn execute(&mut self, connection: &Connection, now: Timestamp) -> Result<(), Failure> {
        let outcome = (self.operation)(connection, now);
        let outcome = outcome.map_err(Failure::from);
        let executed = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        self.outcome = Some(outcome);
        executed
    }

    fn answer(self: Box<Self>, failure: Option<Failure>, location: &Location) {
        if let Some(outcome) = failure.map(Err).or(self.outcome) {
            // The caller may have been dropped.
            let _ = self
                .reply
                .send(outcome.map_err(|failure| failure.into_error(location)));
        }
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }
}
